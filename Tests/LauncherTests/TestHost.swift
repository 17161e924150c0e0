import Linux
import Sandbox
import Synchronization
import TestSupport

@testable import Launcher

#if canImport(Glibc)
    import Glibc
#endif

/// A launcher with directories of its own, and what a test does with its sandboxes.
final class TestHost: Sendable {
    let client: LauncherClient
    let directory: String
    /// What its sandboxes are made from.
    let origin: Origin

    /// A sandbox's origin, with the runtime that is forked.
    enum Origin: CaseIterable {
        case new, parked, booted, forked, forkedByRuby

        var ofSandbox: StartedSandbox.Origin {
            switch self {
            case .new: .new
            case .parked: .parked
            case .booted: .booted
            case .forked, .forkedByRuby: .forked
            }
        }
    }

    /// Whatever a sandbox is made from, it isolates alike.
    static let origins = Origin.allCases.filter { $0 != .forkedByRuby || hasRuby }
    static let hasRuby = access("/usr/bin/ruby", X_OK) == 0

    /// Why no sandbox can be started on this machine; nil when they can.
    static let obstacle: String? = {
        if access(LauncherClient.defaultExecutable(), X_OK) < 0 {
            return "apus-launcher has not been built beside the tests"
        }
        if geteuid() == 0 { return nil }
        let result = HostProbe.userNamespace()
        return result == 0 ? nil : "user namespaces: \(SystemCallError.text(result))"
    }()

    enum User {
        case same
        /// Somebody without any privilege, played by root.
        case ordinary
    }

    /// A user id that nobody has.
    static let ordinaryUser: UInt32 = 54_321
    private static let setpriv = "/usr/bin/setpriv"

    /// Why root cannot play an ordinary user here; nil when it can. (An ordinary user runs the other suites as itself.)
    static let ordinaryUserObstacle: String? = {
        if let obstacle { return obstacle }
        if geteuid() != 0 { return "the tests do not run as root" }
        if access(setpriv, X_OK) < 0 { return "setpriv is not installed" }
        return nil
    }()

    private init(client: LauncherClient, directory: String, origin: Origin) {
        self.origin = origin
        self.client = client
        self.directory = directory
    }

    /// The system's programs, as a runtime would have them.
    static let systemRoot: RootTemplate = {
        var root = RootTemplate(name: "system", binds: [RootTemplate.Bind(source: "/usr", target: "/usr")])
        for directory in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
            var information = stat()
            guard lstat("/" + directory, &information) == 0 else { continue }
            if information.st_mode & S_IFMT == S_IFLNK {
                root.symlinks.append(RootTemplate.Symlink(path: "/" + directory, target: "usr/" + directory))
            } else {
                root.binds.append(RootTemplate.Bind(source: "/" + directory, target: "/" + directory))
            }
        }
        return root
    }()

    static func start(
        _ origin: Origin = .new, user: User = .same, accepted: [Weakness] = Weakness.allCases,
        maximumSandboxes: Int? = nil, fileSystems: [FileSystemDirectory] = []
    ) async throws -> TestHost {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemCallError("mkdtemp", errno: errno) }
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for name in ["code", "code/function", "code/other", "run"] { mkdir(directory + "/" + name, 0o755) }
        write("secret", to: directory + "/code/other/secret", mode: 0o644)
        let configuration = LauncherConfiguration(
            roots: [systemRoot], codeDirectory: directory + "/code", fileSystems: fileSystems,
            runDirectory: directory + "/run", accepted: accepted,
            maximumSandboxes: maximumSandboxes ?? (origin == .new ? 64 : 256))
        var executable = LauncherClient.defaultExecutable()
        if user == .ordinary {
            // The directory is the user's own, closed to everybody else.
            for name in ["", "/code", "/code/function", "/code/other", "/run"] {
                chown(directory + name, ordinaryUser, ordinaryUser)
            }
            let launcher = executable
            executable = directory + "/launch"
            write(
                """
                #!/bin/sh
                exec \(setpriv) --reuid=\(ordinaryUser) --regid=\(ordinaryUser) --clear-groups \\
                    --inh-caps=-all \(launcher)
                """, to: executable, mode: 0o755)
        }
        let client = try await LauncherClient.launch(executable: executable, configuration: configuration)
        if client.endpointListener >= 0 { close(client.endpointListener) }
        return TestHost(client: client, directory: directory, origin: origin)
    }

    private static func write(_ text: String, to path: String, mode: mode_t) {
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    func stop() async {
        await withCheckedContinuation { continuation in client.shutdown { continuation.resume() } }
        for name in ["code/other/secret", "launch"] { unlink(directory + "/" + name) }
        for name in ["code/function", "code/other", "code", "run", ""] { rmdir(directory + "/" + name) }
    }

    struct Run: Sendable {
        var output: String
        var exit: SandboxExit
    }

    /// A sandbox that has started: what it writes and how it ends are still to come.
    struct Running: Sendable {
        var started: StartedSandbox
        var ended: Task<SandboxExit, Never>
    }

    func spec(
        _ script: String, layers: String? = nil, environment: [String] = [],
        limits: SandboxLimits = SandboxLimits(memoryMiB: 512)
    ) -> SandboxSpec {
        var spec = SandboxSpec(
            root: "system", code: "function", layers: layers, arguments: ["/bin/sh", "-c", script],
            environment: ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"] + environment, limits: limits)
        if [.booted, .forked, .forkedByRuby].contains(origin) {
            spec.isForkable = origin != .booted
            spec.bootEnvironment = spec.environment.prefix(1) + ["BOOTED=yes"]
            spec.arguments =
                origin == .forkedByRuby
                ? ["/usr/bin/ruby", "--disable-gems", "-e", Self.bootingRuby] : ["/usr/bin/perl", "-e", Self.booting]
            spec.environment.append("SCRIPT=\(script)")
        }
        return spec
    }

    /// A runtime that starts ahead, or is forked then: takes its variables over, then runs a script. Perl is in every
    /// Debian. Its directory is the init's to change, or, where it was forked, its own.
    private static let booting = """
        $f = $ENV{APUS_ZYGOTE}; if ($f and fork) { exit }
        open(B, "<&=", $ENV{APUS_BINDING}); read(B, $n, 4) == 4 or exit; read(B, $v, unpack("V", $n)); close(B);
        %ENV = map { split /=/, $_, 2 } split /\\0/, $v; chdir "/var/task" if $f;
        $s = delete $ENV{SCRIPT}; exec "/bin/sh", "-c", $s;
        """

    /// The same by an interpreter that has threads, pipes and timers of its own to make anew, and forks with all
    /// signals blocked.
    private static let bootingRuby = """
        exit!(0) if ENV.key?("APUS_ZYGOTE") && fork
        v = IO.open(ENV["APUS_BINDING"].to_i, "rb") { |b| b.read(b.read(4).unpack1("V")) }
        ENV.replace(v.split("\\0").to_h { |v| v.split("=", 2) })
        Dir.chdir("/var/task")
        exec("/bin/sh", "-c", ENV.delete("SCRIPT"))
        """

    /// One that is forked and executes nothing, but runs this program in perl, or in Ruby.
    func forking(_ program: String) -> [String] {
        origin == .forkedByRuby
            ? [
                "/usr/bin/ruby", "--disable-gems", "-e",
                Self.bootingRuby.replacing("exec(\"/bin/sh\", \"-c\", ENV.delete(\"SCRIPT\"))", with: program),
            ]
            : [
                "/usr/bin/perl", "-e",
                Self.booting.replacing("$s = delete $ENV{SCRIPT}; exec \"/bin/sh\", \"-c\", $s;", with: program),
            ]
    }

    /// The processes of zygotes that serve; where it says so, of those too that only begin to.
    func zygotes(beginning: Bool = false) throws -> [Int32] {
        let names = ["apus-zygote\n"] + (beginning ? ["ruby\n", "perl\n"] : [])
        let children = try KernelFile.read("/proc/\(client.processID)/task/\(client.processID)/children")
        return children.split(separator: " ").compactMap { Int32($0) }.filter {
            (try? KernelFile.read("/proc/\($0)/comm")).map(names.contains) ?? false
        }
    }

    /// Starts a sandbox, made from what this host's sandboxes are made from: until there is one of those, others start.
    func begin(_ spec: SandboxSpec) async throws -> Running {
        var found: Running?
        let isFound = try await Self.eventually {
            let running = try await start(spec)
            if running.started.origin == origin.ofSandbox {
                found = running
                return true
            }
            client.kill(running.started.id)
            _ = await running.ended.value
            for descriptor in [
                running.started.runtimeAPIListener, running.started.output, running.started.memoryPeak,
            ] where descriptor >= 0 { close(descriptor) }
            return false
        }
        guard isFound, let found else {
            throw SandboxError(operation: "wait for a spare", subject: "\(origin)", errno: ETIMEDOUT)
        }
        return found
    }

    /// As TestSupport's, with rests between: the launcher makes spares only while nothing is asked of it.
    static func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        try await TestSupport.eventually {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(50))
            return false
        }
    }

    /// Starts a sandbox, whatever it is made from.
    func start(_ spec: SandboxSpec) async throws -> Running {
        let (exits, exitSource) = AsyncStream<SandboxExit>.makeStream()
        let ended = Task {
            for await exit in exits { return exit }
            return SandboxExit(cause: .lost)
        }
        let started = try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<StartedSandbox, any Error>) in
            client.start(
                spec, completion: { continuation.resume(with: $0) },
                exit: { exit in
                    exitSource.yield(exit)
                    exitSource.finish()
                })
        }
        return Running(started: started, ended: ended)
    }

    /// Runs a shell script to its end.
    func run(
        _ script: String, layers: String? = nil, environment: [String] = [],
        limits: SandboxLimits = SandboxLimits(memoryMiB: 512)
    ) async throws -> Run {
        let running = try await begin(spec(script, layers: layers, environment: environment, limits: limits))
        let output = await Self.readAll(running.started.output)
        let exit = await running.ended.value
        close(running.started.runtimeAPIListener)
        if running.started.memoryPeak >= 0 { close(running.started.memoryPeak) }
        return Run(output: output, exit: exit)
    }

    /// Everything up to the end of the pipe, read on a thread of its own.
    static func readAll(_ descriptor: Int32) async -> String {
        await withCheckedContinuation { continuation in
            var thread = pthread_t()
            let body = Unmanaged.passRetained(Reader(descriptor: descriptor) { continuation.resume(returning: $0) })
            pthread_create(
                &thread, nil,
                { context in
                    if let context { Unmanaged<Reader>.fromOpaque(context).takeRetainedValue().run() }
                    return nil
                }, body.toOpaque())
            pthread_detach(thread)
        }
    }

    private final class Reader: Sendable {
        let descriptor: Int32
        let done: @Sendable (String) -> Void

        init(descriptor: Int32, done: @escaping @Sendable (String) -> Void) {
            self.descriptor = descriptor
            self.done = done
        }

        func run() {
            _ = fcntl(descriptor, F_SETFL, 0)
            let bytes = try? KernelFile.read(descriptor, named: "output")
            close(descriptor)
            done(String(decoding: bytes ?? [], as: UTF8.self))
        }
    }
}

extension StartedSandbox {
    /// Closes what has not been closed by reading it to its end.
    func close() {
        for descriptor in [runtimeAPIListener, memoryPeak] where descriptor >= 0 { Glibc.close(descriptor) }
    }
}
