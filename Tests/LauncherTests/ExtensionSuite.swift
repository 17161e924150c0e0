import Linux
import Sandbox
import Testing

@testable import Launcher

#if canImport(Glibc)
    import Glibc
#endif

/// External extensions in real sandboxes. What they see: developer guide, "Lambda Extensions API"; their confinement is
/// the function's.
@Suite(.serialized, .enabled(if: TestHost.obstacle == nil, "no sandbox here: \(TestHost.obstacle ?? "")"))
struct ExtensionSuite {
    /// A launcher whose code directory has a directory `layers` with these files in `extensions`.
    private func start(_ extensions: [(name: String, script: String, mode: mode_t)]) async throws -> TestHost {
        let host = try await TestHost.start()
        let directory = host.directory + "/code/layers"
        mkdir(directory, 0o755)
        mkdir(directory + "/extensions", 0o755)
        mkdir(directory + "/extensions/folder", 0o755)
        for (name, script, mode) in extensions {
            let path = directory + "/extensions/" + name
            let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode)
            _ = write(file, script, script.utf8.count)
            close(file)
            chmod(path, mode)
        }
        return host
    }

    private func stop(_ host: TestHost, _ names: [String]) async {
        let directory = host.directory + "/code/layers/extensions"
        for name in names { unlink(directory + "/" + name) }
        rmdir(directory + "/folder")
        rmdir(directory)
        rmdir(host.directory + "/code/layers")
        await host.stop()
    }

    /// The next report; waits for it.
    private func report(_ control: Int32) -> ProcessReport? {
        var bytes = [UInt8](repeating: 0, count: ProcessReport.size)
        guard recv(control, &bytes, bytes.count, Int32(MSG_WAITALL)) == bytes.count else { return nil }
        return bytes.withUnsafeBytes { ProcessReport(bytes: $0) }
    }

    private func order(_ order: ProcessOrder, _ control: Int32) {
        var byte = order.rawValue
        _ = send(control, &byte, 1, Int32(MSG_NOSIGNAL))
    }

    private func release(_ running: TestHost.Running) {
        close(running.started.runtimeAPIListener)
        if running.started.memoryPeak >= 0 { close(running.started.memoryPeak) }
        if let extensions = running.started.extensions { close(extensions.control) }
    }

    @Test func theyRunBesideTheCommandAndBeforeIt() async throws {
        let script = "#!/bin/sh\nid -u; pwd; echo $GREETING/$_HANDLER/$LAMBDA_TASK_ROOT; exec sleep 600\n"
        let host = try await start([("b", script, 0o755), ("a", "#!/bin/sh\necho first\nexit 3\n", 0o755)])
        var spec = host.spec(
            "echo command", layers: "layers", environment: ["GREETING=hi", "_HANDLER=h", "LAMBDA_TASK_ROOT=t"])
        spec.limits.processes = 64
        let running = try await host.begin(spec)
        let extensions = try #require(running.started.extensions)
        #expect(extensions.names == ["a", "b"])
        #expect(report(extensions.control) == ProcessReport(process: 1, event: .ended(.exited(status: 3))))
        order(.run, extensions.control)
        #expect(report(extensions.control) == ProcessReport(process: 0, event: .ended(.exited(status: 0))))
        host.client.kill(running.started.id)
        #expect(await running.ended.value.cause == .exited(status: 0))
        #expect(await TestHost.readAll(running.started.output) == "command\n")
        let lines = Set(await TestHost.readAll(extensions.output).split(separator: "\n").map(String.init))
        #expect(lines == ["first", "993", "/", "hi//"])
        release(running)
        await stop(host, ["a", "b"])
    }

    /// The news of the command's end may be the end of its sandbox; the launcher knows by then how it ended.
    @Test func anEndThatWasToldIsNotLost() async throws {
        let host = try await start([("stay", "#!/bin/sh\nexec sleep 600\n", 0o755)])
        for status in 1...20 {
            let running = try await host.begin(host.spec("exit \(status)", layers: "layers"))
            let extensions = try #require(running.started.extensions)
            order(.run, extensions.control)
            #expect(report(extensions.control) == ProcessReport(process: 0, event: .ended(.exited(status: status))))
            host.client.kill(running.started.id)
            #expect(await running.ended.value.cause == .exited(status: status))
            for descriptor in [running.started.output, extensions.output] { close(descriptor) }
            release(running)
        }
        await stop(host, ["stay"])
    }

    @Test func theyHaveNoMoreRightsThanTheCommand() async throws {
        let script = """
            #!/bin/sh
            grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'
            touch /opt/file /var/task/file 2>/dev/null && echo wrote
            head -c 1 /proc/1/environ 2>/dev/null && echo environment
            kill -9 1; ls -l /proc/self/fd | grep -c socket
            echo alive

            """
        let host = try await start([("spy", script, 0o755)])
        let running = try await host.begin(host.spec("true", layers: "layers"))
        let extensions = try #require(running.started.extensions)
        #expect(report(extensions.control)?.process == 1)
        close(extensions.control)
        // The sandbox ends with its control socket.
        #expect(await running.ended.value.cause == .lost)
        let none = String(repeating: "0", count: 16)
        #expect(
            await TestHost.readAll(extensions.output)
                == "CapEff:\(none)\nCapBnd:\(none)\nNoNewPrivs:1\nSeccomp:2\n0\nalive\n")
        #expect(await TestHost.readAll(running.started.output) == "")
        close(running.started.runtimeAPIListener)
        await stop(host, ["spy"])
    }

    @Test func whatCannotBeExecutedIsTold() async throws {
        let host = try await start([("data", "nothing", 0o644)])
        var spec = host.spec("", layers: "layers")
        spec.arguments = ["/no/such/command"]
        let running = try await host.begin(spec)
        let extensions = try #require(running.started.extensions)
        #expect(
            report(extensions.control)
                == ProcessReport(process: 1, event: .failed(operation: "execve", errno: EACCES)))
        #expect(report(extensions.control) == ProcessReport(process: 1, event: .ended(.exited(status: 127))))
        order(.run, extensions.control)
        #expect(
            report(extensions.control)
                == ProcessReport(process: 0, event: .failed(operation: "execve", errno: ENOENT)))
        #expect(report(extensions.control) == ProcessReport(process: 0, event: .ended(.exited(status: 127))))
        host.client.kill(running.started.id)
        _ = await running.ended.value
        for descriptor in [running.started.output, extensions.output] { close(descriptor) }
        release(running)
        await stop(host, ["data"])
    }

    @Test func theCommandIsTerminatedAndKilledAlone() async throws {
        let host = try await start([("stay", "#!/bin/sh\nexec sleep 600\n", 0o755)])
        let running = try await host.begin(
            host.spec("trap 'echo term' TERM; echo ready; while :; do sleep 0.01; done", layers: "layers"))
        let extensions = try #require(running.started.extensions)
        order(.run, extensions.control)
        #expect(firstLine(running.started.output) == "ready")
        order(.terminate, extensions.control)
        #expect(firstLine(running.started.output) == "term")
        order(.kill, extensions.control)
        #expect(report(extensions.control) == ProcessReport(process: 0, event: .ended(.signalled(number: 9))))
        host.client.kill(running.started.id)
        _ = await running.ended.value
        for descriptor in [running.started.output, extensions.output] { close(descriptor) }
        release(running)
        await stop(host, ["stay"])
    }

    @Test func aLoneCommandIsTerminatedThroughTheLauncher() async throws {
        let host = try await TestHost.start()
        let running = try await host.begin(
            host.spec("trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.01; done"))
        #expect(running.started.extensions == nil)
        #expect(firstLine(running.started.output) == "ready")
        host.client.terminate(running.started.id)
        #expect(await running.ended.value.cause == .exited(status: 5))
        #expect(await TestHost.readAll(running.started.output) == "term\n")
        host.client.terminate(running.started.id)
        release(running)
        await host.stop()
    }

    /// A socket from the launcher is inside: its loopback reaches the environment's Runtime API and nothing of the
    /// host.
    @Test func socketsAreMadeInsideTheNetwork() async throws {
        let host = try await TestHost.start()
        let running = try await host.begin(host.spec("exec sleep 600"))
        let socket = await withCheckedContinuation { continuation in
            host.client.makeSocket(running.started.id) { continuation.resume(returning: $0) }
        }
        #expect(socket >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(9001).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
        }
        // It does not block; the listener's queue has room.
        #expect(result == 0 || errno == EINPROGRESS)
        let accepted = accept(running.started.runtimeAPIListener, nil, nil)
        #expect(accepted >= 0)
        close(accepted)
        close(socket)
        host.client.kill(running.started.id)
        _ = await running.ended.value
        let late = await withCheckedContinuation { continuation in
            host.client.makeSocket(running.started.id) { continuation.resume(returning: $0) }
        }
        #expect(late == -1)
        close(running.started.output)
        release(running)
        await host.stop()
    }

    /// Two sandboxes may have the same port: each has a loopback of its own, and hears nothing of the other's.
    @Test func datagramSocketsAreBoundInsideTheNetwork() async throws {
        let host = try await TestHost.start()
        let send = "while true; do echo from $WHO > /dev/udp/127.0.0.1/2000; sleep 0.05; done"
        var sandboxes: [(running: TestHost.Running, socket: Int32, name: String)] = []
        for name in ["one", "two"] {
            var spec = host.spec(send, environment: ["WHO=\(name)"])
            spec.arguments[0] = "/bin/bash"
            let running = try await host.begin(spec)
            let socket = await withCheckedContinuation { continuation in
                host.client.makeDatagramSocket(running.started.id, port: 2000) { continuation.resume(returning: $0) }
            }
            #expect(socket >= 0)
            sandboxes.append((running, socket, name))
        }
        for sandbox in sandboxes {
            _ = fcntl(sandbox.socket, F_SETFL, 0)
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = recv(sandbox.socket, &bytes, bytes.count, 0)
            #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "from \(sandbox.name)\n")
            let again = await withCheckedContinuation { continuation in
                host.client.makeDatagramSocket(sandbox.running.started.id, port: 2000) {
                    continuation.resume(returning: $0)
                }
            }
            #expect(again == -1)
            close(sandbox.socket)
            host.client.kill(sandbox.running.started.id)
            _ = await sandbox.running.ended.value
            close(sandbox.running.started.output)
            release(sandbox.running)
        }
        await host.stop()
    }

    @Test func noMoreThanTenAreStarted() async throws {
        let names = (0..<12).map { "e\($0 < 10 ? "0" : "")\($0)" }
        let host = try await start(names.map { ($0, "#!/bin/sh\necho \($0)\nexec sleep 600\n", 0o755) })
        let running = try await host.begin(host.spec("true", layers: "layers"))
        let extensions = try #require(running.started.extensions)
        #expect(extensions.names == Array(names.prefix(11)))
        var seen: Set<String> = []
        while seen.count < 10, let line = firstLine(extensions.output) { seen.insert(line) }
        #expect(seen == Set(names.prefix(10)))
        host.client.kill(running.started.id)
        _ = await running.ended.value
        for descriptor in [running.started.output, extensions.output] { close(descriptor) }
        release(running)
        await stop(host, names)
    }

    /// One line, byte by byte; waits for it.
    private func firstLine(_ descriptor: Int32) -> String? {
        _ = fcntl(descriptor, F_SETFL, 0)
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1 {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }
}
