import Linux
import Sandbox
import TestSupport
import Testing

@testable import Launcher

#if canImport(Glibc)
    import Glibc
#endif

/// Really starts sandboxes, on the host that the tests run on. The expectations follow from what the README promises a
/// function can and cannot do.
@Suite(.serialized, .enabled(if: TestHost.obstacle == nil, "no sandbox here: \(TestHost.obstacle ?? "")"))
struct SandboxSuite {
    /// Runs one script in a launcher of its own.
    private func run(
        _ origin: TestHost.Origin, _ script: String, layers: String? = nil, environment: [String] = [],
        limits: SandboxLimits = SandboxLimits(memoryMiB: 512)
    ) async throws -> TestHost.Run {
        let host = try await TestHost.start(origin)
        do {
            let run = try await host.run(script, layers: layers, environment: environment, limits: limits)
            await host.stop()
            return run
        } catch {
            await host.stop()
            throw error
        }
    }

    @Test(arguments: TestHost.origins) func runsACommandAsTheUserOfAWS(_ origin: TestHost.Origin) async throws {
        let run = try await run(
            origin,
            "id -u; id -un; id -g; pwd; hostname; echo $GREETING", environment: ["GREETING=hello there"])
        #expect(run.exit == SandboxExit(cause: .exited(status: 0)))
        #expect(run.output == "993\nsbx_user1051\n990\n/var/task\napus\nhello there\n")
    }

    /// Its directory is the code's, even of a command that started in it before the code was there.
    @Test(arguments: TestHost.origins) func startsAmongItsCode(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        var spec = host.spec("ls; cat secret; cd /tmp; ls /proc/1/cwd/ 2>/dev/null; echo; /bin/pwd")
        spec.code = "other"
        let running = try await host.begin(spec)
        #expect(await TestHost.readAll(running.started.output) == "secret\nsecret\n/tmp\n")
        _ = await running.ended.value
        close(running.started.runtimeAPIListener)
        if running.started.memoryPeak >= 0 { close(running.started.memoryPeak) }
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func tellsHowTheCommandEnded(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        #expect(try await host.run("exit 37").exit.cause == .exited(status: 37))
        #expect(try await host.run("kill -TERM $$").exit.cause == .signalled(number: 15))
        await host.stop()
    }

    @Test func namesTheStepThatFailed() async throws {
        let host = try await TestHost.start()
        var spec = host.spec("")
        spec.arguments = ["/no/such/command"]
        await #expect(throws: SandboxError(operation: "execve", subject: "", errno: ENOENT)) {
            _ = try await host.begin(spec)
        }
        spec = host.spec("")
        spec.workingDirectory = "/nowhere"
        await #expect(throws: SandboxError(operation: "chdir", subject: "", errno: ENOENT)) {
            _ = try await host.begin(spec)
        }
        spec = host.spec("")
        spec.root = "unknown"
        await #expect(throws: SandboxError(operation: "find root", subject: "unknown", errno: ENOENT)) {
            _ = try await host.begin(spec)
        }
        spec = host.spec("")
        spec.code = "absent"
        await #expect(throws: SandboxError(operation: "open code", subject: "absent", errno: ENOENT)) {
            _ = try await host.begin(spec)
        }
        await host.stop()
    }

    /// The server hears of a parked sandbox before its command runs, and then of an end that has a reason.
    @Test func tellsWhyAParkedCommandNeverRan() async throws {
        let host = try await TestHost.start(.parked)
        var spec = host.spec("")
        spec.arguments = ["/no/such/command"]
        let failure = SandboxError(operation: "execve", subject: "", errno: ENOENT)
        var running: TestHost.Running?
        _ = try await TestHost.eventually {
            do { running = try await host.begin(spec) } catch let error as SandboxError {
                // A new sandbox says it at once.
                #expect(error == failure)
            }
            return running != nil
        }
        let started = try #require(running?.started)
        #expect(await running?.ended.value == SandboxExit(cause: .lost, failure: failure))
        for descriptor in [started.runtimeAPIListener, started.output, started.memoryPeak] where descriptor >= 0 {
            close(descriptor)
        }
        await host.stop()
    }

    @Test func followsNoLinkOutOfTheCodeDirectory() async throws {
        let host = try await TestHost.start()
        symlink("/root", host.directory + "/code/link")
        defer { unlink(host.directory + "/code/link") }
        var spec = host.spec("")
        spec.code = "link"
        await #expect(throws: SandboxError(operation: "open code", subject: "link", errno: ELOOP)) {
            _ = try await host.begin(spec)
        }
        unlink(host.directory + "/code/link")
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func seesOnlyItsOwnProcesses(_ origin: TestHost.Origin) async throws {
        let run = try await run(origin, "for p in /proc/[0-9]*; do cat $p/comm; done")
        // The init and the shell, which listed before it started cat: nothing of the host.
        #expect(run.output == "init\nsh\n")
    }

    @Test(arguments: TestHost.origins) func cannotReachTheInit(_ origin: TestHost.Origin) async throws {
        let run = try await run(
            origin,
            """
            cat /proc/1/environ 2>/dev/null && echo environment
            head -c 1 /proc/1/mem 2>/dev/null && echo memory
            ls /proc/1/fd >/dev/null 2>&1 && echo descriptors
            ls -l /proc/1/root/ >/dev/null 2>&1 && echo root
            kill -9 1; echo alive
            """)
        #expect(run.output == "alive\n")
    }

    @Test(arguments: TestHost.origins) func seesNothingOfTheHost(_ origin: TestHost.Origin) async throws {
        let run = try await run(
            origin,
            """
            find /root /home /var/task /srv /boot /sys /run /opt /mnt /lost+found -mindepth 1 2>/dev/null
            cat /etc/shadow /etc/hostname 2>/dev/null
            find / -xdev -name secret 2>/dev/null
            cat /proc/kcore /proc/kallsyms /proc/keys /proc/timer_list /proc/sched_debug 2>/dev/null | head -c 100
            find /proc/acpi /proc/scsi /proc/bus /proc/fs /proc/irq -mindepth 1 2>/dev/null
            echo end
            """)
        #expect(run.output == "end\n")
    }

    @Test(arguments: TestHost.origins) func cannotWriteOutsideOfTmp(_ origin: TestHost.Origin) async throws {
        let run = try await run(
            origin,
            """
            for d in / /usr /usr/bin /etc /var/task /opt /dev /proc/sys/kernel /mnt /run; do
              touch $d/file 2>/dev/null && echo wrote $d
            done
            echo 1 2>/dev/null > /proc/sys/kernel/hostname && echo wrote hostname
            echo b 2>/dev/null > /proc/sysrq-trigger
            touch /tmp/file /dev/shm/file && ls -ld /tmp | cut -d' ' -f1,3,4 && echo done
            """)
        // AWS shows the function's own user as the owner of /tmp.
        #expect(run.output == "drwx------ sbx_user1051 sbx_user1051\ndone\n")
    }

    @Test(arguments: TestHost.origins) func showsLayersReadOnlyAtOpt(_ origin: TestHost.Origin) async throws {
        let run = try await run(
            origin,
            """
            ls /opt; cat /opt/secret; echo; ls /var/task
            touch /opt/file 2>/dev/null && echo wrote
            mv /opt/secret /opt/other 2>/dev/null && echo moved
            echo x 2>/dev/null > /opt/secret && echo overwrote
            mount -o remount,rw /opt 2>/dev/null && echo remounted
            umount /opt 2>/dev/null && echo unmounted
            ls /opt/.. | grep -c function; grep -o ' /opt ro,nosuid,nodev' /proc/self/mountinfo
            """, layers: "other")
        #expect(run.output == "secret\nsecret\n0\n /opt ro,nosuid,nodev\n")
    }

    /// As an OS-only runtime's executable may be in the function's code or in a layer.
    @Test func runsTheFallbackWhereThereIsNoCommand() async throws {
        let host = try await TestHost.start()
        for (command, expected) in [("/var/task/bootstrap", "/bin/sh here\n"), ("/usr/bin/sh", "/usr/bin/sh here\n")] {
            var spec = host.spec("echo $0 here")
            spec.arguments[0] = command
            spec.fallback = "/bin/sh"
            let running = try await host.begin(spec)
            #expect(await TestHost.readAll(running.started.output) == expected)
            _ = await running.ended.value
            close(running.started.runtimeAPIListener)
            if running.started.memoryPeak >= 0 { close(running.started.memoryPeak) }
        }
        await host.stop()
    }

    @Test func startsNothingWithLayersThatAreNotThere() async throws {
        let host = try await TestHost.start()
        await #expect(throws: SandboxError(operation: "open layers", subject: "missing", errno: ENOENT)) {
            try await host.begin(host.spec("true", layers: "missing"))
        }
        #expect(try await host.run("ls /opt; echo empty").output == "empty\n")
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func boundsTemporaryStorage(_ origin: TestHost.Origin) async throws {
        let run = try await run(
            origin,
            "dd if=/dev/zero of=/tmp/big bs=1M count=64 2>/dev/null; stat -c %s /tmp/big",
            limits: SandboxLimits(memoryMiB: 512, temporaryStorageMiB: 16))
        #expect(run.output == "\(16 << 20)\n")
    }

    @Test(arguments: TestHost.origins) func executesFromTmp(_ origin: TestHost.Origin) async throws {
        let run = try await run(origin, "cp /usr/bin/true /tmp/t && /tmp/t && echo ran")
        #expect(run.output == "ran\n")
    }

    @Test(arguments: TestHost.origins) func hasNoPrivileges(_ origin: TestHost.Origin) async throws {
        let run = try await run(
            origin,
            """
            grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'
            mount -t tmpfs none /tmp 2>/dev/null && echo mounted
            umount /tmp 2>/dev/null && echo unmounted
            unshare -U true 2>/dev/null && echo user namespace
            unshare -m true 2>/dev/null && echo mount namespace
            nsenter -t 1 -n true 2>/dev/null && echo entered
            chroot / true 2>/dev/null && echo chroot
            hostname other 2>/dev/null && echo hostname
            mknod /tmp/device b 254 0 2>/dev/null && echo device
            dmesg >/dev/null 2>&1 && echo kernel log
            true
            """)
        let none = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map { "\($0):0000000000000000\n" }.joined()
        #expect(run.output == none + "NoNewPrivs:1\nSeccomp:2\n")
    }

    @Test(arguments: TestHost.origins) func setsTheLimitsOfAWS(_ origin: TestHost.Origin) async throws {
        let run = try await run(
            origin, "ulimit -n; ulimit -c; grep processes /proc/self/limits | tr -s ' ' | cut -d' ' -f3,4")
        // AWS Lambda: 1,024 descriptors, 1,024 processes and threads, no core files.
        #expect(run.output == "1024\n0\n1024 1024\n")
    }

    @Test(arguments: TestHost.origins) func boundsProcesses(_ origin: TestHost.Origin) async throws {
        let run = try await run(
            origin,
            "i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done; echo not reached",
            limits: {
                var limits = SandboxLimits(memoryMiB: 512)
                limits.processes = 16
                return limits
            }())
        #expect(run.output.contains("fork"))
        #expect(!run.output.contains("not reached"))
    }

    @Test(arguments: TestHost.origins) func endsWhatTheCommandLeavesBehind(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        // The background process keeps the output open: only its death ends the reading.
        let run = try await host.run("(trap '' TERM HUP; sleep 600) & echo started")
        #expect(run.output == "started\n")
        #expect(run.exit.cause == .exited(status: 0))
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func killsEverythingAtOnce(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        let running = try await host.begin(host.spec("sleep 600 & sleep 600 & wait"))
        host.client.kill(running.started.id)
        host.client.kill(running.started.id)
        #expect(await running.ended.value == SandboxExit(cause: .signalled(number: 9)))
        #expect(await TestHost.readAll(running.started.output) == "")
        close(running.started.runtimeAPIListener)
        host.client.kill(running.started.id)
        #expect(try await host.run("echo next").output == "next\n")
        await host.stop()
    }

    @Test func diesWithTheLauncher() async throws {
        let host = try await TestHost.start()
        let running = try await host.begin(host.spec("sleep 600 & sleep 600"))
        kill(host.client.processID, SIGKILL)
        #expect(await running.ended.value == SandboxExit(cause: .lost))
        // No process is left that holds the output open.
        #expect(await TestHost.readAll(running.started.output) == "")
        close(running.started.runtimeAPIListener)
        await #expect(throws: SandboxError.self) { _ = try await host.begin(host.spec("true")) }
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func keepsSandboxesApart(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        let first = try await host.begin(host.spec("echo mine > /tmp/mine; exec sleep 600", environment: ["KEY=mine"]))
        let other = try await host.run(
            "ls /tmp /dev/shm; grep -l mine /proc/*/environ 2>/dev/null; set -- /proc/[0-9]*; echo $#")
        // Its own init and shell.
        #expect(other.output == "/dev/shm:\n\n/tmp:\n2\n")
        host.client.kill(first.started.id)
        _ = await first.ended.value
        close(first.started.output)
        close(first.started.runtimeAPIListener)
        await host.stop()
    }

    @Test func refusesWeaknessesThatWereNotAccepted() async throws {
        let host = try await TestHost.start(accepted: [])
        if let weakness = host.client.readiness.weaknesses.first {
            await #expect(throws: SandboxError(operation: "accept weakness", subject: weakness.rawValue, errno: EPERM))
            {
                _ = try await host.begin(host.spec("true"))
            }
        } else {
            #expect(try await host.run("true").exit.cause == .exited(status: 0))
        }
        await host.stop()
    }

    @Test func boundsTheNumberOfSandboxesAndReusesTheirSlots() async throws {
        let host = try await TestHost.start(maximumSandboxes: 1)
        let first = try await host.begin(host.spec("sleep 600"))
        await #expect(throws: SandboxError(operation: "start", subject: "maximum of sandboxes", errno: EAGAIN)) {
            _ = try await host.begin(host.spec("true"))
        }
        host.client.kill(first.started.id)
        _ = await first.ended.value
        close(first.started.output)
        close(first.started.runtimeAPIListener)
        // The slot comes free in the launcher's own time.
        var again: TestHost.Run?
        _ = try await eventually {
            again = try? await host.run("echo again")
            return again != nil
        }
        #expect(again?.output == "again\n")
        await host.stop()
    }

    @Test func listensInsideTheNetworkNamespaceOfTheSandbox() async throws {
        let host = try await TestHost.start()
        let running = try await host.begin(
            host.spec("grep ' 0A ' /proc/net/tcp | tr -s ' ' | cut -d' ' -f3; ls /sys/class/net 2>/dev/null"))
        let output = await TestHost.readAll(running.started.output)
        _ = await running.ended.value
        close(running.started.runtimeAPIListener)
        // 127.0.0.1:9001 listens, and nothing of the host does.
        #expect(output == "0100007F:2329\n")
        await host.stop()
    }
}

/// The launcher as somebody who is not root: what a developer on a laptop has.
@Suite(
    .serialized,
    .enabled(if: TestHost.ordinaryUserObstacle == nil, "no ordinary user: \(TestHost.ordinaryUserObstacle ?? "")"))
struct OrdinaryUserSuite {
    @Test(arguments: TestHost.origins) func startsSandboxesWithoutPrivileges(_ origin: TestHost.Origin)
        async throws
    {
        let host = try await TestHost.start(origin, user: .ordinary)
        let run = try await host.run(
            """
            id -u; touch /tmp/file && ls -l /tmp | tail -1 | cut -d' ' -f3; touch /etc/x 2>/dev/null || echo read-only
            unshare -U true 2>/dev/null || echo no namespaces
            grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'
            for p in /proc/[0-9]*; do cat $p/comm; done
            head -c 1 /proc/1/environ 2>/dev/null || echo no environment
            """)
        #expect(run.exit == SandboxExit(cause: .exited(status: 0)))
        #expect(
            run.output == """
                993
                sbx_user1051
                read-only
                no namespaces
                CapEff:0000000000000000
                CapBnd:0000000000000000
                NoNewPrivs:1
                Seccomp:2
                init
                sh
                no environment

                """)
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func killsEverythingAtOnce(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin, user: .ordinary)
        let running = try await host.begin(host.spec("sleep 600 & sleep 600"))
        host.client.kill(running.started.id)
        #expect(await running.ended.value == SandboxExit(cause: .signalled(number: 9)))
        #expect(await TestHost.readAll(running.started.output) == "")
        close(running.started.runtimeAPIListener)
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func diesWithTheLauncher(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin, user: .ordinary)
        let running = try await host.begin(host.spec("sleep 600 & sleep 600"))
        kill(host.client.processID, SIGKILL)
        #expect(await running.ended.value == SandboxExit(cause: .lost))
        #expect(await TestHost.readAll(running.started.output) == "")
        close(running.started.runtimeAPIListener)
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func boundsProcessesWithoutAControlGroup(_ origin: TestHost.Origin)
        async throws
    {
        let host = try await TestHost.start(origin, user: .ordinary)
        var limits = SandboxLimits(memoryMiB: 512)
        limits.processes = 16
        let run = try await host.run(
            "i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done; echo not reached", limits: limits)
        #expect(!run.output.contains("not reached"))
        // The limit is one sandbox's, not the user's.
        #expect(try await host.run("sleep 0 & wait; echo fine").output == "fine\n")
        await host.stop()
    }
}

/// What needs control groups.
