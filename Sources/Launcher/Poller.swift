import CLinux
import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// Waits for many descriptors (epoll). A descriptor is forgotten when its last copy is closed.
struct Poller: ~Copyable {
    /// What a descriptor means to the loop.
    enum Source: Hashable {
        case server
        /// The error pipe of the sandbox in this slot.
        case beginning(slot: Int)
        /// The pidfd of the init of the sandbox in this slot.
        case end(slot: Int)
        case hostAddresses
        case wayOut
        /// The socket of a zygote, and its pidfd.
        case zygote(number: Int)
        case zygoteEnd(number: Int)

        fileprivate var token: UInt64 {
            switch self {
            case .server: 0
            case .hostAddresses: 1
            case .wayOut: 2
            case .beginning(let slot): 1 << 32 | UInt64(slot)
            case .end(let slot): 2 << 32 | UInt64(slot)
            case .zygote(let number): 3 << 32 | UInt64(number)
            case .zygoteEnd(let number): 4 << 32 | UInt64(number)
            }
        }

        fileprivate init?(token: UInt64) {
            let slot = Int(token & 0xffff_ffff)
            switch (token >> 32, slot) {
            case (0, 0): self = .server
            case (0, 1): self = .hostAddresses
            case (0, 2): self = .wayOut
            case (1, _): self = .beginning(slot: slot)
            case (2, _): self = .end(slot: slot)
            case (3, _): self = .zygote(number: slot)
            case (4, _): self = .zygoteEnd(number: slot)
            default: return nil
            }
        }
    }

    struct Event {
        var source: Source
        var readable: Bool
        var writable: Bool
    }

    private let descriptor: Descriptor

    init() throws(SystemCallError) {
        descriptor = Descriptor(
            owning: try checked("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    }

    func add(_ number: Int32, _ source: Source) throws(SystemCallError) {
        try control(EPOLL_CTL_ADD, number, EPOLLIN.rawValue, source)
    }

    /// Also waits for room to write, or no longer.
    func watch(_ number: Int32, _ source: Source, writing: Bool) throws(SystemCallError) {
        try control(EPOLL_CTL_MOD, number, EPOLLIN.rawValue | (writing ? EPOLLOUT.rawValue : 0), source)
    }

    func remove(_ number: Int32) {
        var event = epoll_event()
        epoll_ctl(descriptor.number, EPOLL_CTL_DEL, number, &event)
    }

    private func control(
        _ operation: Int32, _ number: Int32, _ events: UInt32, _ source: Source
    ) throws(SystemCallError) {
        var event = epoll_event(events: events, data: epoll_data_t(u64: source.token))
        try checked("epoll_ctl") { epoll_ctl(descriptor.number, operation, number, &event) }
    }

    /// What is ready within `milliseconds` (-1: however long it takes).
    func wait(milliseconds: Int32) throws(SystemCallError) -> [Event] {
        var ready = [epoll_event](repeating: epoll_event(), count: 64)
        let count = try checked("epoll_wait") {
            epoll_wait(descriptor.number, &ready, Int32(ready.count), milliseconds)
        }
        let readable: UInt32 = EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
        var events: [Event] = []
        for event in ready.prefix(Int(count)) {
            guard let source = Source(token: event.data.u64) else { continue }
            let isWritable = event.events & EPOLLOUT.rawValue != 0
            events.append(Event(source: source, readable: event.events & readable != 0, writable: isWritable))
        }
        return events
    }
}
