import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// Everything the launcher prepares once, before the first sandbox: its own namespaces, control groups, the network,
/// the roots and the syscall filter.
final class LauncherHost {
    let configuration: LauncherConfiguration
    /// Whether sandboxes get a user of the host each. An ordinary user's launcher has only the user itself.
    let separateUsers: Bool
    let groups: ControlGroups
    let network: NetworkPool
    let filter: [UInt64]
    /// The directory of functions' code, in this launcher's mount namespace.
    let codeDirectory: Int32
    /// By slot, the groups of sandboxes that did not start, which the kernel still calls busy.
    var leftGroups: [Int: ControlGroup] = [:]
    private var roots: [String: String] = [:]
    /// What lies over the roots of images, and the empty directory where a sandbox attaches its own.
    private(set) var imageSkeleton = ""
    private(set) var imagePlace = ""
    /// The former, for an overlay.
    private(set) var imageSkeletonDirectory: Int32 = -1
    private var fileSystems: [String: SharedDirectory] = [:]

    init(_ configuration: LauncherConfiguration) throws(SystemCallError) {
        self.configuration = configuration
        Self.raiseDescriptorLimit()
        // Before the namespaces: the rights to the groups are those of the user as the host knows it.
        groups = ControlGroups.prepare()
        separateUsers = try Self.enterNamespaces()
        do {
            network = try NetworkPool.start(NetworkConfiguration(endpointPort: configuration.endpointPort))
        } catch {
            throw SystemCallError("network: \(error.operation)", error.reason, errno: error.errno)
        }
        filter = try SyscallFilter.compile().instructions
        codeDirectory = try checked("open", configuration.codeDirectory) {
            open(configuration.codeDirectory, apus_o_path | O_DIRECTORY | O_CLOEXEC)
        }
        for fileSystem in configuration.fileSystems {
            fileSystems[fileSystem.name] = try SharedDirectory(fileSystem)
        }
        try makeRoots()
        // The server is the same user when neither is root: it shall not trace the one that holds the privileges.
        try checkedDirect("prctl", "dumpable", apus_set_dumpable(0))
    }

    /// A root's path; nil for a name that was not configured.
    func root(named name: String) -> String? { roots[name] }

    /// Nil for a name that was not configured.
    func fileSystem(named name: String) -> SharedDirectory? { fileSystems[name] }

    /// What this host lacks by now: the way out of the network may be lost at any time.
    var weaknesses: [Weakness] {
        var found = network.weaknesses
        if groups.missing.contains(.memory) { found.append(.memoryLimit) }
        if groups.missing.contains(.cpu) { found.append(.cpuLimit) }
        if groups.missing.contains(.pids) { found.append(.processLimit) }
        return found
    }

    var notes: [String] {
        groups.obstacles + (network.shortcoming.map { ["\($0)"] } ?? [])
    }

    /// Several descriptors stay open for each sandbox.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
    }

    /// A mount namespace of our own; for an ordinary user, inside a user namespace in which it is root.
    private static func enterNamespaces() throws(SystemCallError) -> Bool {
        let user = geteuid()
        let group = getegid()
        let privileged = user == 0 && apus_unshare(apus_clone_newns) == 0
        if !privileged {
            try checkedDirect("unshare", "user namespace", apus_unshare(apus_clone_newuser | apus_clone_newns))
            // The kernel lets an ordinary user map its group only after it gave up changing its groups.
            try KernelFile.write("deny", to: "/proc/self/setgroups")
            try KernelFile.write("0 \(user) 1", to: "/proc/self/uid_map")
            try KernelFile.write("0 \(group) 1", to: "/proc/self/gid_map")
        }
        // What is mounted here stays here, and what the host mounts later stays there.
        try checkedDirect("mount", "private", apus_mount(nil, "/", nil, UInt(MS_REC) | UInt(MS_PRIVATE), nil))
        return privileged
    }

    private func makeRoots() throws(SystemCallError) {
        let base = configuration.runDirectory
        let flags = UInt(MS_NOSUID) | UInt(MS_NODEV)
        try checkedDirect("mount", base, apus_mount("tmpfs", base, "tmpfs", flags, "mode=0755,size=1m"))
        for (index, template) in configuration.roots.enumerated() {
            let path = "\(base)/\(index)"
            do {
                _ = try RootSkeleton(template, at: path, nameserver: network.nameserver)
            } catch {
                throw SystemCallError("root \(template.name): \(error.operation)", error.subject, errno: error.errno)
            }
            roots[template.name] = path
        }
        try makeImageSkeleton(base)
    }

    private func makeImageSkeleton(_ base: String) throws(SystemCallError) {
        imageSkeleton = "\(base)/image"
        do {
            _ = try RootSkeleton(overImagesAt: imageSkeleton, nameserver: network.nameserver)
        } catch {
            throw SystemCallError("root of images: \(error.operation)", error.subject, errno: error.errno)
        }
        let (skeleton, place) = (imageSkeleton, "\(base)/place")
        imageSkeletonDirectory = try checked("open", skeleton) {
            open(skeleton, apus_o_path | O_DIRECTORY | O_CLOEXEC)
        }
        try checked("mkdir", place) { mkdir(place, 0o755) }
        imagePlace = place
    }
}
