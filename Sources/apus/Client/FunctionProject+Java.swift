import Glibc

extension FunctionProject {
    private static let java = "java21"

    /// Deeper packages are not looked into.
    private static let depth = 12

    /// The one class below `directory` that implements an interface of AWS's for handlers, if there is exactly one.
    static func javaHandler(directory: String) -> FunctionProject? {
        var found: [String] = []
        search(directory, package: "", depth: depth, into: &found)
        guard let name = found.first, found.count == 1 else { return nil }
        return FunctionProject(runtime: java, handler: name, reason: "\(name) implements a handler interface")
    }

    private static func search(_ directory: String, package: String, depth: Int, into found: inout [String]) {
        guard depth > 0, let stream = opendir(directory) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let path = directory + "/" + name
            if name.hasPrefix(".") { continue }
            if LocalFile.isDirectory(path) {
                search(path, package: package + name + ".", depth: depth - 1, into: &found)
            } else if name.hasSuffix(".class"), let contents = try? LocalFile.read(path), isHandler(contents) {
                found.append(package + name.dropLast(".class".count))
            }
        }
    }

    /// A class names the interfaces that it implements in its table of constants.
    private static func isHandler(_ contents: [UInt8]) -> Bool {
        let names = ["RequestHandler", "RequestStreamHandler"].map { "com/amazonaws/services/lambda/runtime/\($0)" }
        return contents.starts(with: [0xCA, 0xFE, 0xBA, 0xBE])
            && names.contains { name in
                // A constant is preceded by its length.
                let constant = [0, UInt8(name.utf8.count)] + Array(name.utf8)
                return contents.indices.contains { contents[$0...].starts(with: constant) }
            }
    }
}
