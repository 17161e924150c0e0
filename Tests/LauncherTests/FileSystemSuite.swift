import Linux
import Sandbox
import TestSupport
import Testing

@testable import Launcher

#if canImport(Glibc)
    import Glibc
#endif

/// Directories that sandboxes share. The expectations follow from what docs/isolation.md promises, and from what an
/// access point does: whoever comes through it acts as one user
/// (https://docs.aws.amazon.com/efs/latest/ug/efs-access-points.html#enforce-identity-access-points).
@Suite(.serialized, .enabled(if: TestHost.obstacle == nil, "no sandbox here: \(TestHost.obstacle ?? "")"))
struct FileSystemSuite {
    /// A directory of somebody's, closed to everybody else, in a launcher of its own.
    private struct Rig {
        let host: TestHost
        let directory: TemporaryDirectory
        let owner: (user: UInt32, group: UInt32)

        var path: String { directory.path + "/shared" }

        init(user: TestHost.User = .same, owner: (user: UInt32, group: UInt32)? = nil) async throws {
            directory = TemporaryDirectory()
            // The launcher of an ordinary user has to get there.
            chmod(directory.path, 0o755)
            let path = directory.path + "/shared"
            mkdir(path, 0o700)
            let owner = owner ?? Self.owner(for: user)
            self.owner = owner
            try checked("chown", path) { chown(path, owner.user, owner.group) }
            host = try await TestHost.start(
                user: user, fileSystems: [FileSystemDirectory(name: "shared", path: path)])
        }

        private static func owner(for user: TestHost.User) -> (user: UInt32, group: UInt32) {
            if user == .ordinary { return (TestHost.ordinaryUser, TestHost.ordinaryUser) }
            return geteuid() == 0 ? (45_678, 45_679) : (geteuid(), getegid())
        }

        func spec(_ script: String, name: String = "shared", place: String = "data") -> SandboxSpec {
            var spec = host.spec(script)
            spec.fileSystem = FileSystemMount(name: name, place: place)
            return spec
        }

        func run(_ script: String, place: String = "data") async throws -> String {
            let running = try await host.begin(spec(script, place: place))
            let output = await TestHost.readAll(running.started.output)
            _ = await running.ended.value
            close(running.started.runtimeAPIListener)
            if running.started.memoryPeak >= 0 { close(running.started.memoryPeak) }
            return output
        }

        func information(_ name: String) throws -> stat {
            var information = stat()
            try checked("lstat", name) { lstat(path + "/" + name, &information) }
            return information
        }
    }

    private func with(
        user: TestHost.User = .same, owner: (user: UInt32, group: UInt32)? = nil, _ body: (Rig) async throws -> Void
    ) async throws {
        let rig = try await Rig(user: user, owner: owner)
        do {
            try await body(rig)
        } catch {
            await rig.host.stop()
            throw error
        }
        await rig.host.stop()
    }

    private func sharing(_ rig: Rig) async throws {
        let first = try await rig.run(
            """
            stat -c '%u %g %a' /mnt/data; cd /mnt/data && umask 077 && mkdir folder && echo kept > folder/file
            stat -c '%u %g' folder folder/file; ls -A /mnt
            """)
        #expect(first == "993 990 700\n993 990\n993 990\ndata\n")
        for name in ["folder", "folder/file"] {
            let information = try rig.information(name)
            #expect(information.st_uid == rig.owner.user && information.st_gid == rig.owner.group, "\(name)")
        }
        // Another sandbox, at another place: it reads, appends and removes what the first has closed to others.
        let second = try await rig.run(
            "cd /mnt/elsewhere && cat folder/file && echo more >> folder/file && cat folder/file && rm -r folder && ls",
            place: "elsewhere")
        #expect(second == "kept\nkept\nmore\n")
        #expect(throws: SystemCallError.self) { try rig.information("folder") }
    }

    @Test func isWrittenByOneAndReadByTheNextAsItsOwner() async throws {
        try await with { try await sharing($0) }
    }

    @Test(
        .enabled(
            if: TestHost.ordinaryUserObstacle == nil, "no ordinary user here: \(TestHost.ordinaryUserObstacle ?? "")"))
    func isSharedByAnOrdinaryUserToo() async throws {
        try await with(user: .ordinary) { try await sharing($0) }
    }

    @Test func isSharedByTwoAtATime() async throws {
        try await with { rig in
            let waiting = try await rig.host.begin(
                rig.spec("until [ -e /mnt/data/go ]; do sleep 0.05; done; cat /mnt/data/go"))
            #expect(
                try await rig.run("echo went > /mnt/data/new && mv /mnt/data/new /mnt/data/go && echo ok") == "ok\n")
            #expect(await TestHost.readAll(waiting.started.output) == "went\n")
            _ = await waiting.ended.value
            close(waiting.started.runtimeAPIListener)
            if waiting.started.memoryPeak >= 0 { close(waiting.started.memoryPeak) }
        }
    }

    @Test func leadsNowhereElse() async throws {
        try await with { rig in
            let secret = rig.directory.path + "/secret"
            let file = open(secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            _ = write(file, "secret\n", 7)
            close(file)
            symlink("../secret", rig.path + "/up")
            symlink(secret, rig.path + "/out")
            symlink("/etc/shadow", rig.path + "/shadow")
            let output = try await rig.run(
                """
                cd /mnt/data; cat up out shadow ../secret ../../secret 2>/dev/null
                ln -s / root; ls root/mnt; find / -xdev -name secret 2>/dev/null
                ln /etc/passwd linked 2>/dev/null && echo linked
                mount --bind / /mnt/data 2>/dev/null && echo bound; umount /mnt/data 2>/dev/null && echo unmounted
                touch /mnt/file 2>/dev/null && echo wrote; mkdir /mnt/more 2>/dev/null && echo made
                rmdir /mnt/data 2>/dev/null && echo removed; mv /mnt/data /mnt/moved 2>/dev/null && echo moved
                find /proc/acpi /proc/scsi /proc/bus /proc/fs /proc/irq -mindepth 1 2>/dev/null
                echo end
                """)
            #expect(output == "data\nend\n")
        }
    }

    @Test func hasNoDevicesAndNoSetuidPrograms() async throws {
        try await with { rig in
            if geteuid() == 0 {
                mknod(rig.path + "/null", S_IFCHR | 0o666, 0x103)
                chown(rig.path + "/null", rig.owner.user, rig.owner.group)
            }
            let output = try await rig.run(
                """
                cd /mnt/data; grep -o ' /mnt/data rw,nosuid,nodev' /proc/self/mountinfo
                grep -o ' /mnt ro,nosuid,nodev,noexec' /proc/self/mountinfo
                mknod made c 1 3 2>/dev/null && echo made; cat null 2>/dev/null && echo device
                cp /usr/bin/id mine && chmod 4755 mine && ./mine -u
                """)
            #expect(output == " /mnt/data rw,nosuid,nodev\n /mnt ro,nosuid,nodev,noexec\n993\n")
        }
    }

    @Test func isNotInSandboxesThatDoNotNameIt() async throws {
        try await with { rig in
            let run = try await rig.host.run("ls -A /mnt; echo none")
            #expect(run.output == "none\n")
        }
    }

    @Test func failsClearly() async throws {
        try await with { rig in
            let unknown = SandboxError(operation: "find file system", subject: "other", errno: ENOENT)
            await #expect(throws: unknown) { _ = try await rig.host.begin(rig.spec("true", name: "other")) }
            #expect(unknown.concernsFileSystem)
            rmdir(rig.path)
            let removed = SandboxError(operation: "find file system", subject: "shared", errno: ENOENT)
            await #expect(throws: removed) { _ = try await rig.host.begin(rig.spec("true")) }
            let run = try await rig.host.run("echo well")
            #expect(run.output == "well\n")
        }
    }

    /// Files of root's that functions made setuid would be root's programs on the host.
    @Test(.enabled(if: geteuid() == 0, "the tests do not run as root"), arguments: [(0, 45_679), (45_678, 0)])
    func isNeverRoots(user: UInt32, group: UInt32) async throws {
        try await with(owner: (user, group)) { rig in
            await #expect(throws: SandboxError(operation: "own file system", subject: "shared", errno: EPERM)) {
                _ = try await rig.host.begin(rig.spec("true"))
            }
        }
    }

    @Test(
        .enabled(
            if: TestHost.ordinaryUserObstacle == nil, "no ordinary user here: \(TestHost.ordinaryUserObstacle ?? "")"))
    func isOnlyItsOwnersForAnOrdinaryUser() async throws {
        try await with(user: .ordinary, owner: (45_678, 45_679)) { rig in
            chmod(rig.path, 0o777)
            await #expect(throws: SandboxError(operation: "own file system", subject: "shared", errno: EPERM)) {
                _ = try await rig.host.begin(rig.spec("true"))
            }
        }
    }
}
