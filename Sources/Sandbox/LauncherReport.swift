/// What the launcher tells the server.
package enum LauncherReport: Sendable, Hashable {
    /// All is ready. With the endpoint's listener as descriptor, if there is one.
    case ready(LauncherReadiness)
    /// The launcher cannot work and ends.
    case unable(SandboxError)
    /// With the Runtime API's listener, the output, the init's pidfd, if there are extensions their control and their
    /// output, and the gauges. `extensions` are the names of the external extensions.
    case started(id: UInt64, origin: StartedSandbox.Origin, extensions: [String], gauges: SandboxGauges = [])
    /// With the socket, if it could be made.
    case socket(id: UInt64)
    case failed(id: UInt64, SandboxError)
    case exited(id: UInt64, SandboxExit)

    private enum Kind: UInt8 {
        case ready = 1
        case unable, started, failed, exited, socket
    }

    package func encoded() -> [UInt8] {
        var writer = PacketWriter()
        switch self {
        case .ready(let readiness):
            writer.put(Kind.ready.rawValue)
            writer.put(readiness.endpointAddress)
            writer.put(readiness.weaknesses.map(\.rawValue))
            writer.put(readiness.notes)
        case .unable(let error):
            writer.put(Kind.unable.rawValue)
            Self.put(error, in: &writer)
        case .started(let id, let origin, let extensions, let gauges):
            writer.put(Kind.started.rawValue)
            writer.put(id)
            writer.put(origin.rawValue)
            writer.put(extensions)
            writer.put(gauges.rawValue)
        case .socket(let id):
            writer.put(Kind.socket.rawValue)
            writer.put(id)
        case .failed(let id, let error):
            writer.put(Kind.failed.rawValue)
            writer.put(id)
            Self.put(error, in: &writer)
        case .exited(let id, let exit):
            writer.put(Kind.exited.rawValue)
            writer.put(id)
            switch exit.cause {
            case .exited(let status):
                writer.put(UInt8(0))
                writer.put(UInt32(clamping: status))
            case .signalled(let number):
                writer.put(UInt8(1))
                writer.put(UInt32(clamping: number))
            case .lost:
                writer.put(UInt8(2))
                writer.put(UInt32(0))
            }
            writer.put(UInt8(exit.outOfMemory ? 1 : 0))
        }
        return writer.bytes
    }

    package init(decoding bytes: UnsafeRawBufferPointer) throws(PacketError) {
        var reader = PacketReader(bytes)
        switch Kind(rawValue: try reader.number(UInt8.self, "kind")) {
        case .ready:
            let address = try reader.text("endpoint address")
            let weaknesses = try reader.list("weaknesses", maximum: 64) { (reader) throws(PacketError) -> Weakness in
                guard let weakness = Weakness(rawValue: try reader.text("weakness")) else {
                    throw PacketError("weakness")
                }
                return weakness
            }
            self = .ready(
                LauncherReadiness(
                    endpointAddress: address, weaknesses: weaknesses, notes: try reader.texts("notes", maximum: 256)))
        case .unable: self = .unable(try Self.error(&reader))
        case .started:
            let id = try reader.number(UInt64.self, "id")
            guard let origin = StartedSandbox.Origin(rawValue: try reader.number(UInt8.self, "origin")) else {
                throw PacketError("origin")
            }
            let extensions = try reader.texts("extensions", maximum: 64)
            let gauges = SandboxGauges(rawValue: try reader.number(UInt8.self, "gauges"))
            guard gauges.isSubset(of: [.memoryPeak, .freezer]) else { throw PacketError("gauges") }
            self = .started(id: id, origin: origin, extensions: extensions, gauges: gauges)
        case .socket: self = .socket(id: try reader.number(UInt64.self, "id"))
        case .failed: self = .failed(id: try reader.number(UInt64.self, "id"), try Self.error(&reader))
        case .exited: self = .exited(id: try reader.number(UInt64.self, "id"), try Self.exit(&reader))
        case nil: throw PacketError("kind")
        }
        try reader.finish()
    }

    private static func exit(_ reader: inout PacketReader) throws(PacketError) -> SandboxExit {
        let cause: SandboxExit.Cause
        let kind = try reader.number(UInt8.self, "cause")
        let number = Int(try reader.number(UInt32.self, "status"))
        switch kind {
        case 0: cause = .exited(status: number)
        case 1: cause = .signalled(number: number)
        case 2 where number == 0: cause = .lost
        default: throw PacketError("cause")
        }
        let outOfMemory = try reader.number(UInt8.self, "out of memory")
        guard outOfMemory <= 1 else { throw PacketError("out of memory") }
        return SandboxExit(cause: cause, outOfMemory: outOfMemory == 1)
    }

    private static func put(_ error: SandboxError, in writer: inout PacketWriter) {
        writer.put(error.operation)
        writer.put(error.subject)
        writer.put(error.errno)
    }

    private static func error(_ reader: inout PacketReader) throws(PacketError) -> SandboxError {
        SandboxError(
            operation: try reader.text("operation"), subject: try reader.text("subject"),
            errno: try reader.number(Int32.self, "errno"))
    }
}

/// The files of a sandbox's control groups that the server gets, in this order.
package struct SandboxGauges: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let memoryPeak = SandboxGauges(rawValue: 1)
    package static let freezer = SandboxGauges(rawValue: 2)
}

/// What the launcher found when it started.
package struct LauncherReadiness: Sendable, Hashable {
    /// The address at which functions reach Apus's endpoint.
    package var endpointAddress: String
    /// Protections that this host does not give.
    package var weaknesses: [Weakness]
    /// Why, one sentence each.
    package var notes: [String]

    package init(endpointAddress: String, weaknesses: [Weakness], notes: [String]) {
        self.endpointAddress = endpointAddress
        self.weaknesses = weaknesses
        self.notes = notes
    }
}
