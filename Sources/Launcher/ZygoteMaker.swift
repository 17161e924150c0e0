import CLinux
import Linux
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// One zygote, as the launcher's loop knows it. Owns its descriptors.
struct ZygoteRecord {
    var recipe: ZygoteRecipe
    var pidfd: Int32
    /// The launcher's end of its socket.
    var socket: Int32
    /// The mount namespace that was made for it; -1 when it is an earlier one's, or has been kept.
    var place: Int32 = -1
    var group: ControlGroup

    func closeDescriptors() {
        for descriptor in [pidfd, socket, place] where descriptor >= 0 { close(descriptor) }
    }
}

/// Starts zygotes.
final class ZygoteMaker {
    private let host: LauncherHost
    private let library: String
    /// Mount namespaces whose root is a skeleton, by its root's name. Environments that were forked have mapped files
    /// in it, whose paths hold as long as it is there.
    private var places: [String: Int32] = [:]
    /// Roots in which a zygote has run: all that it runs is root's.
    private var trusted: Set<String> = []

    /// It compiles and imports; the memory is shared by all that it forks.
    private static let limits = ControlGroupLimits(
        memory: 1 << 30, cpuQuotaMicroseconds: ControlGroupLimits.periodMicroseconds, processes: 64)

    init(_ host: LauncherHost) {
        self.host = host
        library = Self.besideLauncher()
    }

    /// Whether there can be any.
    var isAble: Bool { access(library, R_OK) == 0 }

    /// The library lies beside the launcher's executable.
    private static func besideLauncher() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".") + "/libapus-zygote.so"
    }

    func start(_ recipe: ZygoteRecipe, number: Int, by furnisher: Furnisher) throws(SystemCallError) -> ZygoteRecord {
        guard let root = host.root(named: recipe.root) else {
            throw SystemCallError("find root", recipe.root, errno: ENOENT)
        }
        var ends: [Int32] = [-1, -1]
        try checkedDirect("socketpair", "", apus_network_pair(&ends))
        let ours = Descriptor(owning: ends[0])
        let theirs = Descriptor(owning: ends[1])
        let group = try host.groups.make("zygote-\(number)", limits: Self.limits)

        var zygote = apus_zygote()
        zygote.socket = theirs.number
        zygote.name_space = furnisher.namespace.number
        zygote.own_root = furnisher.root.number
        zygote.cgroup_tasks_count = Int32(group.joins.count)
        withUnsafeMutableBytes(of: &zygote.cgroup_tasks) { space in
            group.joins.withUnsafeBytes {
                space.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(space.count)))
            }
        }
        zygote.cgroup_directory = group.birthplace
        zygote.maps_root = host.separateUsers ? 0 : 1
        zygote.place = places[recipe.root] ?? -1

        var texts = CStrings()
        defer { texts.free() }
        zygote.root = texts.add(root)
        zygote.library = texts.add(library)
        zygote.fallback = recipe.command.fallback.flatMap { UnsafeMutablePointer(mutating: texts.add($0)) }
        let environment =
            recipe.command.environment + [
                "\(SandboxSpec.bindingVariable)=\(APUS_BINDING.rawValue)", "\(SandboxSpec.zygoteVariable)=1",
                "LD_PRELOAD=\(APUS_ZYGOTE_LIBRARY)",
                // What the linker looks up later, every fork would look up and write for itself.
                "LD_BIND_NOW=1",
            ]
        var arguments = texts.list(recipe.command.arguments)
        let variables = texts.list(environment)
        let paths = texts.list(distrusted(recipe.root))
        var pidfd: Int32 = -1
        let pid = arguments.withUnsafeMutableBufferPointer { arguments in
            variables.withUnsafeBufferPointer { variables in
                paths.withUnsafeBufferPointer { paths in
                    zygote.arguments = arguments.baseAddress
                    zygote.environment = variables.baseAddress
                    zygote.trusted = paths.count > 1 ? paths.baseAddress : nil
                    return apus_zygote_start(&zygote, &pidfd)
                }
            }
        }
        group.closeJoins()
        if pid < 0 {
            _ = group.remove()
            throw SystemCallError("clone3", "zygote", errno: -pid)
        }
        return ZygoteRecord(recipe: recipe, pidfd: pidfd, socket: ours.release(), group: group)
    }

    /// The first zygote of a root has made the place for those that follow.
    func served(_ record: inout ZygoteRecord) {
        trusted.insert(record.recipe.root)
        guard record.place >= 0, places[record.recipe.root] == nil else { return }
        places[record.recipe.root] = record.place
        record.place = -1
    }

    /// Whose files have to be looked at before somebody with the launcher's power runs them: what is not the system's.
    /// A launcher without root's power has none that the server, which is the same user, has not.
    private func distrusted(_ root: String) -> [String] {
        guard host.separateUsers, !trusted.contains(root),
            let template = host.configuration.roots.first(where: { $0.name == root })
        else { return [] }
        let system = ["/usr/bin/", "/usr/sbin/", "/usr/lib", "/usr/share/", "/bin/", "/sbin/", "/lib", "/etc/"]
        return template.binds.map(\.target).filter { target in
            target != "/usr" && !system.contains { "\(target)/".hasPrefix($0) }
        }
    }
}
