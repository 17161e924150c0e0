import Dispatch
import Glibc
import Synchronization

/// Java's bootstrap: sources that a compiler of this machine makes class files of, once for a directory of runtime
/// files.
///
/// That takes a second or two, so it is done when the first function asks for it, beside everything else; environments
/// that start meanwhile wait for it (`bootstrap-java.sh`). The compiler runs as the server's user, outside of
/// sandboxes.
final class JavaBootstrap: Sendable {
    /// Java 13 and later start faster with an archive of the bootstrap's loaded classes.
    private static let firstWithArchives = 13
    private static let timeout: Duration = .seconds(120)

    /// What is compiled, and what it is compiled by, as files of the runtime files' directory.
    static let sources: [(name: String, contents: [UInt8])] = [
        ("compile-java.sh", PackageResources.compile_java_sh),
        ("java/Bean.java", PackageResources.Bean_java), ("java/Bootstrap.java", PackageResources.Bootstrap_java),
        ("java/Client.java", PackageResources.Client_java),
        ("java/ClientContext.java", PackageResources.ClientContext_java),
        ("java/CognitoIdentity.java", PackageResources.CognitoIdentity_java),
        ("java/Context.java", PackageResources.Context_java),
        ("java/CustomPojoSerializer.java", PackageResources.CustomPojoSerializer_java),
        ("java/Fault.java", PackageResources.Fault_java), ("java/Handler.java", PackageResources.Handler_java),
        ("java/Invocation.java", PackageResources.Invocation_java), ("java/Json.java", PackageResources.Json_java),
        ("java/LambdaLogger.java", PackageResources.LambdaLogger_java),
        ("java/LambdaRuntime.java", PackageResources.LambdaRuntime_java),
        ("java/LambdaRuntimeInternal.java", PackageResources.LambdaRuntimeInternal_java),
        ("java/Log.java", PackageResources.Log_java), ("java/LogFormat.java", PackageResources.LogFormat_java),
        ("java/LogLevel.java", PackageResources.LogLevel_java), ("java/Mapper.java", PackageResources.Mapper_java),
        ("java/RequestHandler.java", PackageResources.RequestHandler_java),
        ("java/RequestStreamHandler.java", PackageResources.RequestStreamHandler_java),
        ("java/RuntimeApi.java", PackageResources.RuntimeApi_java), ("java/Texts.java", PackageResources.Texts_java),
        ("java/Times.java", PackageResources.Times_java), ("java/Training.java", PackageResources.Training_java),
        ("java/Writer.java", PackageResources.Writer_java), ("java/flags", PackageResources.flags),
    ]

    private let files: RuntimeFiles
    private let compiler: String?
    private let interpreters: [Interpreter]
    private let hasBegun = Mutex(false)

    init(files: RuntimeFiles, interpreters: [Interpreter]) {
        self.files = files
        self.interpreters = interpreters.filter { $0.language == .java }
        self.compiler = self.interpreters.lazy.compactMap(\.compiler).first
    }

    /// Where the results are, and the name that they have in common: it changes with the sources.
    private var directory: String { files.compiled ?? files.directory }
    private var stem: String { String(files.directory.split(separator: "/").last ?? "runtime") + "-java" }

    /// The class file archive and the archive of loaded classes, as a sandbox sees them.
    func places(_ interpreter: Interpreter) -> [String] {
        let inside = files.compiled == nil ? "/var/runtime" : RootBuilder.compiled
        return ["\(inside)/\(stem)", archive(interpreter).map { "\(inside)/\($0)" } ?? "-"]
    }

    private func archive(_ interpreter: Interpreter) -> String? {
        interpreter.line >= Self.firstWithArchives ? "\(stem)-\(interpreter.version).jsa" : nil
    }

    /// Whether the bootstrap is compiled or can be.
    var canServe: Bool { compiler != nil || access("\(directory)/\(stem).jar", R_OK) == 0 }

    /// Begins to compile, unless that was begun or done before. Returns at once.
    func prepare() {
        let isFirst = hasBegun.withLock { begun in
            defer { begun = true }
            return !begun
        }
        guard isFirst else { return }
        let archives = interpreters.compactMap { java in archive(java).map { (java, $0) } }
        let wanted = ["\(stem).jar"] + archives.map(\.1)
        guard wanted.contains(where: { access("\(directory)/\($0)", R_OK) != 0 }) else { return }
        let script = String(decoding: PackageResources.compile_java_sh, as: UTF8.self)
        let homes = archives.flatMap { ["\($0.0.prefix)/\($0.0.executable)", $0.1] }
        let arguments = ["/bin/sh", "-c", script, "sh", files.directory, directory, stem, compiler ?? ""] + homes
        DispatchQueue(label: "java bootstrap").async {
            let probe = Probe(arguments, environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"])
            _ = probe?.answer(until: ContinuousClock.now + Self.timeout)
        }
    }
}
