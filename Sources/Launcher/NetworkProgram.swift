import CLinux
import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// Runs the programs that make the network. Single-threaded callers only: it forks.
enum NetworkProgram {
    /// The path of an executable file of that name; nil where no directory has one.
    static func find(_ name: String, in directories: [String]) -> String? {
        directories.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Loads rules into the network namespace that the caller is in; waits for the end.
    static func nft(_ path: String, rules: String) throws(NetworkError) {
        let text = Array(rules.utf8)
        let input = Descriptor(
            owning: try checked("memfd_create", apus_network_scratch(text, text.count, text.count)))
        let errors = try scratch()
        let status = withArguments([[path, "-f", "-"]]) { arguments, _ in
            apus_network_run(arguments, input.number, errors.number)
        }
        guard try checked("nft", status) == 0 else {
            throw NetworkError(operation: "nft", reason: complaint(in: errors) ?? "ended with wait status \(status)")
        }
    }

    /// A file for what a program has to say, of 16 KiB at most.
    static func scratch() throws(NetworkError) -> Descriptor {
        Descriptor(owning: try checked("memfd_create", apus_network_scratch("", 0, 16384)))
    }

    /// What a program said, its lines joined, 300 characters at most; nil when it was silent.
    static func complaint(in scratch: borrowing Descriptor) -> String? {
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = pread(scratch.number, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let lines = bytes[..<count].split { $0 == 0 || $0 == 10 }.map { String(decoding: $0, as: UTF8.self) }
        return lines.isEmpty ? nil : String(lines.joined(separator: "; ").prefix(300))
    }

    /// Lends command lines to C, one after the other, each with its NULL, and says where each starts.
    static func withArguments<Value>(
        _ commands: [[String]], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>, [UInt8]) -> Value
    ) -> Value {
        var pointers: [UnsafeMutablePointer<CChar>?] = []
        var starts: [UInt8] = []
        for command in commands {
            starts.append(UInt8(pointers.count))
            pointers += command.map { strdup($0) } + [nil]
        }
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeBufferPointer { buffer in
            // Never empty: every command ends with NULL.
            guard let base = buffer.baseAddress else { preconditionFailure("no command") }
            return body(base, starts)
        }
    }
}
