import Dispatch
import Glibc
import Synchronization

/// Java's bootstrap: sources that a compiler of this machine makes class files of, once for a directory of runtime
/// files.
///
/// That takes seconds, so it is done when the first function is deployed that needs it, which is not ready before. The
/// compiler runs as the server's user, outside of sandboxes.
final class JavaBootstrap: Sendable {
    /// Java 13 and later start faster with an archive of the bootstrap's loaded classes.
    private static let firstWithArchives = 13
    private static let timeout: Duration = .seconds(120)

    /// What is compiled, and what it is compiled by, as files of the runtime files' directory.
    static let sources: [(name: String, contents: [UInt8])] = [
        ("compile-java.sh", PackageResources.compile_java_sh), ("java/Ahead.java", PackageResources.Ahead_java),
        ("java/Bean.java", PackageResources.Bean_java), ("java/Bootstrap.java", PackageResources.Bootstrap_java),
        ("java/Client.java", PackageResources.Client_java),
        ("java/ClientContext.java", PackageResources.ClientContext_java),
        ("java/CognitoIdentity.java", PackageResources.CognitoIdentity_java),
        ("java/Context.java", PackageResources.Context_java),
        ("java/CustomPojoSerializer.java", PackageResources.CustomPojoSerializer_java),
        ("java/Fault.java", PackageResources.Fault_java), ("java/Handler.java", PackageResources.Handler_java),
        ("java/Internals.java", PackageResources.Internals_java),
        ("java/Invocation.java", PackageResources.Invocation_java), ("java/Json.java", PackageResources.Json_java),
        ("java/LambdaLogger.java", PackageResources.LambdaLogger_java),
        ("java/LambdaRuntime.java", PackageResources.LambdaRuntime_java),
        ("java/LambdaRuntimeInternal.java", PackageResources.LambdaRuntimeInternal_java),
        ("java/Log.java", PackageResources.Log_java), ("java/LogFormat.java", PackageResources.LogFormat_java),
        ("java/LogLevel.java", PackageResources.LogLevel_java), ("java/Mapper.java", PackageResources.Mapper_java),
        ("java/Rehearsal.java", PackageResources.Rehearsal_java),
        ("java/RequestHandler.java", PackageResources.RequestHandler_java),
        ("java/RequestStreamHandler.java", PackageResources.RequestStreamHandler_java),
        ("java/RuntimeApi.java", PackageResources.RuntimeApi_java),
        ("java/SnapStart.java", PackageResources.SnapStart_java),
        ("java/Symbols.java", PackageResources.Symbols_java),
        ("java/Texts.java", PackageResources.Texts_java), ("java/Times.java", PackageResources.Times_java),
        ("java/Variables.java", PackageResources.Variables_java),
        ("java/Writer.java", PackageResources.Writer_java), ("java/flags", PackageResources.flags),
    ]

    /// The classes that `org.crac` looks for. One is called like another class, so all have other names
    /// here than there.
    static let crac: [(name: String, contents: [UInt8])] = [
        ("java/crac/CheckpointException.java", PackageResources.CracCheckpointException_java),
        ("java/crac/Context.java", PackageResources.CracContext_java),
        ("java/crac/Core.java", PackageResources.CracCore_java),
        ("java/crac/GlobalContext.java", PackageResources.CracGlobalContext_java),
        ("java/crac/Resource.java", PackageResources.CracResource_java),
        ("java/crac/RestoreException.java", PackageResources.CracRestoreException_java),
    ]

    private let files: RuntimeFiles
    private let compiler: String?
    private let interpreters: [Interpreter]
    private let state = Mutex(State())

    private struct State {
        var isCompiling = false
        /// Whether the archives of loaded classes have been made, or cannot be.
        var hasArchived = false
        /// Who waits for the compiler, by number; they hear why it failed.
        var waiting: [Int: CheckedContinuation<String?, Never>] = [:]
        var nextNumber = 0
    }

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

    /// Sees to it that the bootstrap is compiled: waits for the compiler where it is not, and for one that runs
    /// already. Cancellation ends the waiting, not the compiler.
    ///
    /// - Returns: why it could not be compiled, in a sentence; nil when it is there.
    func prepare() async -> String? {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFirst = state.withLock { state -> Bool? in
                    if Task.isCancelled { return nil }
                    state.waiting[number] = continuation
                    defer { state.isCompiling = true }
                    return !state.isCompiling
                }
                guard let isFirst else { return continuation.resume(returning: Self.cancelled) }
                if isFirst { DispatchQueue(label: "java bootstrap").async { self.compile() } }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(returning: Self.cancelled)
        }
    }

    private static let cancelled = "Java's bootstrap is still being compiled."

    private func compile() {
        let isThere = access("\(directory)/\(stem).jar", R_OK) == 0
        let failure = isThere || (compiler != nil && run()) ? nil : reason
        let (waiting, mustArchive) = state.withLock { state in
            defer {
                state.waiting = [:]
                state.isCompiling = false
                state.hasArchived = state.hasArchived || failure == nil
            }
            return (state.waiting.values, failure == nil && !state.hasArchived)
        }
        for continuation in waiting { continuation.resume(returning: failure) }
        // Functions start without these, only slower: nobody waits for them.
        if mustArchive { makeArchives() }
    }

    private func makeArchives() {
        let archives = interpreters.compactMap { java in archive(java).map { (java, $0) } }
        guard !archives.allSatisfy({ access("\(directory)/\($0.1)", R_OK) == 0 }) else { return }
        _ = run(archives.flatMap { ["\($0.0.prefix)/\($0.0.executable)", $0.1] })
    }

    /// Whether `compile-java.sh` succeeded.
    private func run(_ arguments: [String] = []) -> Bool {
        let script = String(decoding: PackageResources.compile_java_sh, as: UTF8.self)
        let command = ["/bin/sh", "-c", script, "sh", files.directory, directory, stem, compiler ?? ""] + arguments
        let probe = Probe(command, environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"])
        return probe?.answer(until: ContinuousClock.now + Self.timeout) != nil
    }

    private var reason: String {
        guard compiler != nil else { return "Java's bootstrap cannot be compiled: no JDK was found." }
        let said = try? HostFile.read("\(directory)/\(stem).failed", limit: 4096)
        let line = said.map { String(decoding: $0, as: UTF8.self) }?.split(separator: "\n").first.map(String.init)
        return "Java's bootstrap cannot be compiled: " + (line ?? "the compiler did not end in time.")
    }
}
