import CLinux
import Linux
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The socket to the launcher, the requests that wait for room in it, and the sandboxes that were asked for.
final class LauncherConnection: Sendable {
    struct Ready: Sendable {
        var readiness: LauncherReadiness
        var endpointListener: Int32
    }

    typealias Completion = @Sendable (Result<StartedSandbox, SandboxError>) -> Void
    typealias Exit = @Sendable (SandboxExit) -> Void

    private struct Pending {
        /// Nil once called.
        var completion: Completion?
        var exit: Exit
        /// Who waits for a socket, in order.
        var sockets: [@Sendable (Int32) -> Void] = []
        /// The init's pidfd: readable when every process of the sandbox is dead.
        var pidfd: Int32 = -1
    }

    private struct State {
        /// -1 before the launcher is ready and after it has ended.
        var socket: Int32 = -1
        var processID: Int32 = -1
        var nextID: UInt64 = 1
        var pending: [UInt64: Pending] = [:]
        /// Packets that the socket did not take.
        var queue: [[UInt8]] = []
        /// Failures to deliver on the reading thread.
        var refused: [(Completion, SandboxError)] = []
        var ended = false
        var shutdownCompletions: [@Sendable () -> Void] = []
    }

    /// How many requests may wait for room in the socket.
    private static let maximumQueue = 4096
    /// How long a launcher may take to be ready, milliseconds: slirp4netns and nft are programs to start.
    private static let readinessTimeout: Int32 = 30_000

    private let state = Mutex(State())
    /// Wakes the reading thread (eventfd).
    private let wakeup: Int32 = apus_eventfd()

    deinit { if wakeup >= 0 { close(wakeup) } }

    var processID: Int32 { state.withLock { $0.processID } }

    // MARK: Requests

    func start(_ spec: SandboxSpec, completion: @escaping Completion, exit: @escaping Exit) {
        var unspeakable: String?
        let refusal: Int32? = state.withLock { state in
            if state.socket < 0 { return EPIPE }
            if state.queue.count >= Self.maximumQueue { return EAGAIN }
            let id = state.nextID
            let packet = LauncherRequest.encodeStart(id: id, spec)
            if packet.count > LauncherRequest.maximumSize { return E2BIG }
            // A launcher that gets what it does not understand ends, and all sandboxes with it.
            unspeakable = LauncherRequest.problem(in: packet)
            if unspeakable != nil { return EINVAL }
            state.nextID += 1
            state.pending[id] = Pending(completion: completion, exit: exit)
            submit(packet, &state)
            return nil
        }
        guard let refusal else { return }
        let error =
            unspeakable.map { SandboxError(operation: SandboxError.unspeakable, subject: $0, errno: refusal) }
            ?? SandboxError(operation: "ask launcher", subject: spec.code, errno: refusal)
        let ended = state.withLock { state in
            if !state.ended { state.refused.append((completion, error)) }
            return state.ended
        }
        // The reading thread is no more: there is only this one.
        if ended { completion(.failure(error)) } else { wake() }
    }

    /// Says nothing where nothing could be made ready, nor what a start would be refused for.
    func expect(_ spec: SandboxSpec) {
        if spec.root == nil { return }
        let packet = LauncherRequest.encodeExpect(spec)
        guard packet.count <= LauncherRequest.maximumSize, LauncherRequest.problem(in: packet) == nil else { return }
        state.withLock { state in
            guard state.socket >= 0, state.queue.isEmpty else { return }
            submit(packet, &state)
        }
    }

    func kill(_ id: UInt64) { submit(LauncherRequest.encodeKill(id: id), of: id) }

    func settle(_ id: UInt64) { submit(LauncherRequest.encodeSettle(id: id), of: id) }

    func raise(_ id: UInt64) { submit(LauncherRequest.encodeRaise(id: id), of: id) }

    func endSpares() {
        state.withLock { if $0.socket >= 0 { submit(LauncherRequest.encodeEndSpares(), &$0) } }
    }

    func terminate(_ id: UInt64) { submit(LauncherRequest.encodeTerminate(id: id), of: id) }

    /// Tells the launcher something of a sandbox, unless that has ended.
    private func submit(_ packet: [UInt8], of id: UInt64) {
        state.withLock { state in
            if state.socket >= 0, state.pending[id] != nil { submit(packet, &state) }
        }
    }

    func makeSocket(_ id: UInt64, datagramPort: UInt16 = 0, completion: @escaping @Sendable (Int32) -> Void) {
        let isAsked = state.withLock { state in
            guard state.socket >= 0, state.pending[id] != nil, state.queue.count < Self.maximumQueue else {
                return false
            }
            state.pending[id]?.sockets.append(completion)
            submit(LauncherRequest.encodeSocket(id: id, datagramPort: datagramPort), &state)
            return true
        }
        if !isAsked { completion(-1) }
    }

    func shutdown(_ completion: @escaping @Sendable () -> Void) {
        let ended = state.withLock { state in
            if state.ended { return true }
            state.shutdownCompletions.append(completion)
            if state.socket >= 0 { Glibc.shutdown(state.socket, Int32(SHUT_RDWR)) }
            return false
        }
        if ended { completion() }
    }

    /// Sends a packet, or queues it behind those that wait already. An error of the socket is left to the reading
    /// thread.
    private func submit(_ packet: [UInt8], _ state: inout State) {
        if state.queue.isEmpty, (try? PacketSocket.send(packet, to: state.socket)) == true { return }
        state.queue.append(packet)
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeup, &one, 8)
    }

    // MARK: The reading thread

    /// Starts the launcher and serves it until it ends. `ready` is called once.
    func run(
        executable: String, configuration: LauncherConfiguration,
        ready: @escaping @Sendable (Result<Ready, any Error>) -> Void
    ) {
        do throws(SandboxError) {
            let (socket, pid) = try spawn(executable, configuration)
            do throws(SandboxError) {
                let answer = try awaitReadiness(socket)
                state.withLock { state in
                    state.socket = socket
                    state.processID = pid
                }
                ready(.success(answer))
                read(socket)
                finish(socket, pid)
            } catch {
                close(socket)
                Glibc.kill(pid, SIGKILL)
                waitpid(pid, nil, 0)
                throw error
            }
        } catch {
            ready(.failure(error))
        }
    }

    private func spawn(
        _ executable: String, _ configuration: LauncherConfiguration
    ) throws(SandboxError) -> (socket: Int32, pid: Int32) {
        do throws(SystemCallError) {
            let file = Descriptor(owning: try checkedDirect("memfd_create", "", apus_memfd("configuration")))
            let bytes = configuration.encoded()
            guard write(file.number, bytes, bytes.count) == bytes.count else {
                throw SystemCallError("write", "configuration", errno: errno)
            }
            try checkedDirect("seal", "configuration", apus_memfd_seal(file.number))
            let (ours, theirs) = try PacketSocket.pair()
            let name = strdup("apus-launcher")
            let pid = apus_spawn(executable, [name, nil], theirs)
            free(name)
            close(theirs)
            if pid < 0 {
                close(ours)
                throw SystemCallError("spawn", executable, errno: -pid)
            }
            if (try? PacketSocket.send([0], descriptors: [file.number], to: ours)) != true {
                close(ours)
                waitpid(pid, nil, 0)
                throw SystemCallError("configure", executable, errno: EPIPE)
            }
            return (ours, pid)
        } catch {
            throw SandboxError(operation: error.operation, subject: error.subject, errno: error.errno)
        }
    }

    private func awaitReadiness(_ socket: Int32) throws(SandboxError) -> Ready {
        var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, Self.readinessTimeout) == 1 else {
            throw SandboxError(operation: "start launcher", subject: "no answer", errno: ETIMEDOUT)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        guard let (report, descriptors) = receive(socket, buffer, .untilPacket) else {
            throw SandboxError(operation: "start launcher", subject: "it ended at once", errno: EPIPE)
        }
        switch report {
        case .ready(let readiness):
            return Ready(readiness: readiness, endpointListener: descriptors.first ?? -1)
        case .unable(let error): throw error
        default: throw SandboxError(operation: "start launcher", subject: "unexpected answer", errno: EPROTO)
        }
    }

    private func read(_ socket: Int32) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            deliverRefused()
            let wantsRoom = state.withLock { !$0.queue.isEmpty }
            var waiting = [
                pollfd(fd: socket, events: Int16(wantsRoom ? POLLIN | POLLOUT : POLLIN), revents: 0),
                pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&waiting, 2, -1) < 0 {
                if errno == EINTR { continue }
                return
            }
            if waiting[1].revents != 0 {
                var count: UInt64 = 0
                _ = Glibc.read(wakeup, &count, 8)
            }
            if waiting[0].revents & Int16(POLLOUT) != 0 { flush() }
            if waiting[0].revents & ~Int16(POLLOUT) != 0 {
                guard let (report, descriptors) = receive(socket, buffer, .untilPacket) else { return }
                deliver(report, descriptors)
            }
        }
    }

    /// One report; nil when the launcher is gone or talks nonsense.
    private func receive(
        _ socket: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ waiting: PacketSocket.Waiting
    ) -> (LauncherReport, [Int32])? {
        guard
            case .packet(let size, let descriptors) = try? PacketSocket.receive(
                from: socket, into: buffer, waiting: waiting)
        else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<size])
        guard let report = try? LauncherReport(decoding: bytes) else {
            for descriptor in descriptors { close(descriptor) }
            return nil
        }
        return (report, descriptors)
    }

    private func flush() {
        state.withLock { state in
            var sent = 0
            while sent < state.queue.count, (try? PacketSocket.send(state.queue[sent], to: state.socket)) == true {
                sent += 1
            }
            state.queue.removeFirst(sent)
        }
    }

    private func deliverRefused() {
        let refused = state.withLock { state in
            defer { state.refused = [] }
            return state.refused
        }
        for (completion, error) in refused { completion(.failure(error)) }
    }

    /// How many descriptors come with such a report.
    private static func descriptors(_ extensions: [String], _ gauges: SandboxGauges) -> Int {
        (extensions.isEmpty ? 3 : 5) + (gauges.contains(.memoryPeak) ? 1 : 0) + (gauges.contains(.freezer) ? 1 : 0)
    }

    private func deliver(_ report: LauncherReport, _ descriptors: [Int32]) {
        switch report {
        case .started(let id, let origin, let extensions, let gauges)
        where descriptors.count == Self.descriptors(extensions, gauges):
            let completion = state.withLock { state -> Completion? in
                guard let completion = state.pending[id]?.completion.take() else { return nil }
                state.pending[id]?.pidfd = descriptors[2]
                return completion
            }
            guard let completion else { break }
            var rest = descriptors.dropFirst(extensions.isEmpty ? 3 : 5)
            let memoryPeak = gauges.contains(.memoryPeak) ? rest.removeFirst() : -1
            let freezer = gauges.contains(.freezer) ? rest.removeFirst() : -1
            completion(
                .success(
                    StartedSandbox(
                        id: id, origin: origin, runtimeAPIListener: descriptors[0], output: descriptors[1],
                        memoryPeak: memoryPeak, freezer: freezer,
                        extensions: extensions.isEmpty
                            ? nil
                            : StartedExtensions(names: extensions, control: descriptors[3], output: descriptors[4]))))
            return
        case .socket(let id):
            let waiting = state.withLock { state -> (@Sendable (Int32) -> Void)? in
                guard state.pending[id]?.sockets.isEmpty == false else { return nil }
                return state.pending[id]?.sockets.removeFirst()
            }
            guard let waiting else { break }
            waiting(descriptors.first ?? -1)
            return
        case .failed(let id, let error):
            guard let pending = state.withLock({ $0.pending.removeValue(forKey: id) }) else { break }
            if let completion = pending.completion {
                completion(.failure(error))
            } else {
                // It was called started before the command was.
                end(pending, SandboxExit(cause: .lost, failure: error))
            }
        case .exited(let id, let exit):
            if let pending = state.withLock({ $0.pending.removeValue(forKey: id) }) { end(pending, exit) }
        case .started, .ready, .unable: break
        }
        for descriptor in descriptors { close(descriptor) }
    }

    private func end(_ pending: Pending, _ exit: SandboxExit) {
        if pending.pidfd >= 0 { close(pending.pidfd) }
        for socket in pending.sockets { socket(-1) }
        pending.exit(exit)
    }

    /// The launcher has gone: so do its sandboxes.
    private func finish(_ socket: Int32, _ pid: Int32) {
        state.withLock { $0.socket = -1 }
        close(socket)
        // It ends when its socket does; one that does not is wedged.
        let pidfd = apus_pidfd_open(pid)
        if pidfd >= 0 {
            if !LauncherConnection.waitForEnd(pidfd, milliseconds: 5000) { Glibc.kill(pid, SIGKILL) }
            close(pidfd)
        }
        waitpid(pid, nil, 0)
        let pending = state.withLock { state in
            defer { state.pending = [:] }
            return state.pending.sorted { $0.key < $1.key }.map(\.value)
        }
        for entry in pending {
            if let completion = entry.completion {
                completion(.failure(SandboxError(operation: "ask launcher", subject: "it has ended", errno: EPIPE)))
            } else {
                if entry.pidfd >= 0 {
                    // The kernel has killed them with the launcher; this waits for the last of their processes.
                    _ = LauncherConnection.waitForEnd(entry.pidfd, milliseconds: 10_000)
                    close(entry.pidfd)
                }
                for socket in entry.sockets { socket(-1) }
                entry.exit(SandboxExit(cause: .lost))
            }
        }
        deliverRefused()
        let (completions, late) = state.withLock { state in
            state.ended = true
            defer {
                state.shutdownCompletions = []
                state.refused = []
            }
            return (state.shutdownCompletions, state.refused)
        }
        for (completion, error) in late { completion(.failure(error)) }
        for completion in completions { completion() }
    }

    private static func waitForEnd(_ pidfd: Int32, milliseconds: Int32) -> Bool {
        var waiting = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, milliseconds) == 1
    }
}
