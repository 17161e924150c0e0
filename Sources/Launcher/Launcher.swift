import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// The launcher's loop: one thread, which waits for requests of the server, for sandboxes that begin and for sandboxes
/// that end, and never for one of them alone.
final class Launcher {
    let host: LauncherHost
    private let socket: Int32
    let poller: Poller
    var outbox: Outbox
    private var outboxWatched = false
    var slots: Slots
    /// By slot.
    var sandboxes: [Int: SandboxRecord] = [:]
    var slotByID: [UInt64: Int] = [:]
    /// How many of them are starting for a request.
    var starting = 0
    /// The sandboxes that were made ahead.
    var shelf: SpareShelf
    let furnisher: Furnisher
    var zygotes = ZygoteStock()
    /// By number.
    var zygoteRecords: [Int: ZygoteRecord] = [:]
    let zygoteMaker: ZygoteMaker
    /// How many have been started.
    var zygoteCount = 0
    /// Control groups of ended ones that the kernel still calls busy.
    var busyZygoteGroups: [ControlGroup] = []
    /// How many have gone without an answer, and may have left a child.
    var strays = 0
    /// Seen by the last idle work.
    var endedChild: Int32 = 0
    /// The networks of sandboxes that have ended, and when they are to go, if nothing else is to be done then: the
    /// kernel takes down many at once in not much more time than one.
    private var ended: [EnvironmentNetwork] = []
    private var endedDue = ContinuousClock.now
    private static let endedDelay = Duration.milliseconds(100)
    /// Slots whose control groups the kernel still calls busy.
    private var busy: [(slot: Int, group: ControlGroup)] = []
    private var finished: [(slot: Int, group: ControlGroup)] = []
    /// Refills since the last use of a network: a host on which they fail is not asked without end.
    private var refills = 0
    private let packet: UnsafeMutableRawBufferPointer

    init(host: LauncherHost, socket: Int32) throws(SystemCallError) {
        self.host = host
        self.socket = socket
        outbox = Outbox(socket: socket)
        slots = Slots(count: host.configuration.maximumSandboxes)
        furnisher = try Furnisher(host)
        zygoteMaker = ZygoteMaker(host)
        shelf = SpareShelf(forks: zygoteMaker.isAble)
        packet = .allocate(byteCount: LauncherRequest.maximumSize, alignment: 16)
        poller = try Poller()
        try poller.add(socket, .server)
        try poller.add(host.network.hostAddressSocket, .hostAddresses)
        if host.network.wayOutSocket >= 0 { try poller.add(host.network.wayOutSocket, .wayOut) }
    }

    deinit { packet.deallocate() }

    /// Serves until the server is gone. Every sandbox dies with this process (PDEATHSIG).
    func run() throws(SystemCallError) {
        let listener = host.network.endpointListener
        let readiness = LauncherReadiness(
            endpointAddress: host.network.endpointAddress, weaknesses: host.weaknesses, notes: host.notes)
        let copy = listener >= 0 ? [try checked("dup") { fcntl(listener, F_DUPFD_CLOEXEC, 4) }] : []
        try outbox.put(.ready(readiness), descriptors: copy)
        while true {
            let events = try poller.wait(milliseconds: patience())
            if events.isEmpty { idle() }
            for event in events {
                switch event.source {
                case .server:
                    if event.writable { try outbox.flush() }
                    if event.readable, try !readRequests() { return hurry() }
                case .beginning(let slot): try begin(slot)
                case .end(let slot): try end(slot)
                case .hostAddresses: try? host.network.hostAddressesChanged()
                case .wayOut: wayOutChanged()
                case .zygote(let number): zygoteSpoke(number)
                case .zygoteEnd(let number): zygoteEnded(number)
                }
            }
            try watchOutbox()
        }
    }

    /// Every sandbox is about to die: what yields would take long to, on a busy machine.
    private func hurry() {
        for slot in sandboxes.keys { sandboxes[slot]?.setPrecedence(.ordinary) }
    }

    private func watchOutbox() throws(SystemCallError) {
        if outbox.isEmpty == outboxWatched {
            outboxWatched = !outbox.isEmpty
            try poller.watch(socket, .server, writing: outboxWatched)
        }
    }

    private func wayOutChanged() {
        let before = host.network.wayOutSocket
        host.network.wayOutChanged()
        let after = host.network.wayOutSocket
        if after != before, after >= 0 { try? poller.add(after, .wayOut) }
    }

    // MARK: Requests

    /// False when the server is gone.
    private func readRequests() throws(SystemCallError) -> Bool {
        // A bounded number, so that a flood of requests does not keep ends from being reported.
        for _ in 0..<16 {
            switch try PacketSocket.receive(from: socket, into: packet, waiting: .never) {
            case .nothing: return true
            case .end: return false
            case .packet(let size, let descriptors):
                for descriptor in descriptors { close(descriptor) }
                let bytes = UnsafeMutableRawBufferPointer(rebasing: packet[..<size])
                defer { apus_wipe(bytes.baseAddress, bytes.count) }
                // A server that sends what it cannot send is not ours any more: everything ends.
                guard let request = try? LauncherRequest(decoding: UnsafeRawBufferPointer(bytes)) else { return false }
                switch request {
                case .start(let request): try start(request, bytes)
                case .expect(let request): expect(request, UnsafeRawBufferPointer(bytes))
                case .kill(let id): kill(id)
                case .settle(let id): settle(id)
                case .raise(let id): raise(id)
                case .endSpares: endSpares()
                case .terminate(let id): terminate(id)
                case .socket(let id, let port): try makeSocket(id, datagramPort: port)
                }
            }
        }
        return true
    }

    private func start(
        _ request: LauncherRequest.StartRequest, _ bytes: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) {
        do throws(SandboxError) {
            if let weakness = host.weaknesses.first(where: { !host.configuration.accepted.contains($0) }) {
                throw SandboxError(operation: "accept weakness", subject: weakness.rawValue, errno: EPERM)
            }
            guard slotByID[request.id] == nil else {
                throw SandboxError(operation: "start", subject: "id \(request.id)", errno: EEXIST)
            }
            if try adopt(request, bytes) { return }
            guard let slot = slots.take() else {
                throw SandboxError(operation: "start", subject: "maximum of sandboxes", errno: EAGAIN)
            }
            let record: SandboxRecord
            do throws(SandboxError) {
                record = try SandboxStart(host: host, request: request, packet: bytes, slot: slot).run()
            } catch {
                giveBack(slot)
                throw error
            }
            refills = 0
            starting += 1
            sandboxes[slot] = record
            slotByID[request.id] = slot
            watch(record, in: slot)
        } catch {
            try outbox.put(.failed(id: request.id, error))
        }
    }

    func watch(_ record: SandboxRecord, in slot: Int) {
        do throws(SystemCallError) {
            try poller.add(record.errorPipe, .beginning(slot: slot))
            try poller.add(record.pidfd, .end(slot: slot))
        } catch {
            // Without a place in the loop its end would go unnoticed; only want of memory leads here.
            exit(1)
        }
    }

    /// A limit that cannot be set is a limit that does not hold: the sandbox ends.
    private func settle(_ id: UInt64) {
        raise(id)
        guard let slot = slotByID[id], let record = sandboxes[slot] else { return }
        if (try? record.group.limitCPU(quotaMicroseconds: record.settledQuota)) == nil { kill(id) }
    }

    private func raise(_ id: UInt64) {
        if let slot = slotByID[id] { sandboxes[slot]?.setPrecedence(.ordinary) }
    }

    private func kill(_ id: UInt64) {
        guard let slot = slotByID[id], let record = sandboxes[slot] else { return }
        // The kernel kills everything in a pid namespace with its init.
        _ = apus_pidfd_kill(record.pidfd, SIGKILL)
    }

    /// The init hands it on to the command.
    private func terminate(_ id: UInt64) {
        guard let slot = slotByID[id], let record = sandboxes[slot], record.state == .running else { return }
        _ = apus_pidfd_kill(record.pidfd, SIGTERM)
    }

    /// A socket in the sandbox's network. It keeps that network, wherever it is then used.
    private func makeSocket(_ id: UInt64, datagramPort: UInt16) throws(SystemCallError) {
        var descriptors: [Int32] = []
        if let slot = slotByID[id], let record = sandboxes[slot], record.state == .running {
            let made: Int32
            do { made = try host.network.makeSocket(in: record.network, datagramPort: datagramPort) } catch {
                throw SystemCallError("network: \(error.operation)", error.reason, errno: error.errno)
            }
            if made >= 0 { descriptors = [made] }
        }
        try outbox.put(.socket(id: id), descriptors: descriptors)
    }

    // MARK: Beginnings and ends

    /// The error pipe has something to say: a failure, or, by its end, that the command runs.
    private func begin(_ slot: Int) throws(SystemCallError) {
        guard var record = sandboxes[slot], record.errorPipe >= 0,
            record.state == .starting || record.state == .spare || record.isAwaited
        else { return }
        let isAwaited = record.isAwaited
        var failure = apus_failure()
        let count = read(record.errorPipe, &failure, MemoryLayout<apus_failure>.size)
        if count < 0 { return }
        if count == MemoryLayout<apus_failure>.size, failure.step == APUS_PARKED.rawValue {
            return shelf.ready(slot: slot)
        }
        poller.remove(record.errorPipe)
        close(record.errorPipe)
        record.errorPipe = -1
        if record.state == .spare {
            // A failure is the end of it, which is about to be noticed.
            if count == 0 { shelf.ready(slot: slot) }
            sandboxes[slot] = record
            return
        }
        starting -= 1
        if count == MemoryLayout<apus_failure>.size {
            record.state = .failed
            let step = String(cString: apus_step_name(failure.step))
            let error = SandboxError(operation: step, subject: "", errno: failure.error)
            if isAwaited { record.failure = error } else { try outbox.put(.failed(id: record.id, error)) }
        } else if !isAwaited {
            try reportStart(&record)
        }
        sandboxes[slot] = record
    }

    /// The command runs: the server gets its descriptors.
    func reportStart(_ record: inout SandboxRecord) throws(SystemCallError) {
        record.state = .running
        let listener = try duplicate(record.network.runtimeAPIListener)
        let pidfd = try duplicate(record.pidfd)
        let peak = record.group.openMemoryPeak()
        let freezer = record.group.openFreezer()
        let extensions = record.extensions.take()
        var gauges: SandboxGauges = peak >= 0 ? .memoryPeak : []
        if freezer >= 0 { gauges.insert(.freezer) }
        try outbox.put(
            .started(id: record.id, origin: record.origin, extensions: extensions?.names ?? [], gauges: gauges),
            descriptors: [listener, record.output, pidfd] + (extensions.map { [$0.control, $0.output] } ?? [])
                + [peak, freezer].filter { $0 >= 0 })
        record.output = -1
    }

    private func duplicate(_ descriptor: Int32) throws(SystemCallError) -> Int32 {
        try checked("dup") { fcntl(descriptor, F_DUPFD_CLOEXEC, 4) }
    }

    /// The init is gone, and by then so is every process of its pid namespace.
    private func end(_ slot: Int) throws(SystemCallError) {
        // What the error pipe says comes before the end.
        try begin(slot)
        guard let record = sandboxes.removeValue(forKey: slot) else { return }
        shelf.ended(slot: slot, now: .now)
        slotByID[record.id] = nil
        var code: Int32 = 0
        var status: Int32 = 0
        let reaped = apus_pidfd_reap(record.pidfd, &code, &status)
        if record.state == .running {
            let cause: SandboxExit.Cause
            if let command = record.commandStatus() {
                cause = SandboxExit.Cause(waitStatus: command)
            } else if reaped == 1, code != Int32(CLD_EXITED) {
                cause = .signalled(number: Int(status))
            } else {
                cause = .lost
            }
            let outOfMemory = record.group.outOfMemoryKills() > 0
            try outbox.put(.exited(id: record.id, SandboxExit(cause: cause, outOfMemory: outOfMemory)))
        }
        if let failure = record.failure { try outbox.put(.failed(id: record.id, failure)) }
        poller.remove(record.pidfd)
        record.closeDescriptors()
        if ended.isEmpty { endedDue = .now + Self.endedDelay }
        ended.append(record.network)
        finished.append((slot, record.group))
    }

    // MARK: Idle work

    /// How long the loop may wait, milliseconds.
    private func patience() -> Int32 {
        let patience = patienceWithoutEnded()
        if ended.isEmpty { return patience }
        let left = Int32(max(0, (endedDue - .now) / .milliseconds(1)) + 1)
        return patience < 0 ? left : min(patience, left)
    }

    private func patienceWithoutEnded() -> Int32 {
        if !finished.isEmpty { return 0 }
        if starting == 0, forksSpare { return 1 }
        if !busy.isEmpty || wantsSpare { return 20 }
        // Making a spare takes a millisecond or more, in which a sandbox that is about to run would wait to be
        // reported.
        if starting > 0 { return -1 }
        if host.network.wantsRefill { return refills < 64 ? 0 : 1000 }
        return shelf.count > 0 || !zygoteRecords.isEmpty ? 10_000 : -1
    }

    /// One piece of what can wait: tearing down what has ended, then making what the next start will need.
    private func idle() {
        if !ended.isEmpty, endedDue <= .now {
            for network in ended { host.network.release(network) }
            ended = []
            refills = 0
        } else if let (slot, group) = finished.popLast() {
            free(slot, group)
        } else if !busy.isEmpty {
            let again = busy
            busy = []
            for (slot, group) in again { free(slot, group) }
        } else if starting == 0, host.network.wantsRefill {
            refills += 1
            host.network.refill()
        } else if starting == 0 {
            tendShelf()
        }
    }

    /// Nothing came of a start in this slot.
    func giveBack(_ slot: Int) {
        if let group = host.leftGroups.removeValue(forKey: slot) {
            busy.append((slot, group))
        } else {
            slots.give(slot)
        }
    }

    /// A slot is free when nothing of its last sandbox is left: its user id, its group names.
    private func free(_ slot: Int, _ group: ControlGroup) {
        if group.remove() {
            slots.give(slot)
        } else {
            busy.append((slot, group))
        }
    }
}
