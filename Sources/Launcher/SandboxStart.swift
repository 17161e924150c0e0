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

    /// User and group inside, as on AWS.
    private static let innerUser = 993
    private static let innerGroup = 990
    /// Room for `/dev/shm`; what is in it counts as the sandbox's memory.
    private static let sharedMemoryOptions = "size=64m,mode=1777,nr_inodes=4096"
    private static let hostname = "apus"

    func run() throws(SandboxError) -> SandboxRecord {
        let root = try findRoot()
        do throws(SystemCallError) {
            let code = request.root == nil ? try openImage() : try openTree(request.code, "code")
            let layers = try openLayers()
            let fileSystem = try openFileSystem()
            let extensions =
                request.root == nil
                ? try ExtensionSetup.find(inImage: code.number) : try ExtensionSetup.find(in: layers.number)
            let group = try host.groups.make("\(slot)", limits: groupLimits)
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
                _ = group.remove()
                throw error
            }
        } catch {
            throw SandboxError(operation: error.operation, subject: error.subject, errno: error.errno)
        }
    }

    private func findRoot() throws(SandboxError) -> String {
        guard let name = request.root else { return host.imagePlace }
        guard let root = host.root(named: name) else {
            throw SandboxError(operation: "find root", subject: name, errno: ENOENT)
        }
        return root
    }

    private var groupLimits: ControlGroupLimits {
        ControlGroupLimits(
            memory: UInt64(request.limits.memoryMiB) << 20,
            cpuQuotaMicroseconds: Self.quota(
                max(request.limits.cpuMillis, request.limits.initializationCPUMillis ?? 0)),
            // The init is one more.
            processes: request.limits.processes + 1)
    }

    /// Microseconds in each period for thousandths of a core.
    private static func quota(_ millis: Int) -> Int { millis * ControlGroupLimits.periodMicroseconds / 1000 }

    private func acquireNetwork() throws(SystemCallError) -> EnvironmentNetwork {
        do {
            return try host.network.acquire()
        } catch {
            throw SystemCallError("network: \(error.operation)", error.reason, errno: error.errno)
        }
    }

    /// A detached, protected mount of a directory below the code directory. By descriptor, so that the directories
    /// above it do not matter.
    private func openTree(_ name: String, _ what: String) throws(SystemCallError) -> Descriptor {
        let directory = Descriptor(
            owning: try checkedDirect(
                "open \(what)", name, apus_open_beneath(host.codeDirectory, name, apus_o_path | O_DIRECTORY)))
        let mount = Descriptor(
            owning: try checkedDirect("open_tree \(what)", name, apus_clone_mount(directory.number, "", 0)))
        try checkedDirect("mount_setattr \(what)", name, apus_protect_mount(mount.number, APUS_PROTECT_MOUNT))
        return mount
    }

    /// A detached root made of an image's tree, which others use as well, and the skeleton's mount points over it. What
    /// the image has in place of one, a link for instance, is covered.
    private func openImage() throws(SystemCallError) -> Descriptor {
        let name = request.code
        let tree = Descriptor(
            owning: try checkedDirect(
                "open image", name, apus_open_beneath(host.codeDirectory, name, apus_o_path | O_DIRECTORY)))
        let layers = "/proc/self/fd/\(host.imageSkeletonDirectory):/proc/self/fd/\(tree.number)"
        return Descriptor(owning: try checkedDirect("mount overlay", name, apus_overlay_mount(layers)))
    }

    /// The layers' mount; none without layers.
    private func openLayers() throws(SystemCallError) -> Descriptor {
        guard let layers = request.layers else { return Descriptor(owning: -1) }
        return try openTree(layers, "layers")
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

        // Without privileges inside, the size is what counts; inodes take kernel memory, so they are limited, too.
        let inodes = max(4096, request.limits.temporaryStorageMiB * 64)
        var texts = CStrings()
        start.root = texts.add(root)
        start.devices = request.root == nil ? texts.add(host.imageSkeleton + "/dev") : nil
        start.empty = texts.add(request.root == nil ? host.imageSkeleton + "/mnt" : "mnt")
        start.temporary_options = texts.add(
            "size=\(request.limits.temporaryStorageMiB)m,nr_inodes=\(inodes),mode=0700,uid=\(user),gid=\(user)")
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
            settledQuota: Self.quota(request.limits.cpuMillis))
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

/// C strings that live until ``free()``.
private struct CStrings {
    private var strings: [UnsafeMutablePointer<CChar>?] = []

    mutating func add(_ text: String) -> UnsafePointer<CChar>? {
        let copy = strdup(text)
        strings.append(copy)
        return UnsafePointer(copy)
    }

    func free() {
        for string in strings { Glibc.free(string) }
    }
}
