import Linux
import Sandbox
import Testing

@testable import Launcher

#if canImport(Glibc)
    import Glibc
#endif

/// Really starts sandboxes whose root is an unpacked image: a directory with one static program that is every command.
@Suite(.serialized, .enabled(if: ImageHost.obstacle == nil, "no image here: \(ImageHost.obstacle ?? "")"))
struct ImageSuite {
    private func withHost(
        user: TestHost.User = .same, _ body: (ImageHost) async throws -> Void
    ) async throws {
        let host = try await ImageHost.start(user: user)
        do {
            try await body(host)
        } catch {
            await host.stop()
            throw error
        }
        await host.stop()
    }

    @Test func theImageIsTheRoot() async throws {
        try await withHost { (host: ImageHost) async throws in
            let run = try await host.run("id -u; pwd; cat /etc/name; ls /; ls /var/task; cat /etc/hosts | head -n 1")
            let root = "bin\ndev\netc\nmnt\nopt\nproc\nroot\ntmp\nvar\n"
            #expect(
                run.output
                    == "993\n/\none\n\(root)mine\n127.0.0.1 localhost localhost.localdomain sandbox sandbox.localdomain\n"
            )
            #expect(run.exit == SandboxExit(cause: .exited(status: 0)))
        }
    }

    /// The tree is others' root, too.
    @Test func nothingOfItCanBeWritten() async throws {
        try await withHost { (host: ImageHost) async throws in
            let run = try await host.run(
                """
                for d in / /bin /etc /var/task /opt /dev /mnt /proc/sys/kernel /proc/bus; do
                  { echo x > $d/file; } 2>/dev/null && echo wrote $d
                done
                { echo x > /etc/name; } 2>/dev/null && echo overwrote
                { echo 1 > /proc/sys/kernel/hostname; } 2>/dev/null && echo wrote hostname
                rm -f /etc/name 2>/dev/null && echo removed
                mv /var/task/mine /var/task/yours 2>/dev/null && echo moved
                touch /tmp/file /dev/shm/file && ls -ld /tmp | cut -c 1-10
                grep -c ' / / ro,nosuid,nodev' /proc/self/mountinfo
                """)
            #expect(run.output == "drwx------\n1\n")
            #expect(try await host.run("cat /etc/name").output == "one\n")
        }
    }

    @Test func itIsConfinedAsOthersAre() async throws {
        try await withHost { (host: ImageHost) async throws in
            let run = try await host.run(
                """
                grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'
                cat /proc/1/comm
                ls -l /proc/1/root/ >/dev/null 2>&1 && echo root
                cat /proc/1/environ 2>/dev/null
                kill -9 1; echo alive
                mount -t tmpfs none /tmp 2>/dev/null && echo mounted
                umount /proc 2>/dev/null && echo unmounted
                mount -o remount,rw / 2>/dev/null && echo remounted
                unshare -U true 2>/dev/null && echo user namespace
                chroot / true 2>/dev/null && echo chroot
                hostname other 2>/dev/null && echo hostname
                mknod /tmp/device b 254 0 2>/dev/null && echo device
                cat /proc/kcore /proc/kallsyms /proc/keys /proc/timer_list 2>/dev/null | head -c 100
                find /proc/acpi /proc/scsi /proc/bus /proc/fs /proc/irq -mindepth 1 2>/dev/null
                find / -xdev -name secret 2>/dev/null
                hostname
                """)
            let none = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map { "\($0):0000000000000000\n" }.joined()
            #expect(run.output == none + "NoNewPrivs:1\nSeccomp:2\ninit\nalive\napus\n")
        }
    }

    @Test func hasTheDevicesOfOthersAndNoMore() async throws {
        try await withHost { (host: ImageHost) async throws in
            let run = try await host.run(
                "ls /dev; echo x > /dev/null; head -c 2 /dev/zero | tr -c x z; echo; ls /dev/shm")
            #expect(run.output == "fd\nfull\nnull\nrandom\nshm\nstderr\nstdin\nstdout\nurandom\nzero\nzz\n")
        }
    }

    /// Links at the places of mounts would otherwise say where these go.
    @Test func whatStandsAtMountPointsIsCovered() async throws {
        try await withHost { (host: ImageHost) async throws in
            for place in ["tmp", "proc", "dev", "mnt"] {
                rmdir(host.tree + "/" + place)
                symlink("/var/task", host.tree + "/" + place)
            }
            let run = try await host.run(
                "ls -ld /tmp /proc /dev /mnt | cut -c 1; ls /var/task; test -e /proc/self/status && echo proc")
            #expect(run.output == "d\nd\nd\nd\nmine\nproc\n")
            for place in ["tmp", "proc", "dev", "mnt"] { unlink(host.tree + "/" + place) }
        }
    }

    @Test func namesAreLookedForInPath() async throws {
        try await withHost { (host: ImageHost) async throws in
            var spec = host.spec("echo $0")
            spec.arguments[0] = "sh"
            #expect(try await host.run(spec).output == "/bin/sh\n")
            // Relative to the working directory only with a slash, and only programs.
            spec.workingDirectory = "/bin"
            spec.arguments[0] = "./sh"
            #expect(try await host.run(spec).output == "./sh\n")
            spec.environment = ["PATH=bin:/nowhere:/etc", "A=b"]
            for name in ["sh", "name", ""] {
                spec.arguments[0] = name.isEmpty ? "no-such" : name
                await #expect(throws: SandboxError(operation: "execve", subject: "", errno: ENOENT)) {
                    _ = try await host.host.begin(spec)
                }
            }
            spec.environment = []
            spec.arguments[0] = "sh"
            await #expect(throws: SandboxError(operation: "execve", subject: "", errno: ENOENT)) {
                _ = try await host.host.begin(spec)
            }
        }
    }

    @Test func namesTheStepThatFailed() async throws {
        try await withHost { (host: ImageHost) async throws in
            var spec = host.spec("true")
            spec.workingDirectory = "/nowhere"
            await #expect(throws: SandboxError(operation: "chdir", subject: "", errno: ENOENT)) {
                _ = try await host.host.begin(spec)
            }
            spec = host.spec("true")
            spec.code = "absent"
            await #expect(throws: SandboxError(operation: "open image", subject: "absent", errno: ENOENT)) {
                _ = try await host.host.begin(spec)
            }
            symlink("/", host.host.directory + "/code/link")
            spec.code = "link"
            await #expect(throws: SandboxError(operation: "open image", subject: "link", errno: ELOOP)) {
                _ = try await host.host.begin(spec)
            }
            unlink(host.host.directory + "/code/link")
        }
    }

    /// A launcher that is sent what it does not know ends; nothing that a function's owner writes may lead there.
    @Test func whatCannotBeSaidIsNotSent() async throws {
        try await withHost { (host: ImageHost) async throws in
            for (part, change) in [
                ("arguments", { $0.arguments = [""] }), ("working directory", { $0.workingDirectory = "app" }),
                ("environment", { $0.environment = ["A=\0"] }), ("root", { $0.layers = "other" }),
                ("root", { $0.fallback = "/bin/sh" }),
            ] as [(String, (inout SandboxSpec) -> Void)] {
                var spec = host.spec("true")
                change(&spec)
                await #expect(throws: SandboxError(operation: SandboxError.unspeakable, subject: part, errno: EINVAL)) {
                    _ = try await host.host.begin(spec)
                }
            }
            #expect(try await host.run("echo alive").output == "alive\n")
        }
    }

    @Test(.enabled(if: TestHost.ordinaryUserObstacle == nil, "\(TestHost.ordinaryUserObstacle ?? "")"))
    func worksForAnOrdinaryUser() async throws {
        try await withHost(user: .ordinary) { (host: ImageHost) async throws in
            let run = try await host.run(
                "id -u; cat /etc/name; touch /etc/x /proc/bus/x 2>/dev/null && echo wrote; touch /tmp/x && echo done")
            #expect(run.output == "993\none\ndone\n")
        }
    }
}

/// A launcher with an image in its code directory.
struct ImageHost: Sendable {
    let host: TestHost

    private static let program = "/bin/busybox"
    private static let commands = [
        "sh", "cat", "chroot", "cut", "find", "grep", "head", "hostname", "id", "ls", "mknod", "mount", "mv", "pwd",
        "rm",
        "test", "touch", "tr", "true", "umount", "unshare",
    ]

    /// Why there can be no image; nil when there can.
    static let obstacle: String? = {
        if let obstacle = TestHost.obstacle { return obstacle }
        return access(program, X_OK) == 0 ? nil : "busybox-static is not installed"
    }()

    var tree: String { host.directory + "/code/image" }

    static func start(user: TestHost.User) async throws -> ImageHost {
        let image = ImageHost(host: try await TestHost.start(user: user))
        for name in ["", "/bin", "/etc", "/opt", "/root", "/var", "/var/task"] { mkdir(image.tree + name, 0o755) }
        let file = Descriptor(owning: try checked("open", program) { open(program, O_RDONLY | O_CLOEXEC) })
        let bytes = try KernelFile.read(file.number, named: program)
        write(bytes, to: image.tree + "/bin/busybox", mode: 0o755)
        write(Array("one\n".utf8), to: image.tree + "/etc/name", mode: 0o644)
        write([], to: image.tree + "/var/task/mine", mode: 0o644)
        for command in commands { symlink("busybox", image.tree + "/bin/" + command) }
        return image
    }

    func stop() async {
        for command in Self.commands + ["busybox"] { unlink(tree + "/bin/" + command) }
        for file in ["/etc/name", "/var/task/mine"] { unlink(tree + file) }
        for name in ["/bin", "/etc", "/opt", "/root", "/var/task", "/var", ""] { rmdir(tree + name) }
        await host.stop()
    }

    func spec(_ script: String) -> SandboxSpec {
        SandboxSpec(
            root: nil, code: "image", arguments: ["/bin/sh", "-c", script], environment: ["PATH=/bin"],
            workingDirectory: "/", limits: SandboxLimits(memoryMiB: 512))
    }

    func run(_ script: String) async throws -> TestHost.Run { try await run(spec(script)) }

    func run(_ spec: SandboxSpec) async throws -> TestHost.Run {
        let running = try await host.begin(spec)
        let output = await TestHost.readAll(running.started.output)
        let exit = await running.ended.value
        close(running.started.runtimeAPIListener)
        if running.started.memoryPeak >= 0 { close(running.started.memoryPeak) }
        return TestHost.Run(output: output, exit: exit)
    }

    private static func write(_ bytes: [UInt8], to path: String, mode: mode_t) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if count <= 0 { break }
            offset += count
        }
        close(file)
    }
}
