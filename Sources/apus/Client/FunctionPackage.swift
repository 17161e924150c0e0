import Archive
import Glibc

/// The code that `apus deploy` uploads: a directory, which is zipped, or a zip file as it is.
struct FunctionPackage {
    let zip: [UInt8]
    /// The name of the directory or file, as a function may be named.
    let name: String
    /// What the files look like; nil when nothing there looks like a function.
    let guess: FunctionProject?

    /// - Throws: ``ClientError/usage(_:)`` when there is nothing at `path`, `ArchiveError` when it cannot be packed or
    ///   is no zip.
    init(path: String) throws {
        guard let resolved = realpath(path, nil) else {
            throw ClientError.usage("Cannot read \(path): \(String(cString: strerror(errno))).")
        }
        defer { free(resolved) }
        let real = String(cString: resolved)
        let last = real.split(separator: "/").last.map(String.init) ?? "function"
        if LocalFile.isDirectory(real) {
            zip = try ZipBuilder.zip(directory: real)
            guess = FunctionProject.guess(directory: real)
            name = Self.functionName(last)
        } else {
            zip = try LocalFile.read(real)
            guess = try Self.unpacked(zip) { FunctionProject.guess(directory: $0) }
            name = Self.functionName(last.hasSuffix(".zip") ? String(last.dropLast(4)) : last)
        }
    }

    /// Letters, digits, `-` and `_`; anything else becomes `-`.
    private static func functionName(_ text: String) -> String {
        String(text.prefix(64).map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "-" })
    }

    /// Runs `body` with a directory that the zip is unpacked into for so long.
    private static func unpacked<Value>(_ zip: [UInt8], _ body: (String) -> Value) throws -> Value {
        var template = Array("/tmp/apus-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ClientError.usage("Cannot make a directory in /tmp: \(String(cString: strerror(errno))).")
        }
        let parent = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { rmdir(parent) }
        let directory = parent + "/code"
        try ZipExtractor().extract(zip, to: directory)
        defer { try? ZipExtractor.remove(directory) }
        return body(directory)
    }
}
