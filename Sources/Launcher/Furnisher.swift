import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// Brings what was not known yet to a sandbox that was made ahead: its code and layers, its limits, its command.
final class Furnisher {
    private let host: LauncherHost
    /// Of the launcher itself.
    let namespace: Descriptor
    let root: Descriptor

    init(_ host: LauncherHost) throws(SystemCallError) {
        self.host = host
        namespace = Descriptor(
            owning: try checked("open", "/proc/self/ns/mnt") { open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC) })
        root = Descriptor(owning: try checked("open", "/") { open("/", apus_o_path | O_DIRECTORY | O_CLOEXEC) })
    }

    /// What a request brings: mounts of its directories.
    struct Goods: ~Copyable {
        let code: Descriptor
        let layers: Descriptor

        static func open(
            _ request: LauncherRequest.StartRequest, in host: LauncherHost
        ) throws(SystemCallError) -> Goods {
            let code = try Trees.open(request.code, "code", in: host)
            let layers = try Trees.open(request.layers, "layers", in: host)
            return Goods(code: code, layers: layers)
        }

        /// Extensions run beside the command from its start: only a whole start can do that.
        var hasExtensions: Bool { ExtensionSetup.isFound(in: layers.number) }
    }

    /// Makes a spare the request's own. Its command runs, or is about to, when this returns.
    func furnish(
        _ record: inout SandboxRecord, for request: LauncherRequest.StartRequest,
        _ packet: UnsafeMutableRawBufferPointer, with goods: borrowing Goods, _ recipe: SpareRecipe
    ) throws(SystemCallError) {
        let limits = record.limits
        if request.limits != limits { try record.group.limit(SandboxStart.groupLimits(request.limits)) }
        record.limits = request.limits
        record.setPrecedence(request.precedence)
        record.settledQuota = SandboxStart.quota(request.limits.cpuMillis)
        let isResized = limits.temporaryStorageMiB != request.limits.temporaryStorageMiB
        let isParked = recipe.command == nil
        try mount(
            goods, in: record, isBooted: !isParked,
            temporaryOptions: isResized ? SandboxStart.temporaryOptions(request.limits) : nil)
        try send(request, packet, to: record, isParked: isParked)
        close(record.binding)
        record.binding = -1
    }

    private func mount(
        _ goods: borrowing Goods, in record: SandboxRecord, isBooted: Bool, temporaryOptions: String?
    ) throws(SystemCallError) {
        let sandbox = try receiveNamespace(record)
        var furnishing = apus_furnishing()
        furnishing.sandbox = sandbox.number
        furnishing.own = namespace.number
        furnishing.own_root = root.number
        furnishing.code_tree = goods.code.number
        furnishing.layer_tree = goods.layers.number
        furnishing.is_booted = isBooted ? 1 : 0
        let options = temporaryOptions.map { strdup($0) }
        furnishing.temporary_options = options.map { UnsafePointer($0) } ?? nil
        defer { options.map { free($0) } }
        var step: Int32 = 0
        let result = apus_furnish(&furnishing, &step)
        // In the wrong namespace there is nothing that this process could still do rightly.
        if result == -ENOTRECOVERABLE { exit(1) }
        if result < 0 { throw SystemCallError(String(cString: apus_step_name(step)), errno: -result) }
    }

    /// The sandbox's mount namespace, which its init sent before anything else.
    private func receiveNamespace(_ record: SandboxRecord) throws(SystemCallError) -> Descriptor {
        var byte: UInt8 = 0
        var namespace: Int32 = -1
        var count: Int32 = 1
        let size = apus_receive(record.binding, &byte, 1, &namespace, &count, Int32(MSG_DONTWAIT))
        guard size == 1, count == 1 else {
            throw SystemCallError("receive", "mount namespace", errno: size < 0 ? Int32(-size) : EPROTO)
        }
        return Descriptor(owning: namespace)
    }

    /// Tells a command, or a parked init, what it waits for.
    func send(
        _ request: LauncherRequest.StartRequest, _ packet: UnsafeMutableRawBufferPointer, to record: SandboxRecord,
        isParked: Bool
    ) throws(SystemCallError) {
        var strings: [Range<Int>] = request.environment
        if isParked {
            strings = [request.workingDirectory, request.fallback ?? 0..<0] + request.arguments + request.environment
        }
        let size = strings.reduce(0) { $0 + $1.count + 1 }
        let head: [UInt32] =
            isParked
            ? [UInt32(size), UInt32(request.arguments.count), UInt32(request.environment.count)] : [UInt32(size)]
        let message = UnsafeMutableRawBufferPointer.allocate(byteCount: head.count * 4 + size, alignment: 4)
        defer {
            apus_wipe(message.baseAddress, message.count)
            message.deallocate()
        }
        head.withUnsafeBytes { message.copyMemory(from: $0) }
        var offset = head.count * 4
        for string in strings {
            message[offset..<offset + string.count].copyBytes(from: packet[string])
            message[offset + string.count] = 0
            offset += string.count + 1
        }
        // Whole or not at all: it fits into what a socket takes, and nothing else was ever sent.
        let sent = Glibc.send(
            record.binding, message.baseAddress, message.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        if sent != message.count { throw SystemCallError("send", "binding", errno: sent < 0 ? errno : EMSGSIZE) }
    }
}
