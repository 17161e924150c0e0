#if canImport(Glibc)
    import Glibc
#endif

/// Finds a place in the version 2 hierarchy where this process may make groups with controllers.
///
/// Version 2 gives controllers only to children of groups without processes of their own (cgroups(7), "no internal
/// processes"). So either our own group becomes such a group, which is right in a unit that systemd has delegated and
/// that holds nothing but the server and its launcher; or an ancestor already is one and lets us make a group there
/// (any ancestor for root, `app.slice` of the user's own manager for the programs of a desktop session). The root of
/// the hierarchy alone may have both: it is our own group where no systemd gives each service one.
struct UnifiedHierarchy {
    let mountPoint: String
    let ownGroup: String

    init(_ place: ControlGroupLayout.Legacy) {
        mountPoint = place.mountPoint
        ownGroup = place.ownGroup
    }

    func prepare(_ wanted: Set<Controller>) throws(SystemCallError) -> ControlGroups.Parent {
        var failure = SystemCallError("delegate", ownGroup, errno: EACCES)
        var best: ControlGroups.Parent?
        for candidate in candidates() {
            do throws(SystemCallError) {
                let server: Set<Int32> = candidate == ownGroup ? [getpid(), getppid()] : []
                let present = try Self.processesInTheWay(in: candidate)
                // Somebody else's processes are not ours to move. Giving controllers to the children all the same could
                // succeed for some, which makes the group a threaded one, good for nobody.
                guard server.isSuperset(of: present) else {
                    throw SystemCallError("delegate", candidate, errno: EBUSY)
                }
                try vacate(present)
                let found = try prepare(wanted, in: candidate)
                if found.controllers == wanted {
                    if let best { UnifiedHierarchy.discard(best) }
                    return found
                }
                if let other = best, other.controllers.count >= found.controllers.count {
                    UnifiedHierarchy.discard(found)
                } else {
                    if let best { UnifiedHierarchy.discard(best) }
                    best = found.controllers.isEmpty ? nil : found
                    if found.controllers.isEmpty { UnifiedHierarchy.discard(found) }
                }
            } catch {
                failure = error
            }
        }
        guard let best else { throw failure }
        return best
    }

    /// A parent below our own group whose children need no controllers; nil where none can be made.
    func prepareFreezer() -> ControlGroups.Parent? {
        // A process may be born in a group only by who may write to the common ancestor's cgroup.procs.
        guard access("\(ownGroup)/cgroup.procs", W_OK) == 0,
            let (path, directory) = try? ControlGroups.makeParent(in: ownGroup)
        else { return nil }
        return ControlGroups.Parent(version: 2, path: path, directory: directory, controllers: [])
    }

    private static func discard(_ parent: ControlGroups.Parent) {
        _ = rmdir(parent.path)
        close(parent.directory)
        if parent.beside >= 0 { close(parent.beside) }
    }

    /// Our own group, then its ancestors up to the mount point.
    func candidates() -> [String] {
        var paths = [ownGroup]
        var path = ownGroup
        while path != mountPoint, path.hasPrefix(mountPoint), let slash = path.lastIndex(of: "/") {
            path = String(path[..<slash])
            paths.append(path)
        }
        return paths
    }

    /// The processes because of which a group may not give controllers to its children: none in the root of the
    /// hierarchy, which alone has no `cgroup.type`.
    static func processesInTheWay(in group: String) throws(SystemCallError) -> [Int32] {
        if access(group + "/cgroup.type", F_OK) < 0, errno == ENOENT { return [] }
        return try KernelFile.read(group + "/cgroup.procs").split(separator: "\n").compactMap { Int32($0) }
    }

    /// Where the processes of our own group are moved to.
    var leaf: String { "\(ownGroup)/\(ControlGroups.prefix)\(getpid())-server" }

    /// Moves the server and this launcher to a leaf, so that our own group may give controllers to its children.
    private func vacate(_ present: [Int32]) throws(SystemCallError) {
        if present.isEmpty { return }
        if mkdir(leaf, 0o755) < 0, errno != EEXIST { throw SystemCallError("mkdir", leaf, errno: errno) }
        for pid in present { try KernelFile.write("\(pid)", to: "\(leaf)/cgroup.procs") }
    }

    /// Undoes ``vacate(_:)`` once the groups that we made are gone: a group that still gives controllers takes no
    /// process in, so the next server could not be started in it. Whatever fails is left to the next start.
    func reoccupy() {
        guard access(leaf, F_OK) == 0 else { return }
        for controller in Controller.allCases {
            try? KernelFile.write("-\(controller.rawValue)", to: "\(ownGroup)/cgroup.subtree_control")
        }
        let present = (try? KernelFile.read("\(leaf)/cgroup.procs")) ?? ""
        for pid in present.split(separator: "\n") {
            try? KernelFile.write(String(pid), to: "\(ownGroup)/cgroup.procs")
        }
        _ = rmdir(leaf)
    }

    private func prepare(_ wanted: Set<Controller>, in path: String) throws(SystemCallError) -> ControlGroups.Parent {
        UnifiedHierarchy.enable(wanted, in: path)
        let given = UnifiedHierarchy.controllers(try KernelFile.read("\(path)/cgroup.subtree_control"))
        guard !given.isDisjoint(with: wanted) else { throw SystemCallError("delegate", path, errno: EACCES) }
        // A process may be born in a group only by who may write to the common ancestor's cgroup.procs.
        if access("\(path)/cgroup.procs", W_OK) < 0 { throw SystemCallError("access", path, errno: errno) }
        let (name, directory) = try ControlGroups.makeParent(in: path)
        UnifiedHierarchy.enable(wanted, in: name)
        let usable = UnifiedHierarchy.controllers(
            (try? KernelFile.read("cgroup.subtree_control", in: directory)) ?? "")
        return ControlGroups.Parent(
            version: 2, path: name, directory: directory, controllers: usable.intersection(wanted),
            beside: path == ownGroup && usable.isSuperset(of: wanted)
                ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1)
    }

    /// Gives controllers to a group's children, one by one: one that is not to be had must not cost the others.
    private static func enable(_ controllers: Set<Controller>, in path: String) {
        for controller in controllers {
            try? KernelFile.write("+\(controller.rawValue)", to: "\(path)/cgroup.subtree_control")
        }
    }

    static func controllers(_ text: String) -> Set<Controller> {
        Set(text.split { $0 == " " || $0 == "\n" }.compactMap { Controller(rawValue: String($0)) })
    }
}
