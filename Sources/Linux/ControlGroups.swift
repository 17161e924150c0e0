import CLinux

#if canImport(Glibc)
    import Glibc
#endif

/// What one control group allows its processes together.
package struct ControlGroupLimits: Sendable, Hashable {
    /// Memory with swap, bytes.
    package var memory: UInt64
    /// Microseconds of processor time in every 100 ms.
    package var cpuQuotaMicroseconds: Int
    package var processes: Int

    package init(memory: UInt64, cpuQuotaMicroseconds: Int, processes: Int) {
        self.memory = memory
        self.cpuQuotaMicroseconds = cpuQuotaMicroseconds
        self.processes = processes
    }

    /// The accounting period of both versions' quotas, microseconds: the kernel's default.
    package static let periodMicroseconds = 100_000
    /// The kernel refuses quotas under one millisecond.
    var quota: Int { max(1000, cpuQuotaMicroseconds) }
}

/// Whom the kernel lets run first.
package enum Precedence: UInt8, Sendable, Hashable, CaseIterable {
    case ordinary
    /// Runs with what others leave of the processors, and gives way to them at once (`cpu.idle`, from Linux 5.15 on;
    /// before, with the least share).
    case yielding
}

/// The groups that this process may make: one parent group per hierarchy, and a group for every sandbox: below the
/// parent, or beside it (``Parent/beside``).
///
/// A parent is named `apus-<pid>` and locked with flock for as long as its maker lives, so the next instance can tell
/// the groups of the living from those of the dead, which it removes.
package final class ControlGroups {
    /// One hierarchy in which groups are made.
    struct Parent {
        var version: Int
        var path: String
        /// Holds the lock, too.
        var directory: Int32
        var controllers: Set<Controller>
        /// The directory that the parent is in, where sandboxes' groups are then made, named for the parent: so the
        /// kernel compares each with what is outside, and a yielding one gives way to that, too. Only in our own group
        /// and for processor time; -1 elsewhere: there the parent as a whole is one of many.
        var beside: Int32 = -1
    }

    private let parents: [Parent]
    private let unified: UnifiedHierarchy?
    /// Controllers that no hierarchy gives to this process.
    package let missing: Set<Controller>
    /// Why, one sentence a controller at most, for the operator.
    package let obstacles: [String]

    init(parents: [Parent], unified: UnifiedHierarchy? = nil, obstacles: [String]) {
        self.parents = parents
        self.unified = unified
        self.missing = Set(Controller.allCases).subtracting(parents.flatMap(\.controllers))
        self.obstacles = obstacles
    }

    deinit {
        for parent in parents {
            _ = rmdir(parent.path)
            close(parent.directory)
            if parent.beside >= 0 { close(parent.beside) }
        }
        unified?.reoccupy()
    }

    /// Finds and prepares what can be used. Never fails: what cannot be used is ``missing``.
    package static func prepare() -> ControlGroups {
        do {
            return prepare(layout: try ControlGroupLayout.current())
        } catch {
            return ControlGroups(parents: [], obstacles: ["\(error)"])
        }
    }

    private static func prepare(layout: ControlGroupLayout) -> ControlGroups {
        var parents: [Parent] = []
        var obstacles: [String] = []
        // Controllers that share a version 1 hierarchy share the groups in it.
        let hierarchies = Dictionary(grouping: layout.legacy.keys) { layout.legacy[$0]?.ownGroup ?? "" }
        for (path, controllers) in hierarchies {
            do {
                let (name, directory) = try makeParent(in: path)
                parents.append(
                    Parent(
                        version: 1, path: name, directory: directory, controllers: Set(controllers),
                        beside: controllers.contains(.cpu) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1))
            } catch {
                obstacles.append("\(error)")
            }
        }
        let wanted = Set(Controller.allCases).subtracting(layout.legacy.keys)
        let unified = wanted.isEmpty ? nil : layout.unified.map { UnifiedHierarchy($0) }
        do {
            if let unified { parents.append(try unified.prepare(wanted)) }
        } catch {
            obstacles.append("\(error)")
        }
        // Groups without controllers, to freeze by.
        if unified == nil, let place = layout.unified, let parent = UnifiedHierarchy(place).prepareFreezer() {
            parents.append(parent)
        }
        return ControlGroups(parents: parents, unified: unified, obstacles: obstacles)
    }

    /// Makes and locks our group under `path`, after removing what dead instances left there.
    static func makeParent(in path: String) throws(SystemCallError) -> (path: String, directory: Int32) {
        removeAbandoned(in: path)
        let name = "\(path)/\(prefix)\(getpid())"
        // Another instance that cleans up may take the new group for an abandoned one before it is locked.
        for _ in 1...8 {
            if mkdir(name, 0o755) < 0, errno != EEXIST { throw SystemCallError("mkdir", name, errno: errno) }
            let opened = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if opened < 0, errno == ENOENT || errno == EINTR { continue }
            guard opened >= 0 else { throw SystemCallError("open", name, errno: errno) }
            let directory = Descriptor(owning: opened)
            try checked("flock", name) { flock(directory.number, LOCK_EX) }
            var locked = stat()
            var present = stat()
            if fstat(directory.number, &locked) == 0, stat(name, &present) == 0, locked.st_ino == present.st_ino {
                return (name, directory.release())
            }
        }
        throw SystemCallError("flock", name, errno: EAGAIN)
    }

    static let prefix = "apus-"
    /// Of the groups that are made beside a parent; its process id and the sandbox's name follow.
    static let besidePrefix = "apus."

    /// Removes the groups in `path` whose maker no longer holds their lock.
    private static func removeAbandoned(in path: String) {
        guard let names = try? KernelFile.names(in: path) else { return }
        for name in names where name.hasPrefix(prefix) {
            let group = path + "/" + name
            let descriptor = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if descriptor < 0 { continue }
            let directory = Descriptor(owning: descriptor)
            if flock(directory.number, LOCK_EX | LOCK_NB) < 0 { continue }
            for child in (try? KernelFile.names(in: group)) ?? [] { _ = rmdir(group + "/" + child) }
            _ = rmdir(group)
        }
        // What was made beside a parent is gone with it.
        for name in names where name.hasPrefix(besidePrefix) {
            let parent = prefix + name.dropFirst(besidePrefix.count).prefix { $0 != "." }
            if access(path + "/" + parent, F_OK) < 0 { _ = rmdir(path + "/" + name) }
        }
    }

    /// Makes the groups of one sandbox. Nothing is left behind when it throws.
    package func make(
        _ name: String, limits: ControlGroupLimits, precedence: Precedence = .ordinary
    ) throws(SystemCallError) -> ControlGroup {
        let group = ControlGroup(name: name)
        do {
            for parent in parents { try group.add(parent, limits: limits) }
            if precedence != .ordinary { group.setPrecedence(precedence) }
            return group
        } catch {
            _ = group.remove()
            throw error
        }
    }
}

extension ControlGroups.Parent {
    /// The directory in which a sandbox's group is, and the group's name there.
    fileprivate func place(of name: String) -> (directory: Int32, name: String) {
        beside < 0 ? (directory, name) : (beside, "\(ControlGroups.besidePrefix)\(getpid()).\(name)")
    }
}

/// The groups of one sandbox, one in each hierarchy. Descriptors close with it; ``remove()`` is the owner's duty.
package final class ControlGroup {
    private let name: String
    /// Where each group is: the directory and its name there, and its own.
    private var places: [(parent: Int32, name: String, directory: Int32)] = []
    private var memory: (version: Int, directory: Int32)?
    private var cpu: (version: Int, directory: Int32)?
    private var pids: Int32?
    /// `tasks` of version 1 groups, open for writing: the thread that writes `0` joins.
    package private(set) var joins: [Int32] = []
    /// The directory of the version 2 group, to be born in; -1 where there is none.
    package private(set) var birthplace: Int32 = -1

    init(name: String) { self.name = name }

    deinit {
        for place in places { close(place.directory) }
        closeJoins()
    }

    /// Closes ``joins``, which nobody needs once the sandbox has been started.
    package func closeJoins() {
        for join in joins { close(join) }
        joins = []
    }

    func add(_ parent: ControlGroups.Parent, limits: ControlGroupLimits) throws(SystemCallError) {
        let (place, name) = parent.place(of: self.name)
        let path = parent.path + " " + name
        if mkdirat(place, name, 0o755) < 0 {
            // Left by an earlier sandbox of ours whose group was still busy when it ended: empty by now, or an error.
            guard errno == EEXIST, unlinkat(place, name, AT_REMOVEDIR) == 0, mkdirat(place, name, 0o755) == 0
            else { throw SystemCallError("mkdirat", path, errno: errno) }
        }
        let directory: Int32
        do {
            directory = try checked("openat", path) { openat(place, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        } catch {
            unlinkat(place, name, AT_REMOVEDIR)
            throw error
        }
        places.append((place, name, directory))
        if parent.controllers.contains(.memory) { memory = (parent.version, directory) }
        if parent.controllers.contains(.cpu) { cpu = (parent.version, directory) }
        if parent.controllers.contains(.pids) { pids = directory }
        if parent.version == 1 {
            try ControlGroup.limitLegacy(directory, parent.controllers, limits)
            // Not cgroup.procs: a thread that moves itself does without the lock over all forks and exits of the host,
            // for which cgroup.procs waits many milliseconds. The init has one thread.
            joins.append(try checked("openat", "tasks") { openat(directory, "tasks", O_WRONLY | O_CLOEXEC) })
        } else {
            try ControlGroup.limitUnified(directory, parent.controllers, limits)
            birthplace = directory
        }
    }

    private static func limitLegacy(
        _ directory: Int32, _ controllers: Set<Controller>, _ limits: ControlGroupLimits
    ) throws(SystemCallError) {
        if controllers.contains(.memory) {
            try limitLegacyMemory(directory, limits)
        }
        if controllers.contains(.cpu) {
            try KernelFile.write("\(ControlGroupLimits.periodMicroseconds)", to: "cpu.cfs_period_us", in: directory)
            try KernelFile.write("\(limits.quota)", to: "cpu.cfs_quota_us", in: directory)
        }
        if controllers.contains(.pids) {
            try KernelFile.write("\(limits.processes)", to: "pids.max", in: directory)
        }
    }

    private static func limitUnified(
        _ directory: Int32, _ controllers: Set<Controller>, _ limits: ControlGroupLimits
    ) throws(SystemCallError) {
        if controllers.contains(.memory) {
            try KernelFile.write("\(limits.memory)", to: "memory.max", in: directory)
            do {
                try KernelFile.write("0", to: "memory.swap.max", in: directory)
            } catch  where error.errno == ENOENT {}  // a kernel without swap
            // The kernel then kills the whole sandbox, as AWS ends the whole environment.
            try KernelFile.write("1", to: "memory.oom.group", in: directory)
        }
        if controllers.contains(.cpu) {
            try KernelFile.write(
                "\(limits.quota) \(ControlGroupLimits.periodMicroseconds)", to: "cpu.max", in: directory)
        }
        if controllers.contains(.pids) {
            try KernelFile.write("\(limits.processes)", to: "pids.max", in: directory)
        }
    }

    /// Changes all limits of a group in use.
    package func limit(_ limits: ControlGroupLimits) throws(SystemCallError) {
        if let memory { try Self.limitMemory(of: memory.directory, memory.version, limits) }
        if let pids {
            try KernelFile.write("\(limits.processes)", to: "pids.max", in: pids)
        }
        try limitCPU(quotaMicroseconds: limits.quota)
    }

    private static func limitMemory(
        of directory: Int32, _ version: Int, _ limits: ControlGroupLimits
    ) throws(SystemCallError) {
        guard version == 1 else { return try KernelFile.write("\(limits.memory)", to: "memory.max", in: directory) }
        do {
            try limitLegacyMemory(directory, limits)
        } catch  where error.errno == EINVAL {
            // More than memory and swap together may be now.
            try KernelFile.write("\(limits.memory)", to: "memory.memsw.limit_in_bytes", in: directory)
            try limitLegacyMemory(directory, limits)
        }
    }

    /// Memory and swap together, so after the limit on memory, which it may not be under. Kernels without swap
    /// accounting lack it: there the group is kept from swapping.
    private static func limitLegacyMemory(_ directory: Int32, _ limits: ControlGroupLimits) throws(SystemCallError) {
        try KernelFile.write("\(limits.memory)", to: "memory.limit_in_bytes", in: directory)
        do {
            try KernelFile.write("\(limits.memory)", to: "memory.memsw.limit_in_bytes", in: directory)
        } catch  where error.errno == ENOENT {
            try KernelFile.write("0", to: "memory.swappiness", in: directory)
        }
    }

    /// Changes the processor limit of a group in use.
    package func limitCPU(quotaMicroseconds: Int) throws(SystemCallError) {
        guard let cpu else { return }
        let quota = max(1000, quotaMicroseconds)
        if cpu.version == 1 {
            try KernelFile.write("\(quota)", to: "cpu.cfs_quota_us", in: cpu.directory)
        } else {
            try KernelFile.write("\(quota) \(ControlGroupLimits.periodMicroseconds)", to: "cpu.max", in: cpu.directory)
        }
    }

    /// Says whom the group's processes let go first. Fails silently: it is no limit.
    package func setPrecedence(_ precedence: Precedence) {
        guard let cpu else { return }
        let isYielding = precedence == .yielding
        do throws(SystemCallError) {
            try KernelFile.write(isYielding ? "1" : "0", to: "cpu.idle", in: cpu.directory)
        } catch {
            let (file, standard) = cpu.version == 1 ? ("cpu.shares", "1024") : ("cpu.weight", "100")
            try? KernelFile.write(isYielding ? "2" : standard, to: file, in: cpu.directory)
        }
    }

    /// Opens the file by which the group's processes are frozen (`1`) and thawed (`0`), for writing, or -1. Only of
    /// version 2: what version 1 has frozen outlives SIGKILL.
    package func openFreezer() -> Int32 {
        birthplace < 0 ? -1 : openat(birthplace, "cgroup.freeze", O_WRONLY | O_CLOEXEC)
    }

    /// Opens the file that holds the peak use of memory in bytes, or -1: `memory.peak` exists from Linux 5.19 on.
    package func openMemoryPeak() -> Int32 {
        guard let memory else { return -1 }
        let file = memory.version == 1 ? "memory.max_usage_in_bytes" : "memory.peak"
        return openat(memory.directory, file, O_RDONLY | O_CLOEXEC)
    }

    /// Bytes in use now; 0 where nobody counts them.
    package func memoryInUse() -> Int {
        guard let memory else { return 0 }
        let file = memory.version == 1 ? "memory.usage_in_bytes" : "memory.current"
        let text = try? KernelFile.read(file, in: memory.directory)
        return text?.split(separator: "\n").first.flatMap { Int($0) } ?? 0
    }

    /// How many processes of the group the kernel has killed for want of memory.
    package func outOfMemoryKills() -> Int {
        guard let memory else { return 0 }
        let file = memory.version == 1 ? "memory.oom_control" : "memory.events"
        guard let text = try? KernelFile.read(file, in: memory.directory) else { return 0 }
        return ControlGroup.counter("oom_kill", in: text)
    }

    /// The value of `name` in a flat keyed file.
    static func counter(_ name: String, in text: String) -> Int {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, fields[0] == name { return Int(fields[1]) ?? 0 }
        }
        return 0
    }

    /// Removes the groups. False while one is still busy: try again later.
    package func remove() -> Bool {
        var removed = true
        for place in places where unlinkat(place.parent, place.name, AT_REMOVEDIR) < 0 && errno != ENOENT {
            removed = false
        }
        return removed
    }
}
