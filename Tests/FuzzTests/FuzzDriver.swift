#if canImport(Glibc)
    import Glibc
#endif

/// What `APUS_FUZZ_TARGET` names. Nothing asks for it but libFuzzer.
private let chosen: FuzzTarget = {
    let name = getenv("APUS_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
        fatalError("APUS_FUZZ_TARGET is none of: \(FuzzTarget.all.map(\.name).joined(separator: " "))")
    }
    return target
}()

/// What libFuzzer calls with each input: https://llvm.org/docs/LibFuzzer.html
@_cdecl("LLVMFuzzerTestOneInput")
public func checkOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    do {
        try chosen.check(Array(UnsafeBufferPointer(start: data, count: size)))
    } catch {
        fatalError("\(chosen.name): \(error)")
    }
    return 0
}
