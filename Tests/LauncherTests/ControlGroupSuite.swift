import Linux
import Sandbox
import TestSupport
import Testing

@testable import Launcher

#if canImport(Glibc)
    import Glibc
#endif

@Suite(.serialized, .enabled(if: TestHost.obstacle == nil, "no sandbox here: \(TestHost.obstacle ?? "")"))
struct ControlGroupSuite {
    @Test(arguments: TestHost.origins) func endsWhatExceedsItsMemory(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        guard !host.client.readiness.weaknesses.contains(.memoryLimit) else { return await host.stop() }
        let run = try await host.run(
            "head -c 200000000 /dev/zero | tail", limits: SandboxLimits(memoryMiB: 64))
        #expect(run.exit.outOfMemory)
        // A sandbox beside it with enough memory is not touched.
        #expect(try await host.run("echo fine").exit == SandboxExit(cause: .exited(status: 0)))
        await host.stop()
    }

    @Test func countsTemporaryFilesAsMemoryAndTellsThePeak() async throws {
        let host = try await TestHost.start()
        guard !host.client.readiness.weaknesses.contains(.memoryLimit) else { return await host.stop() }
        let running = try await host.begin(host.spec("head -c 50000000 /dev/zero > /dev/shm/x; echo; exec sleep 600"))
        var byte: UInt8 = 0
        _ = fcntl(running.started.output, F_SETFL, 0)
        _ = read(running.started.output, &byte, 1)
        var text = [UInt8](repeating: 0, count: 32)
        let count = pread(running.started.memoryPeak, &text, text.count, 0)
        let peak = Int(String(decoding: text.prefix(max(0, count)).dropLast(), as: UTF8.self)) ?? 0
        #expect(peak >= 50_000_000)
        host.client.kill(running.started.id)
        _ = await running.ended.value
        for descriptor in [running.started.output, running.started.runtimeAPIListener, running.started.memoryPeak] {
            close(descriptor)
        }
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func lendsProcessorTimeForInitialization(_ origin: TestHost.Origin)
        async throws
    {
        let host = try await TestHost.start(origin)
        let layout = try ControlGroupLayout.current()
        // Version 2 writes quota and period into one file.
        let (place, file) = (
            layout.legacy[.cpu] ?? layout.unified, layout.legacy[.cpu] == nil ? "cpu.max" : "cpu.cfs_quota_us"
        )
        guard !host.client.readiness.weaknesses.contains(.cpuLimit), let place else { return await host.stop() }
        var spec = host.spec("sleep 600")
        spec.limits.cpuMillis = 72
        spec.limits.initializationCPUMillis = 2000
        let running = try await host.begin(spec)
        let quotas = { values(of: file, host, place) }
        if !quotas().isEmpty {
            #expect(quotas().contains { $0.hasPrefix("200000") })
            host.client.settle(running.started.id)
            // Requests are served in order: the next sandbox runs after the change.
            #expect(try await host.run("true").exit.cause == .exited(status: 0))
            #expect(quotas().contains { $0.hasPrefix("7200") })
        }
        host.client.kill(running.started.id)
        _ = await running.ended.value
        for descriptor in [running.started.output, running.started.runtimeAPIListener, running.started.memoryPeak] {
            close(descriptor)
        }
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func leavesNoGroupBehind(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        let name = "apus-\(host.client.processID)"
        _ = try await host.run("true")
        await host.stop()
        let layout = try ControlGroupLayout.current()
        let places = layout.legacy.values + (layout.unified.map { [$0] } ?? [])
        // Spares may still be on their way out when the first comes after them.
        let isGone = try await eventually {
            await (try TestHost.start()).stop()
            return try places.allSatisfy { place in
                try KernelFile.names(in: place.ownGroup).allSatisfy {
                    $0 != name && !$0.hasPrefix("apus.\(name.dropFirst(5)).")
                }
            }
        }
        #expect(isGone)
    }

    /// What a file says in the groups of a launcher's sandboxes, which are beside its own or below it.
    private func values(of file: String, _ host: TestHost, _ place: ControlGroupLayout.Legacy) -> [String] {
        let pid = host.client.processID
        let beside = (try? KernelFile.names(in: place.ownGroup))?.filter { $0.hasPrefix("apus.\(pid).") } ?? []
        let below = (try? KernelFile.names(in: "\(place.ownGroup)/apus-\(pid)")) ?? []
        let groups = beside + below.map { "apus-\(pid)/\($0)" }
        // Groups of others come and go.
        return groups.compactMap { try? KernelFile.read("\(place.ownGroup)/\($0)/\(file)") }
    }

    /// `cpu.idle`: cgroup-v2.rst, "CPU Interface Files"; version 1 has it, too.
    @Test(arguments: TestHost.origins) func yieldsUntilItIsRaised(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        let layout = try ControlGroupLayout.current()
        guard !host.client.readiness.weaknesses.contains(.cpuLimit), let place = layout.legacy[.cpu] ?? layout.unified
        else { return await host.stop() }
        for (precedence, end) in [(Precedence.ordinary, "0"), (.yielding, "1")] {
            var spec = host.spec("sleep 600")
            spec.precedence = precedence
            let running = try await host.begin(spec)
            let idle = { values(of: "cpu.idle", host, place) }
            if !idle().isEmpty {
                // Spares yield, whoever asked for them.
                #expect(idle().contains("\(end)\n"))
                host.client.raise(running.started.id)
                #expect(try await host.run("true").exit.cause == .exited(status: 0))
                #expect(idle().contains("0\n"))
            }
            host.client.kill(running.started.id)
            _ = await running.ended.value
            for descriptor in [running.started.output, running.started.runtimeAPIListener, running.started.memoryPeak] {
                close(descriptor)
            }
        }
        await host.stop()
    }
}

/// What needs control groups of version 2, with or without controllers.
@Suite(.serialized, .enabled(if: TestHost.obstacle == nil, "no sandbox here: \(TestHost.obstacle ?? "")"))
struct FreezerSuite {
    /// The running number that a sandbox writes, over and over; nil at the end of the output.
    private struct Counter {
        let output: Int32

        /// Everything that has been written by now; waits for something when `blocking`.
        func read(_ mode: Mode) -> Int {
            _ = fcntl(output, F_SETFL, mode == .waiting ? 0 : O_NONBLOCK)
            var (bytes, total) = ([UInt8](repeating: 0, count: 65_536), 0)
            repeat {
                let count = Glibc.read(output, &bytes, bytes.count)
                if count <= 0 { break }
                total += count
            } while mode == .available
            return total
        }

        enum Mode { case waiting, available }
    }

    private func write(_ text: String, to file: Int32) { _ = pwrite(file, text, 1, 0) }

    /// Whether every process of the group is frozen (`cgroup.events`; cgroup-v2.rst).
    private func isFrozen(_ host: TestHost) throws -> Bool {
        guard let place = try ControlGroupLayout.current().unified else { return false }
        for parent in try KernelFile.names(in: place.ownGroup)
        where parent == "apus-\(host.client.processID)" || parent.hasPrefix("apus.\(host.client.processID).") {
            for child in ["."] + ((try? KernelFile.names(in: "\(place.ownGroup)/\(parent)")) ?? []) {
                let events = try? KernelFile.read("\(place.ownGroup)/\(parent)/\(child)/cgroup.events")
                if events?.contains("frozen 1") == true { return true }
            }
        }
        return false
    }

    private func close(_ started: StartedSandbox) {
        for descriptor in [started.output, started.runtimeAPIListener, started.memoryPeak, started.freezer]
        where descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    @Test(arguments: TestHost.origins) func standsStillWhileItIsFrozen(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        let running = try await host.begin(host.spec("while :; do echo x; done"))
        guard running.started.freezer >= 0 else { return await host.stop() }
        let counter = Counter(output: running.started.output)
        for _ in 0..<200 {
            #expect(counter.read(.waiting) > 0)
            write("1", to: running.started.freezer)
            #expect(try await eventually { try isFrozen(host) })
            _ = counter.read(.available)
            for _ in 0..<10 { #expect(counter.read(.available) == 0) }
            write("0", to: running.started.freezer)
        }
        #expect(counter.read(.waiting) > 0)
        host.client.kill(running.started.id)
        _ = await running.ended.value
        close(running.started)
        await host.stop()
    }

    @Test(arguments: TestHost.origins) func isKilledWhileItIsFrozen(_ origin: TestHost.Origin) async throws {
        let host = try await TestHost.start(origin)
        let running = try await host.begin(host.spec("sleep 600 & sleep 600 & wait"))
        guard running.started.freezer >= 0 else { return await host.stop() }
        write("1", to: running.started.freezer)
        #expect(try await eventually { try isFrozen(host) })
        host.client.kill(running.started.id)
        #expect(await running.ended.value == SandboxExit(cause: .signalled(number: 9)))
        close(running.started)
        // Its slot, with its groups, is free again.
        #expect(try await host.run("echo next").output == "next\n")
        await host.stop()
    }

    @Test func diesWithTheLauncherWhileItIsFrozen() async throws {
        let host = try await TestHost.start()
        let running = try await host.begin(host.spec("sleep 600 & sleep 600"))
        guard running.started.freezer >= 0 else { return await host.stop() }
        write("1", to: running.started.freezer)
        #expect(try await eventually { try isFrozen(host) })
        kill(host.client.processID, SIGKILL)
        #expect(await running.ended.value == SandboxExit(cause: .lost))
        #expect(Counter(output: running.started.output).read(.waiting) == 0)
        close(running.started)
        await host.stop()
    }
}
