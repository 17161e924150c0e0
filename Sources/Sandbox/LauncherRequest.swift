package import Linux

/// What the server may ask of the launcher.
package enum LauncherRequest: Sendable, Hashable {
    case start(StartRequest)
    /// A start like this one is to be expected: something may be made ready for it. Nothing is answered.
    case expect(StartRequest)
    case kill(id: UInt64)
    /// The processor limit of the sandbox's initialization is over.
    case settle(id: UInt64)
    /// A sandbox that initialises gets ordinary precedence.
    case raise(id: UInt64)
    /// The sandboxes that were made ahead end. Others are made again when there is need of them.
    case endSpares
    /// SIGTERM to the command of a sandbox without external extensions.
    case terminate(id: UInt64)
    /// A socket in the sandbox's network namespace: for TCP and unconnected, or, unless `datagramPort` is 0, for UDP
    /// and bound to that port of the loopback address. ``LauncherReport/socket(id:)`` answers, always.
    case socket(id: UInt64, datagramPort: UInt16 = 0)

    /// A start in the launcher's hands. What the command gets stays where it was received, zero-terminated, so that the
    /// launcher can hand it on without a copy and wipe it: these are ranges in the packet.
    package struct StartRequest: Sendable, Hashable {
        package var id: UInt64
        /// Nil for an image.
        package var root: String?
        package var code: String
        package var layers: String?
        package var fileSystem: FileSystemMount?
        package var arguments: [Range<Int>]
        package var fallback: Range<Int>?
        package var environment: [Range<Int>]
        package var workingDirectory: Range<Int>
        package var limits: SandboxLimits
        /// ``SandboxSpec/bootEnvironment``; empty for none.
        package var bootEnvironment: [Range<Int>]
        package var isForkable: Bool
        package var precedence: Precedence
    }

    /// No packet is larger, bytes: it must fit into a socket's default send buffer.
    package static let maximumSize = 128 << 10

    private enum Kind: UInt8 {
        case start = 1
        case kill = 2
        case settle = 3
        case terminate = 4
        case socket = 5
        case expect = 6
        case raise = 21
        case endSpares = 22
    }

    package static func encodeStart(id: UInt64, _ spec: SandboxSpec) -> [UInt8] { encode(.start, id: id, spec) }

    package static func encodeExpect(_ spec: SandboxSpec) -> [UInt8] { encode(.expect, id: 0, spec) }

    private static func encode(_ kind: Kind, id: UInt64, _ spec: SandboxSpec) -> [UInt8] {
        var writer = PacketWriter()
        writer.put(kind.rawValue)
        writer.put(id)
        writer.put(spec.root ?? "")
        writer.put(spec.code)
        writer.put(spec.layers ?? "")
        writer.put(spec.fileSystem?.name ?? "")
        writer.put(spec.fileSystem?.place ?? "")
        writer.put(spec.arguments)
        writer.put(spec.fallback ?? "")
        writer.put(spec.environment)
        writer.put(spec.workingDirectory)
        for limit in [
            spec.limits.memoryMiB, spec.limits.cpuMillis, spec.limits.temporaryStorageMiB, spec.limits.processes,
            spec.limits.descriptors, spec.limits.initializationCPUMillis ?? spec.limits.cpuMillis,
        ] {
            writer.put(UInt32(clamping: limit))
        }
        writer.put(spec.bootEnvironment ?? [])
        writer.put(UInt8(spec.isForkable ? 1 : 0))
        writer.put(spec.precedence.rawValue)
        return writer.bytes
    }

    package static func encodeKill(id: UInt64) -> [UInt8] { encode(.kill, id: id) }

    package static func encodeSettle(id: UInt64) -> [UInt8] { encode(.settle, id: id) }

    package static func encodeRaise(id: UInt64) -> [UInt8] { encode(.raise, id: id) }

    package static func encodeTerminate(id: UInt64) -> [UInt8] { encode(.terminate, id: id) }

    /// A request that only says which sandbox.
    private static func encode(_ kind: Kind, id: UInt64) -> [UInt8] {
        var writer = PacketWriter()
        writer.put(kind.rawValue)
        writer.put(id)
        return writer.bytes
    }

    package static func encodeEndSpares() -> [UInt8] {
        var writer = PacketWriter()
        writer.put(Kind.endSpares.rawValue)
        return writer.bytes
    }

    package static func encodeSocket(id: UInt64, datagramPort: UInt16 = 0) -> [UInt8] {
        var writer = PacketWriter()
        writer.put(Kind.socket.rawValue)
        writer.put(id)
        writer.put(datagramPort)
        return writer.bytes
    }

    /// - Throws: for anything but what the encoders write within these bounds: names of code and layers that are one
    ///   path component, file systems that appear at one, absolute commands but in images, which have neither layers
    ///   nor a fallback, an absolute directory, limits within their ranges.
    package init(decoding bytes: UnsafeRawBufferPointer) throws(PacketError) {
        var reader = PacketReader(bytes)
        switch Kind(rawValue: try reader.number(UInt8.self, "kind")) {
        case .start: self = .start(try Self.start(&reader, bytes))
        case .expect: self = .expect(try Self.start(&reader, bytes))
        case .kill: self = .kill(id: try reader.number(UInt64.self, "id"))
        case .settle: self = .settle(id: try reader.number(UInt64.self, "id"))
        case .raise: self = .raise(id: try reader.number(UInt64.self, "id"))
        case .endSpares: self = .endSpares
        case .terminate: self = .terminate(id: try reader.number(UInt64.self, "id"))
        case .socket:
            self = .socket(
                id: try reader.number(UInt64.self, "id"), datagramPort: try reader.number(UInt16.self, "port"))
        case nil: throw PacketError("kind")
        }
        try reader.finish()
    }

    /// The part of an encoded request for which a launcher refuses it; nil when it takes it.
    static func problem(in packet: [UInt8]) -> String? {
        packet.withUnsafeBytes { bytes in
            do throws(PacketError) {
                _ = try LauncherRequest(decoding: bytes)
                return nil
            } catch {
                return error.field
            }
        }
    }

    private static func start(
        _ reader: inout PacketReader, _ bytes: UnsafeRawBufferPointer
    ) throws(PacketError) -> StartRequest {
        let request = StartRequest(
            id: try reader.number(UInt64.self, "id"), root: try optionalText(&reader, "root"),
            code: try reader.text("code"), layers: try optionalText(&reader, "layers"),
            fileSystem: try fileSystem(&reader), arguments: try ranges(&reader, "arguments"),
            fallback: try optionalRange(&reader, "fallback"), environment: try ranges(&reader, "environment"),
            workingDirectory: try reader.textRange("working directory"), limits: try limits(&reader),
            bootEnvironment: try ranges(&reader, "boot environment"), isForkable: try flag(&reader, "forkable"),
            precedence: try precedence(&reader))
        guard isComponent(request.code) else { throw PacketError("code") }
        if let layers = request.layers, !isComponent(layers) { throw PacketError("layers") }
        guard let command = request.arguments.first,
            request.root == nil ? !command.isEmpty : isAbsolute(bytes, command)
        else { throw PacketError("arguments") }
        if request.root == nil, request.layers != nil || request.fallback != nil { throw PacketError("root") }
        if let fallback = request.fallback, !isAbsolute(bytes, fallback) { throw PacketError("fallback") }
        guard isAbsolute(bytes, request.workingDirectory) else { throw PacketError("working directory") }
        return request
    }

    private static func precedence(_ reader: inout PacketReader) throws(PacketError) -> Precedence {
        guard let precedence = Precedence(rawValue: try reader.number(UInt8.self, "precedence")) else {
            throw PacketError("precedence")
        }
        return precedence
    }

    /// Nil for two empty texts.
    private static func fileSystem(_ reader: inout PacketReader) throws(PacketError) -> FileSystemMount? {
        let mount = FileSystemMount(name: try reader.text("file system"), place: try reader.text("file system place"))
        if mount.name.isEmpty, mount.place.isEmpty { return nil }
        guard isComponent(mount.name), isComponent(mount.place) else { throw PacketError("file system") }
        return mount
    }

    /// Nil for the empty text.
    private static func optionalText(_ reader: inout PacketReader, _ field: String) throws(PacketError) -> String? {
        let text = try reader.text(field)
        return text.isEmpty ? nil : text
    }

    /// Nil for the empty text.
    private static func optionalRange(
        _ reader: inout PacketReader, _ field: String
    ) throws(PacketError) -> Range<Int>? {
        let range = try reader.textRange(field)
        return range.isEmpty ? nil : range
    }

    private static func ranges(_ reader: inout PacketReader, _ field: String) throws(PacketError) -> [Range<Int>] {
        try reader.list(field, maximum: 4096) { (reader) throws(PacketError) in try reader.textRange(field) }
    }

    private static func limits(_ reader: inout PacketReader) throws(PacketError) -> SandboxLimits {
        var limits = SandboxLimits(memoryMiB: try value(&reader, "memory", 16...(1 << 20)))
        limits.cpuMillis = try value(&reader, "cpu", 1...1_000_000)
        limits.temporaryStorageMiB = try value(&reader, "temporary storage", 1...(1 << 20))
        limits.processes = try value(&reader, "processes", 2...32_768)
        limits.descriptors = try value(&reader, "descriptors", 16...1_048_576)
        limits.initializationCPUMillis = try value(&reader, "initialization cpu", 1...1_000_000)
        return limits
    }

    private static func value(
        _ reader: inout PacketReader, _ field: String, _ range: ClosedRange<UInt32>
    ) throws(PacketError) -> Int {
        let value = try reader.number(UInt32.self, field)
        guard range.contains(value) else { throw PacketError(field) }
        return Int(value)
    }

    private static func flag(_ reader: inout PacketReader, _ field: String) throws(PacketError) -> Bool {
        let number = try reader.number(UInt8.self, field)
        guard number <= 1 else { throw PacketError(field) }
        return number == 1
    }

    private static func isComponent(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255 && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
    }

    private static func isAbsolute(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        !range.isEmpty && bytes[range.lowerBound] == UInt8(ascii: "/")
    }
}
