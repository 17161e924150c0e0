import Sandbox
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Sandboxes that are threads: each runs a script that talks to the Runtime API over a real loopback socket and writes
/// to a real pipe.
final class FakeSandboxing: Sandboxing {
    typealias Script = @Sendable (FakeRuntime) -> SandboxExit

    private struct State {
        var nextID: UInt64 = 1
        var runtimes: [UInt64: FakeRuntime] = [:]
        var specs: [SandboxSpec] = []
        var kills = 0
        var settled: [UInt64] = []
        var terminated: [UInt64] = []
        var extensions: [UInt64: FakeExtensions] = [:]
        var ports: [UInt64: UInt16] = [:]
        var datagramPorts: [UInt16] = []
        var raised: [UInt64] = []
        var endedSpares = 0
        var freezers: [UInt64: Int32] = [:]
    }
    private let state = Mutex(State())
    private let script: Script
    private let failure: SandboxError?
    private let memoryPeak: String?
    private let extensions: [(name: String, script: Script)]
    /// Whether sandboxes can be frozen: nothing is, but ``frozen(_:)`` says whether it should be.
    let canFreeze: Bool

    /// Every sandbox runs `script`, or fails to start with `failure`. `memoryPeak` is what its memory gauge shows.
    /// `extensions` run beside it, in the order of their names.
    init(
        failure: SandboxError? = nil, memoryPeak: String? = nil, canFreeze: Bool = false,
        extensions: [(name: String, script: Script)] = [], script: @escaping Script
    ) {
        self.canFreeze = canFreeze
        self.extensions = extensions
        self.failure = failure
        self.memoryPeak = memoryPeak
        self.script = script
    }

    /// How many sandboxes were asked for.
    var started: Int { state.withLock { $0.specs.count } }
    var specs: [SandboxSpec] { state.withLock { $0.specs } }
    var alive: Int { state.withLock { $0.runtimes.count } }
    var kills: Int { state.withLock { $0.kills } }
    /// The ids of the sandboxes that were settled, in order.
    var settled: [UInt64] { state.withLock { $0.settled } }

    func start(
        _ spec: SandboxSpec, completion: @escaping @Sendable (Result<StartedSandbox, SandboxError>) -> Void,
        exit: @escaping @Sendable (SandboxExit) -> Void
    ) {
        let id = state.withLock { state in
            state.specs.append(spec)
            state.nextID += 1
            return state.nextID
        }
        if let failure {
            completion(.failure(failure))
            return
        }
        let (listener, port) = listen()
        var pipeEnds: [Int32] = [0, 0]
        pipe(&pipeEnds)
        for end in pipeEnds { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let runtime = FakeRuntime(port: port, output: pipeEnds[1], number: id)
        state.withLock { $0.runtimes[id] = runtime }
        var started = StartedSandbox(
            id: id, runtimeAPIListener: listener, output: pipeEnds[0], memoryPeak: gauge(memoryPeak))
        if canFreeze {
            let file = gauge("")
            started.freezer = file
            state.withLock { $0.freezers[id] = fcntl(file, F_DUPFD_CLOEXEC, 0) }
        }
        if !extensions.isEmpty {
            let fake = FakeExtensions(extensions, port: port, number: id)
            started.extensions = fake.started
            state.withLock { $0.extensions[id] = fake }
            completion(.success(started))
            fake.run(runtime, script) {
                self.state.withLock { state in
                    state.runtimes[id] = nil
                    state.extensions[id] = nil
                }
                exit(SandboxExit(cause: .lost))
            }
            return
        }
        completion(.success(started))
        runThread {
            var result = self.script(runtime)
            if runtime.isKilled { result = SandboxExit(cause: .signalled(number: 9)) }
            runtime.close()
            self.state.withLock { $0.runtimes[id] = nil }
            exit(result)
        }
    }

    func settle(_ id: UInt64) { state.withLock { $0.settled.append(id) } }

    func raise(_ id: UInt64) { state.withLock { $0.raised.append(id) } }

    func endSpares() { state.withLock { $0.endedSpares += 1 } }

    var raised: [UInt64] { state.withLock { $0.raised } }
    var endedSpares: Int { state.withLock { $0.endedSpares } }

    /// What the freezer of each sandbox says, in the order in which they started; nil where nothing was ever written.
    var frozen: [Bool?] {
        state.withLock { state in
            state.freezers.sorted { $0.key < $1.key }.map { _, file in
                var byte: UInt8 = 0
                return pread(file, &byte, 1, 0) == 1 ? byte == UInt8(ascii: "1") : nil
            }
        }
    }

    /// SIGTERM ends a fake runtime as SIGKILL does.
    func terminate(_ id: UInt64) {
        let runtime = state.withLock { state in
            state.terminated.append(id)
            return state.runtimes[id]
        }
        runtime?.kill()
    }

    /// The ids of the sandboxes whose lone command got a SIGTERM.
    var terminated: [UInt64] { state.withLock { $0.terminated } }

    /// Fake sandboxes share the loopback of the machine.
    func makeSocket(_ id: UInt64, completion: @escaping @Sendable (Int32) -> Void) {
        guard state.withLock({ $0.runtimes[id] }) != nil else { return completion(-1) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        completion(socket(AF_INET, type, 0))
    }

    /// At a port of its own, not at the one that is asked for.
    func makeDatagramSocket(_ id: UInt64, port: UInt16, completion: @escaping @Sendable (Int32) -> Void) {
        let (socket, port) = listen(for: SOCK_DGRAM)
        state.withLock { $0.datagramPorts.append(port) }
        completion(socket)
    }

    /// Where datagrams were asked for, in order.
    var datagramPorts: [UInt16] { state.withLock { $0.datagramPorts } }

    func kill(_ id: UInt64) {
        let (runtime, extensions) = state.withLock { state in
            state.kills += 1
            return (state.runtimes[id], state.extensions[id])
        }
        runtime?.kill()
        extensions?.kill()
    }
}

/// The external extensions of one fake sandbox, each a thread, and an init that takes orders.
final class FakeExtensions: Sendable {
    let started: StartedExtensions
    private let members: [(runtime: FakeRuntime, script: FakeSandboxing.Script)]
    private let control: Int32
    /// `control` is closed under the lock, so that nobody shuts down what has its number next.
    private let state = Mutex((left: 0, isClosed: false))

    init(_ extensions: [(name: String, script: FakeSandboxing.Script)], port: UInt16, number: UInt64) {
        var sockets: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &sockets)
        var output: [Int32] = [-1, -1]
        pipe(&output)
        for end in output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        control = sockets[1]
        started = StartedExtensions(names: extensions.map(\.name), control: sockets[0], output: output[0])
        members = extensions.map { member in
            (FakeRuntime(port: port, output: fcntl(output[1], F_DUPFD_CLOEXEC, 0), number: number), member.script)
        }
        Glibc.close(output[1])
    }

    /// Runs until it is killed or its control socket is closed, and everything in it has ended.
    func run(_ runtime: FakeRuntime, _ script: @escaping FakeSandboxing.Script, ended: @escaping @Sendable () -> Void) {
        state.withLock { $0.left = members.count + 1 }
        for (index, member) in members.enumerated() {
            runThread {
                let exit = member.script(member.runtime)
                self.report(index + 1, member.runtime.isKilled ? .signalled(number: 9) : exit.cause)
                member.runtime.close()
                self.leave(ended)
            }
        }
        runThread {
            var hasRun = false
            var order: UInt8 = 0
            while recv(self.control, &order, 1, 0) == 1 {
                if order == ProcessOrder.run.rawValue, !hasRun {
                    hasRun = true
                    self.state.withLock { $0.left += 1 }
                    runThread {
                        let exit = script(runtime)
                        self.report(0, runtime.isKilled ? .signalled(number: 9) : exit.cause)
                        runtime.close()
                        self.leave(ended)
                    }
                } else if order != ProcessOrder.run.rawValue {
                    runtime.kill()
                }
            }
            runtime.kill()
            if !hasRun { runtime.close() }
            for member in self.members { member.runtime.kill() }
            self.leave(ended)
        }
    }

    func kill() {
        for member in members { member.runtime.kill() }
        state.withLock { if !$0.isClosed { shutdown(control, Int32(SHUT_RDWR)) } }
    }

    private func leave(_ ended: () -> Void) {
        let isLast = state.withLock { state in
            state.left -= 1
            guard state.left == 0 else { return false }
            state.isClosed = true
            Glibc.close(control)
            return true
        }
        if isLast { ended() }
    }

    private func report(_ process: Int, _ cause: SandboxExit.Cause) {
        var status: Int32 = 0
        switch cause {
        case .exited(let value): status = Int32(value) << 8
        case .signalled(let number): status = Int32(number)
        case .lost: break
        }
        let words: [Int32] = [0, Int32(process), status]
        _ = words.withUnsafeBytes { send(control, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
}

/// A runtime inside a fake sandbox: a blocking client of the Runtime API.
final class FakeRuntime: Sendable {
    let port: UInt16
    /// Different for every sandbox.
    let number: UInt64
    private let output: Int32
    private let state = Mutex((killed: false, sockets: [Int32]()))

    init(port: UInt16, output: Int32, number: UInt64) {
        self.port = port
        self.output = output
        self.number = number
    }

    var isKilled: Bool { state.withLock { $0.killed } }

    func kill() {
        state.withLock { state in
            state.killed = true
            for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    func close() {
        Glibc.close(output)
        state.withLock { state in
            for socket in state.sockets { Glibc.close(socket) }
            state.sockets = []
        }
    }

    /// A new connection, or nil when the runtime is killed.
    func connect() -> RuntimeConnection? {
        let socket = connectLoopback(port)
        let isUsable = state.withLock { state in
            guard !state.killed, socket >= 0 else { return false }
            state.sockets.append(socket)
            return true
        }
        if !isUsable, socket >= 0 { Glibc.close(socket) }
        return isUsable ? RuntimeConnection(socket: socket) : nil
    }

    /// Writes to standard output.
    func print(_ text: String) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count, !isKilled {
            let count = bytes[sent...].withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            sent += count
        }
    }

    /// Does nothing until it is killed.
    func hang() {
        guard let connection = connect() else { return }
        _ = connection.receive()
    }

    /// A runtime that answers every event with what `body` makes of it.
    func serve(_ body: (RuntimeConnection.Event, RuntimeConnection) -> Void) -> SandboxExit {
        guard let connection = connect() else { return SandboxExit(cause: .lost) }
        while let event = connection.next() { body(event, connection) }
        return SandboxExit(cause: .exited(status: 0))
    }
}

/// One blocking HTTP/1.1 connection to the Runtime API.
final class RuntimeConnection {
    struct Event {
        var requestID: String
        var headers: [String: String]
        var payload: String
    }
    struct Answer: Equatable {
        var status: Int
        var headers: [String: String]
        var body: String
    }

    private let socket: Int32
    private var received: [UInt8] = []

    init(socket: Int32) { self.socket = socket }

    func next() -> Event? {
        send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\r\n")
        guard let answer = receive(), answer.status == 200 else { return nil }
        return Event(
            requestID: answer.headers["lambda-runtime-aws-request-id"] ?? "", headers: answer.headers,
            payload: answer.body)
    }

    @discardableResult
    func respond(_ requestID: String, _ body: String) -> Answer? {
        post("/2018-06-01/runtime/invocation/\(requestID)/response", body)
    }

    @discardableResult
    func fail(_ requestID: String, _ body: String, type: String = "Runtime.Unknown") -> Answer? {
        post(
            "/2018-06-01/runtime/invocation/\(requestID)/error", body,
            headers: "Lambda-Runtime-Function-Error-Type: \(type)\r\n")
    }

    @discardableResult
    func failInit(_ body: String, type: String) -> Answer? {
        post("/2018-06-01/runtime/init/error", body, headers: "Lambda-Runtime-Function-Error-Type: \(type)\r\n")
    }

    /// Waits to be restored; the answer's status, nil when the server closed the connection.
    func restoreNext() -> Int? {
        send("GET /2018-06-01/runtime/restore/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\r\n")
        return receive()?.status
    }

    func get(_ path: String, headers: String = "") -> Answer? {
        send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\(headers)\r\n")
        return receive()
    }

    func post(_ path: String, _ body: String, headers: String = "") -> Answer? {
        send(
            "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        return receive()
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            sent += count
        }
    }

    /// Sends until the other side has taken nothing for a second; returns how much it took.
    func sendWhatFits(_ bytes: [UInt8]) -> Int {
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return max(0, Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)))
    }

    /// What has come and was not read.
    var unreadBytes: Int {
        var byte: UInt8 = 0
        let count = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return max(0, count) + received.count
    }

    /// Says that nothing more will be sent.
    func hangUp() { shutdown(socket, Int32(SHUT_WR)) }

    /// One answer; nil when the server closed the connection.
    func receive() -> Answer? {
        while true {
            if let answer = parse() {
                if answer.status == 100 { continue }
                return answer
            }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = recv(socket, &chunk, chunk.count, 0)
            if count <= 0 { return nil }
            received += chunk[..<count]
        }
    }

    private func parse() -> Answer? {
        guard let end = received.firstRange(of: [13, 10, 13, 10]) else { return nil }
        let lines = String(decoding: received[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = String(line[line.index(colon, offsetBy: 2)...])
        }
        let length = Int(headers["content-length"] ?? "0") ?? 0
        guard received.count >= end.upperBound + length else { return nil }
        let body = String(decoding: received[end.upperBound..<end.upperBound + length], as: UTF8.self)
        received.removeFirst(end.upperBound + length)
        return Answer(status: Int(lines[0].split(separator: " ")[1]) ?? 0, headers: headers, body: body)
    }
}

// MARK: System calls

/// A listening socket on a port of 127.0.0.1 that nobody uses.
/// A socket at a free port of the loopback.
func listen(for type: __socket_type = SOCK_STREAM) -> (descriptor: Int32, port: UInt16) {
    let listener = socket(AF_INET, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            _ = bind(listener, generic, length)
            if type == SOCK_STREAM { _ = Glibc.listen(listener, 128) }
            _ = getsockname(listener, generic, &length)
        }
    }
    return (listener, UInt16(bigEndian: address.sin_port))
}

func connectLoopback(_ port: UInt16) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    if result == 0 { return descriptor }
    close(descriptor)
    return -1
}

/// A file that holds `text`, without a name; -1 for nil.
private func gauge(_ text: String?) -> Int32 {
    guard let text else { return -1 }
    var template = Array("/tmp/fleet-gauge-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
    let descriptor = mkstemp(&template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(template)
    _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    return descriptor
}

/// Runs `body` on a thread of its own.
func runThread(_ body: @escaping @Sendable () -> Void) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
    pthread_detach(thread)
}
