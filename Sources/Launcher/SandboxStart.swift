import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// Everything between a valid request and the init's clone: what can fail is undone when it fails.
struct SandboxStart {
    let host: LauncherHost
    let request: LauncherRequest.StartRequest
    /// The packet that the request's ranges lie in.
    let packet: UnsafeMutableRawBufferPointer
    let slot: Int
    /// Nil when the request is the whole truth.
    var ahead: Ahead?
    /// The socket of a zygote that is to fork it; the command is the zygote's own. Nil: it is executed.
    var zygote: Int32?

    /// A sandbox that is made before it is known for what code, which ``Furnishing`` brings. The request's code and
    /// layers do not count.
    enum Ahead {
        /// The command starts and then waits.
        case booted
        /// Even the command is yet to come.
        case parked
    }

    /// User and group inside, as on AWS.
    private static let innerUser = 993
    private static let innerGroup = 990
    /// Room for `/dev/shm`; what is in it counts as the sandbox's memory.
    private static let sharedMemoryOptions = "size=64m,mode=1777,nr_inodes=4096"
    private static let hostname = "apus"

    func run() throws(SandboxError) -> SandboxRecord {
        let root = try findRoot()
        do throws(SystemCallError) {
            let isComplete = ahead == nil
            let code = isComplete ? try openCode() : Descriptor(owning: -1)
            let layers = isComplete ? try Trees.open(request.layers, "layers", in: host) : Descriptor(owning: -1)
            let fileSystem = try openFileSystem()
            let extensions =
                request.root == nil
                ? try ExtensionSetup.find(inImage: code.number) : try ExtensionSetup.find(in: layers.number)
            let group = try host.groups.make(
                "\(slot)", limits: Self.groupLimits(request.limits), precedence: precedence)
            do throws(SystemCallError) {
                let network = try acquireNetwork()
                do throws(SystemCallError) {
                    return try start(
                        root: root, code: code.number, layers: layers.number, fileSystem: fileSystem.number,
                        extensions: extensions, group: group, network: network)
                } catch {
                    host.network.release(network)
                    throw error
                }
            } catch {
                // A zygote that has not answered may have made an init all the same, which is in it.
                if !group.remove() { host.leftGroups[slot] = group }
                throw error
            }
        } catch {
            throw SandboxError(operation: error.operation, subject: error.subject, errno: error.errno)
        }
    }

    /// What is made ahead waits for whatever is asked for.
    private var precedence: Precedence { ahead == nil ? request.precedence : .yielding }

    private func findRoot() throws(SandboxError) -> String {
        guard let name = request.root else { return host.imagePlace }
        guard let root = host.root(named: name) else {
            throw SandboxError(operation: "find root", subject: name, errno: ENOENT)
        }
        return root
    }

    static func groupLimits(_ limits: SandboxLimits) -> ControlGroupLimits {
        ControlGroupLimits(
            memory: UInt64(limits.memoryMiB) << 20,
            cpuQuotaMicroseconds: quota(max(limits.cpuMillis, limits.initializationCPUMillis ?? 0)),
            // The init is one more.
            processes: limits.processes + 1)
    }

    /// Options of `/tmp`. Without privileges inside, the size is what counts; inodes take kernel memory, so they are
    /// limited, too.
    static func temporaryOptions(_ limits: SandboxLimits) -> String {
        "size=\(limits.temporaryStorageMiB)m,nr_inodes=\(max(4096, limits.temporaryStorageMiB * 64))"
    }

    /// Microseconds in each period for thousandths of a core.
    static func quota(_ millis: Int) -> Int { millis * ControlGroupLimits.periodMicroseconds / 1000 }

    private func acquireNetwork() throws(SystemCallError) -> EnvironmentNetwork {
        do {
            return try host.network.acquire()
        } catch {
            throw SystemCallError("network: \(error.operation)", error.reason, errno: error.errno)
        }
    }

    private func openCode() throws(SystemCallError) -> Descriptor {
        request.root == nil
            ? try Trees.openImage(request.code, in: host) : try Trees.open(request.code, "code", in: host)
    }

    /// The shared directory's mount; none for most.
    private func openFileSystem() throws(SystemCallError) -> Descriptor {
        guard let mount = request.fileSystem else { return Descriptor(owning: -1) }
        guard let directory = host.fileSystem(named: mount.name) else {
            throw SystemCallError("find file system", mount.name, errno: ENOENT)
        }
        return try directory.mount(as: host.separateUsers ? user : nil)
    }

    /// The user and group of the host that the sandbox becomes; 0 for the launcher's own.
    private var user: UInt32 { host.separateUsers ? host.configuration.userBase + UInt32(slot) : 0 }

    private func start(
        root: String, code: Int32, layers: Int32, fileSystem: Int32, extensions: ExtensionSetup?, group: ControlGroup,
        network: EnvironmentNetwork
    ) throws(SystemCallError) -> SandboxRecord {
        let errors = try Pipe()
        let status = try Pipe()
        let output = try Pipe()
        let binding = try SocketPair(isWanted: ahead != nil || zygote != nil)

        var start = apus_start()
        start.error_pipe = errors.write.number
        start.status_pipe = status.write.number
        start.output = output.write.number
        start.code_tree = code
        start.layer_tree = layers
        start.file_system = fileSystem
        start.network = network.namespace
        start.cgroup_tasks_count = Int32(group.joins.count)
        withUnsafeMutableBytes(of: &start.cgroup_tasks) { space in
            group.joins.withUnsafeBytes {
                space.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(space.count)))
            }
        }
        start.cgroup_directory = group.birthplace
        start.host_user = user
        start.descriptors = UInt(request.limits.descriptors)
        start.processes = UInt(request.limits.processes)
        start.filter_count = UInt16(host.filter.count)
        start.secrets = packet.baseAddress
        start.secrets_size = packet.count

        start.binding = binding.theirs.number
        start.parked = ahead == .parked ? 1 : 0

        var texts = CStrings()
        start.root = texts.add(root)
        start.devices = request.root == nil ? texts.add(host.imageSkeleton + "/dev") : nil
        start.empty = texts.add(request.root == nil ? host.imageSkeleton + "/mnt" : "mnt")
        start.temporary_options = texts.add(
            Self.temporaryOptions(request.limits) + ",mode=0700,uid=\(user),gid=\(user)")
        start.shared_memory_options = texts.add(Self.sharedMemoryOptions)
        start.hostname = texts.add(Self.hostname)
        start.file_system_place = request.fileSystem.flatMap { texts.add("mnt/\($0.place)") }
        start.user_map = texts.add("\(Self.innerUser) \(user) 1")
        start.group_map = texts.add("\(Self.innerGroup) \(user) 1")
        start.directory = UnsafePointer(pointer(request.workingDirectory))

        var pidfd: Int32 = -1
        start.fallback = request.fallback.flatMap(pointer)
        var arguments = request.arguments.map(pointer) + [nil]
        let environment = request.environment.map(pointer) + [nil]
        var paths: [UnsafeMutablePointer<CChar>?] = []
        var shown: [UnsafeMutablePointer<CChar>?] = []
        if let extensions {
            start.control = extensions.initControl
            start.extension_output = extensions.outputWriter
            for name in extensions.started {
                paths.append(UnsafeMutablePointer(mutating: texts.add("/opt/extensions/\(name)")))
            }
            shown = request.environment.filter(isShown).map(pointer)
        }
        paths.append(nil)
        shown.append(nil)
        let pid = arguments.withUnsafeMutableBufferPointer { arguments in
            environment.withUnsafeBufferPointer { environment in
                paths.withUnsafeBufferPointer { paths in
                    shown.withUnsafeBufferPointer { shown in
                        host.filter.withUnsafeBytes { filter in
                            start.arguments = arguments.baseAddress
                            start.environment = environment.baseAddress
                            start.extensions = paths.count > 1 ? paths.baseAddress : nil
                            start.extension_environment = shown.baseAddress
                            start.filter = filter.baseAddress
                            if let zygote { return apus_zygote_fork(zygote, &start, &pidfd) }
                            return apus_sandbox_start(&start, &pidfd)
                        }
                    }
                }
            }
        }
        texts.free()
        try checkedDirect("clone3", "", pid)
        group.closeJoins()
        var record = SandboxRecord(
            id: request.id, pidfd: pidfd, errorPipe: errors.keepReader(), statusPipe: status.keepReader(),
            output: output.keepReader(), network: network, group: group,
            settledQuota: Self.quota(request.limits.cpuMillis), limits: request.limits)
        record.precedence = precedence
        record.binding = binding.keepOurs()
        record.extensions = extensions?.takeServerEnds()
        return record
    }

    private func isShown(_ variable: Range<Int>) -> Bool {
        ExtensionSetup.shows(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(packet)[variable]))
    }

    /// A zero-terminated string in the packet.
    private func pointer(_ range: Range<Int>) -> UnsafeMutablePointer<CChar>? {
        packet.baseAddress.map { ($0 + range.lowerBound).assumingMemoryBound(to: CChar.self) }
    }
}

/// A close-on-exec pipe whose read end does not block.
private struct Pipe: ~Copyable {
    let read: Descriptor
    let write: Descriptor

    init() throws(SystemCallError) {
        var ends: [Int32] = [-1, -1]
        try checkedDirect("pipe2", "", apus_pipe(&ends))
        read = Descriptor(owning: ends[0])
        write = Descriptor(owning: ends[1])
    }

    consuming func keepReader() -> Int32 { read.release() }
}

/// A close-on-exec pair of stream sockets, or of -1.
private struct SocketPair: ~Copyable {
    let ours: Descriptor
    let theirs: Descriptor

    init(isWanted: Bool) throws(SystemCallError) {
        var ends: [Int32] = [-1, -1]
        guard isWanted else {
            ours = Descriptor(owning: -1)
            theirs = Descriptor(owning: -1)
            return
        }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        try checked("socketpair") { socketpair(AF_UNIX, type, 0, &ends) }
        ours = Descriptor(owning: ends[0])
        theirs = Descriptor(owning: ends[1])
    }

    consuming func keepOurs() -> Int32 { ours.release() }
}

/// C strings that live until ``free()``.
struct CStrings {
    private var strings: [UnsafeMutablePointer<CChar>?] = []

    mutating func add(_ text: String) -> UnsafePointer<CChar>? {
        let copy = strdup(text)
        strings.append(copy)
        return UnsafePointer(copy)
    }

    /// The pointers to copies of these, and a null pointer.
    mutating func list(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        var pointers: [UnsafeMutablePointer<CChar>?] = []
        for text in texts { pointers.append(UnsafeMutablePointer(mutating: add(text))) }
        return pointers + [nil]
    }

    func free() {
        for string in strings { Glibc.free(string) }
    }
}
