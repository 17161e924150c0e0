import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// Reports on their way to the server, in order.
struct Outbox {
    private struct Entry {
        var bytes: [UInt8]
        /// Sent along, then closed here.
        var descriptors: [Int32]
    }

    /// A server that lets so many reports pile up is not there any more.
    private static let maximum = 100_000

    private let socket: Int32
    private var waiting: [Entry] = []

    init(socket: Int32) { self.socket = socket }

    var isEmpty: Bool { waiting.isEmpty }

    /// Takes over the descriptors.
    mutating func put(_ report: LauncherReport, descriptors: [Int32] = []) throws(SystemCallError) {
        guard waiting.count < Self.maximum else { throw SystemCallError("send", errno: ENOBUFS) }
        waiting.append(Entry(bytes: report.encoded(), descriptors: descriptors))
        if waiting.count == 1 { try flush() }
    }

    /// Sends what the socket takes without waiting.
    mutating func flush() throws(SystemCallError) {
        var sent = 0
        while sent < waiting.count {
            let entry = waiting[sent]
            guard try PacketSocket.send(entry.bytes, descriptors: entry.descriptors, to: socket) else { break }
            for descriptor in entry.descriptors { close(descriptor) }
            sent += 1
        }
        waiting.removeFirst(sent)
    }
}
