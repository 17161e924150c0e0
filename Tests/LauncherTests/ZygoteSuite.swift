import Linux
import Sandbox
import TestSupport
import Testing

@testable import Launcher

#if canImport(Glibc)
    import Glibc
#endif

/// What is peculiar to sandboxes that a zygote forks; what they have in common with all others is in `SandboxSuite`.
@Suite(.serialized, .enabled(if: TestHost.obstacle == nil, "no sandbox here: \(TestHost.obstacle ?? "")"))
struct ZygoteSuite {
    /// What a forked process sees of itself before it executes anything: perl, or Ruby, runs this where functions' code
    /// would.
    private func look(_ origin: TestHost.Origin, _ perl: String, _ ruby: String) async throws -> String {
        let host = try await TestHost.start(origin)
        var spec = host.spec("")
        spec.arguments = host.forking(origin == .forkedByRuby ? ruby : perl)
        let output: String
        do {
            let running = try await host.begin(spec)
            output = await TestHost.readAll(running.started.output)
            _ = await running.ended.value
            running.started.close()
        } catch {
            await host.stop()
            throw error
        }
        await host.stop()
        return output
    }

    /// A process that nobody has waited for yet is dead, too.
    private func isAlive(_ process: Int32) -> Bool {
        guard Glibc.kill(process, 0) == 0, let stat = try? KernelFile.read("/proc/\(process)/stat") else {
            return false
        }
        return !stat.contains(") Z")
    }

    private static let forked = TestHost.origins.filter { $0.ofSandbox == .forked }

    @Test(arguments: forked) func hasNoPrivilegesBeforeItExecutesAnything(_ origin: TestHost.Origin) async throws {
        let output = try await look(
            origin,
            """
            open(S, "/proc/self/status");
            while (<S>) { s/\\s+/ /g; s/ $/\\n/; print if /^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|SigBlk):/ }
            print `cat /proc/self/uid_map` =~ s/ +/ /gr =~ s/^ (\\S+) .*/$1/sr, "\\n";
            """,
            """
            $stdout.sync = true
            puts File.readlines("/proc/self/status").grep(/^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|SigBlk):/)
                .map { |line| line.split.join(" ") }
            puts `cat /proc/self/uid_map`.split.first
            """)
        let none = "0000000000000000"
        #expect(
            output
                == """
                Uid: 993 993 993 993
                Gid: 990 990 990 990
                Groups:
                SigBlk: \(none)
                NoNewPrivs: 1
                Seccomp: 2
                993

                """.replacingSections(after: "SigBlk: \(none)\n", with: ["Inh", "Prm", "Eff", "Bnd", "Amb"], none))
    }

    @Test(arguments: forked) func seesNothingOfTheZygote(_ origin: TestHost.Origin) async throws {
        let output = try await look(
            origin,
            """
            print join(",", map { "$_=$ENV{$_}" } grep { /ZYGOTE|LD_|APUS/ } keys %ENV), "\\n";
            open(E, "/proc/self/environ"); $e = <E>; close(E); print $e =~ /ZYGOTE|PRELOAD|BIND_NOW/ ? "environ\\n" : "";
            opendir(D, "/proc/self/fd"); print join(" ", sort map { $_ > 2 ? readlink("/proc/self/fd/$_") : $_ }
                grep { /\\d/ && readlink("/proc/self/fd/$_") !~ m(^/proc/\\d+/fd$|^/dev/null$) } readdir(D)), "\\n";
            open(M, "/proc/self/maps"); print join("\\n", grep { !m(^/usr/|^/lib|^/run/apus-zygote.so$) }
                keys %{{map { (split)[5] // "/usr/", 1 } grep { !/\\[/ } <M>}});
            print readlink("/proc/self/exe"), " ", readlink("/proc/self/cwd"), " ", readlink("/proc/self/root"), "\\n";
            print -e "/run/apus-zygote.so" ? "library\\n" : "";
            print kill(0, 1) ? "" : "cannot signal\\n"; print getppid(), " $$\\n";
            print `tr -d '\\\\0' < /proc/self/environ` =~ /PRELOAD/ ? "inherited\\n" : "";
            open(I, "/proc/1/mem") and print "memory\\n"; opendir(F, "/proc/1/fd") and print "descriptors\\n";
            """,
            // The interpreter's own are an event descriptor or two, which it has made since the fork.
            """
            $stdout.sync = true
            puts ENV.select { |name, _| name.match?(/ZYGOTE|LD_|APUS/) }.map { |pair| pair.join("=") }.join(",")
            puts "environ" if File.read("/proc/self/environ").match?(/ZYGOTE|PRELOAD/)
            own = Dir.children("/proc/self/fd").to_h { |n| [n, (File.readlink("/proc/self/fd/#{n}") rescue "")] }
            known = /\\A(|\\/proc\\/\\d+\\/fd|\\/dev\\/null|anon_inode:\\[event(fd|poll)\\])\\z/
            puts own.reject { |_, name| name.match?(known) }
                .map { |n, name| n.to_i > 2 ? name : n }.sort.join(" ")
            maps = File.readlines("/proc/self/maps").map { |line| line.split[5] || "/usr/" }.uniq
            print maps.grep_v(/\\[|\\A\\/usr\\/|\\A\\/lib|\\A\\/run\\/apus-zygote.so\\z/).join("\\n")
            puts %w[exe cwd root].map { |name| File.readlink("/proc/self/#{name}") }.join(" ").sub(/ruby[\\d.]+/, "perl")
            puts "library" if File.exist?("/run/apus-zygote.so")
            puts((Process.kill(0, 1) && nil) || "#{Process.ppid} #{$$}")
            puts "inherited" if `cat /proc/self/environ`.include?("PRELOAD")
            puts "memory" if (File.open("/proc/1/mem") rescue nil)
            puts "descriptors" if (Dir.children("/proc/1/fd") rescue nil)
            """)
        #expect(output == "\n1 2\n/usr/bin/perl /var/task /\n1 2\n")
    }

    /// A runtime that has started a thread is not forked: its sandboxes are made as if there were no zygotes, and it is
    /// not tried again and again.
    @Test(.enabled(if: TestHost.hasRuby, "there is no ruby")) func doesWithoutOneThatHasThreads() async throws {
        let host = try await TestHost.start(.forkedByRuby)
        var spec = host.spec("echo $BOOTED fine")
        // The zygote goes on when it is told to, so that it is seen in any case. Before it listens it ignores that.
        let zygote = "go = false; trap('CONT') { go = true }; sleep(0.01) until go; Thread.new { sleep }"
        spec.arguments[3] = "if ENV.key?('APUS_ZYGOTE') then \(zygote) end\n" + spec.arguments[3]
        func run() async throws {
            let running = try await host.start(spec)
            #expect(running.started.origin != .forked)
            let output = await TestHost.readAll(running.started.output)
            // The program relies on being started ahead.
            if running.started.origin == .booted { #expect(output == "fine\n") }
            _ = await running.ended.value
            running.started.close()
        }
        var seen: [Int32] = []
        _ = try await TestHost.eventually {
            seen = try host.zygotes(beginning: true)
            if seen.isEmpty { try await run() }
            return !seen.isEmpty
        }
        #expect(seen.count == 1)
        let hasGone = try await eventually {
            let waiting = try host.zygotes(beginning: true)
            for zygote in waiting { kill(zygote, SIGCONT) }
            return waiting.isEmpty
        }
        #expect(hasGone)
        for _ in 0..<20 {
            try await run()
            #expect(try host.zygotes(beginning: true).isEmpty)
            try await Task.sleep(for: .milliseconds(50))
        }
        await host.stop()
    }

    @Test(arguments: forked) func livesOnWithoutItsZygote(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        let running = try await host.begin(host.spec("echo begun; sleep 600"))
        var byte: UInt8 = 0
        _ = fcntl(running.started.output, F_SETFL, 0)
        _ = read(running.started.output, &byte, 1)
        let zygotes = try host.zygotes()
        #expect(!zygotes.isEmpty)
        for zygote in zygotes { Glibc.kill(zygote, SIGKILL) }
        // The next one is made without it, or by a new one.
        #expect(try await host.run("echo fine").output == "fine\n")
        #expect(try await eventually { !isAlive(zygotes[0]) })
        host.client.kill(running.started.id)
        #expect(await running.ended.value == SandboxExit(cause: .signalled(number: 9)))
        running.started.close()
        await host.stop()
    }

    @Test(arguments: forked) func endsWithTheLauncher(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        let running = try await host.begin(host.spec("sleep 600"))
        let zygotes = try host.zygotes()
        #expect(!zygotes.isEmpty)
        Glibc.kill(host.client.processID, SIGKILL)
        #expect(await running.ended.value.cause == .lost)
        for zygote in zygotes {
            #expect(try await eventually { !isAlive(zygote) })
        }
        running.started.close()
        await host.stop()
    }

    /// A zygote has no network, and of the launcher's capabilities those alone that making sandboxes takes.
    @Test(arguments: forked) func aZygoteKeepsLittle(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        _ = try await host.run("true")
        let zygote = try #require(try host.zygotes().first)
        let status = try KernelFile.read("/proc/\(zygote)/status")
        // SETGID 6, SETUID 7, SETPCAP 8, DAC_READ_SEARCH 2, SYS_CHROOT 18, SYS_ADMIN 21.
        let kept = "00000000002401c4"
        if geteuid() == 0 {
            #expect(status.contains("CapEff:\t\(kept)\n") && status.contains("CapBnd:\t\(kept)\n"))
        }
        #expect(status.contains("Threads:\t1\n"))
        await host.stop()
    }
}

extension String {
    /// Capability sets, each empty, after a line.
    fileprivate func replacingSections(after line: String, with names: [String], _ value: String) -> String {
        let lines = names.map { "Cap\($0): \(value)\n" }.joined()
        guard let place = firstRange(of: line) else { return self }
        return String(self[..<place.upperBound]) + lines + self[place.upperBound...]
    }
}
