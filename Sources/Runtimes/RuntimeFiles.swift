import Glibc

/// The bootstraps, written out so that sandboxes can see them at `/var/runtime`.
package struct RuntimeFiles: Sendable, Hashable {
    /// Where they are; the last component changes with their contents.
    package let directory: String
    /// Where the server, no longer root, puts what it compiles for them; sandboxes see it at `/var/compiled`. Nil:
    /// beside them.
    package var compiled: String?

    /// A file that could not be written.
    package struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        package var operation: String
        package var path: String
        package var errno: Int32
        package var description: String { "\(operation) \(path): \(String(cString: strerror(errno)))" }
    }

    /// Names files that are there already.
    package init(directory: String) { self.directory = directory }

    /// Writes the bootstraps that this program carries to a directory below `parent`, which is made if it is missing.
    /// Servers may do so at the same time; what an earlier start wrote is used again, after its contents were compared.
    package static func install(into parent: String) throws(Failure) -> RuntimeFiles {
        try install(embedded, into: parent)
    }

    /// The files by name.
    static let embedded: [(name: String, contents: [UInt8])] = scripts + JavaBootstrap.sources + JavaBootstrap.crac

    private static let scripts: [(name: String, contents: [UInt8])] = [
        ("bootstrap-java.sh", PackageResources.bootstrap_java_sh),
        ("bootstrap.rb", PackageResources.bootstrap_rb),
        ("bootstrap-dotnet.sh", PackageResources.bootstrap_dotnet_sh),
        ("bootstrap-powershell.sh", PackageResources.bootstrap_powershell_sh),
        ("bootstrap.ps1", PackageResources.bootstrap_ps1),
        ("bootstrap.cs", PackageResources.bootstrap_cs),
        ("bootstrap.mjs", PackageResources.bootstrap_mjs),
        ("bootstrap.py", PackageResources.bootstrap_py),
        ("snapshot_restore_py.py", PackageResources.snapshot_restore_py_py),
        ("probe-dotnet.sh", PackageResources.probe_dotnet_sh),
    ]

    static func install(_ files: [(name: String, contents: [UInt8])], into parent: String) throws(Failure) -> Self {
        try makeDirectories(parent)
        let directory = parent + "/" + contentName(files)
        try makeDirectories(directory)
        if files.contains(where: { $0.name.hasPrefix("java/") }) { try makeDirectories(directory + "/java/crac") }
        for file in files {
            let path = directory + "/" + file.name
            if (try? HostFile.read(path, limit: file.contents.count + 1)) == file.contents { continue }
            try HostFile.replace(path, with: file.contents)
        }
        return RuntimeFiles(directory: directory)
    }

    /// A name that differs when a file does. It tells releases apart; it guards against nobody.
    private static func contentName(_ files: [(name: String, contents: [UInt8])]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for file in files {
            for byte in Array(file.name.utf8) + [0] + file.contents + [0] {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
        }
        return "runtime-" + String(hash, radix: 16)
    }

    static func makeDirectories(_ path: String) throws(Failure) {
        var sofar = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            sofar += "/" + component
            guard mkdir(sofar, 0o755) != 0, errno != EEXIST else { continue }
            let code = errno
            // Some parents exist and may not be written to, which mkdir reports before it reports that they exist.
            if access(sofar, F_OK) != 0 { throw Failure(operation: "mkdir", path: sofar, errno: code) }
        }
    }
}
