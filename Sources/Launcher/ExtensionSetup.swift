import CLinux
import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// What a sandbox with external extensions needs besides its command: the files directly in `/opt/extensions`, a
/// control socket and a pipe. Owns its descriptors.
final class ExtensionSetup {
    /// The files' names, sorted; one more than may run at most, so that the server sees that there are too many.
    let names: [String]
    /// The init's ends: of the control socket, and of the pipe that is the extensions' standard output and error.
    let initControl: Int32
    let outputWriter: Int32
    private var serverControl: Int32
    private var outputReader: Int32

    /// Looked through at most; who fills the directory with more has the rest ignored.
    private static let maximumEntries = 4096
    /// What extensions do not find in their environment (developer guide, "Extensions API: configure extensions").
    private static let hiddenVariables = [
        "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT", "_HANDLER", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT",
    ].map { Array($0.utf8) + [UInt8(ascii: "=")] }

    private init(names: [String], control: [Int32], output: [Int32]) {
        self.names = names
        (serverControl, initControl) = (control[0], control[1])
        (outputReader, outputWriter) = (output[0], output[1])
    }

    deinit {
        for descriptor in [initControl, outputWriter, serverControl, outputReader] where descriptor >= 0 {
            close(descriptor)
        }
    }

    /// Nil when there is no extension in what will be `/opt`.
    static func find(in layers: Int32) throws(SystemCallError) -> ExtensionSetup? {
        let names = list(layers)
        if names.isEmpty { return nil }
        var sockets: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        try checked("socketpair") { socketpair(AF_UNIX, type, 0, &sockets) }
        var pipe: [Int32] = [-1, -1]
        let result = apus_pipe(&pipe)
        guard result >= 0 else {
            for socket in sockets { close(socket) }
            throw SystemCallError("pipe2", errno: -result)
        }
        return ExtensionSetup(names: names, control: sockets, output: pipe)
    }

    /// As ``find(in:)``, in the `/opt` of an image.
    static func find(inImage root: Int32) throws(SystemCallError) -> ExtensionSetup? {
        let descriptor = apus_open_beneath(root, "opt", apus_o_path | O_DIRECTORY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return try find(in: descriptor)
    }

    /// Whether there is one.
    static func isFound(in layers: Int32) -> Bool { !list(layers).isEmpty }

    /// The regular files and links in `extensions`; none where that is no directory.
    private static func list(_ layers: Int32) -> [String] {
        guard layers >= 0 else { return [] }
        let descriptor = apus_open_beneath(layers, "extensions", O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { return [] }
        guard let directory = fdopendir(descriptor) else {
            close(descriptor)
            return []
        }
        defer { closedir(directory) }
        var names: [String] = []
        for _ in 0..<maximumEntries {
            guard let entry = readdir(directory) else { break }
            let text = UnsafeRawPointer(entry) + (MemoryLayout<dirent>.offset(of: \.d_name) ?? 0)
            guard let name = String(validatingCString: text.assumingMemoryBound(to: CChar.self)), name != ".",
                name != ".."
            else { continue }
            var information = stat()
            guard fstatat(descriptor, name, &information, AT_SYMLINK_NOFOLLOW) == 0,
                information.st_mode & S_IFMT != S_IFDIR
            else { continue }
            names.append(name)
        }
        names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return Array(names.prefix(Int(APUS_EXTENSIONS_MAXIMUM.rawValue) + 1))
    }

    /// Those that run.
    var started: ArraySlice<String> { names.prefix(Int(APUS_EXTENSIONS_MAXIMUM.rawValue)) }

    /// What the server gets. Once.
    func takeServerEnds() -> SandboxRecord.Extensions {
        defer { (serverControl, outputReader) = (-1, -1) }
        return SandboxRecord.Extensions(names: names, control: serverControl, output: outputReader)
    }

    /// Whether an extension finds this `NAME=value` in its environment.
    static func shows(_ variable: UnsafeRawBufferPointer) -> Bool {
        !hiddenVariables.contains { variable.starts(with: $0) }
    }
}
