import Testing

@testable import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// Directories with the files that a version 2 hierarchy has (cgroups(7), "Cgroups v2 no internal processes rule").
@Suite struct UnifiedHierarchyTests {
    private let tree: GroupTree

    init() throws { tree = try GroupTree() }

    private func available(own group: String) -> [Controller: Int] {
        var layout = ControlGroupLayout(mountInfo: "", ownGroups: "")
        layout.unified = .init(mountPoint: tree.path, ownGroup: tree.path + group)
        return ControlGroups.available(in: layout)
    }

    /// A machine whose init gives services no groups: everything is in the root, which alone may have both processes
    /// and children with controllers, and alone has no `cgroup.type`.
    @Test func theRootMayHoldProcesses() throws {
        try tree.group("", type: nil, processes: [1, 2, getpid()])
        #expect(try UnifiedHierarchy.processesInTheWay(in: tree.path) == [])
        #expect(available(own: "") == [.memory: 2, .cpu: 2, .pids: 2])
    }

    /// What a container sees as its root is a group like any other, and so has a type.
    @Test func aContainersRootMayNot() throws {
        try tree.group("", type: "domain", processes: [1, getpid()])
        #expect(try UnifiedHierarchy.processesInTheWay(in: tree.path) == [1, getpid()])
        #expect(available(own: "").isEmpty)
    }

    @Test func aGroupWithoutOthersCanBeEmptied() throws {
        try tree.group("", type: "domain", processes: [getpid()], controllers: "cpuset cpu memory")
        #expect(available(own: "") == [.memory: 2, .cpu: 2])
    }

    /// A shell beside the server keeps their group from giving controllers, an empty one above gives what it has.
    @Test func anEmptyAncestorStandsInForABusyGroup() throws {
        try tree.group("", type: "domain", processes: [1])
        try tree.group("/slice", type: "domain", processes: [], controllers: "memory pids")
        try tree.group("/slice/session", type: "domain", processes: [1, getpid()])
        #expect(available(own: "/slice/session") == [.memory: 2, .pids: 2])
    }

    /// What was moved to a leaf goes back at the end; a group that nothing was moved out of stays as it is.
    @Test func onlyAVacatedGroupIsReoccupied() throws {
        let hierarchy = UnifiedHierarchy(.init(mountPoint: tree.path, ownGroup: tree.path))
        try tree.group("", type: "domain", processes: [], controllers: "memory")
        hierarchy.reoccupy()
        #expect(try KernelFile.read(tree.path + "/cgroup.subtree_control") == "")
        try tree.group("/" + hierarchy.leaf.dropFirst(tree.path.count + 1), type: "domain", processes: [4711])
        hierarchy.reoccupy()
        #expect(try KernelFile.read(tree.path + "/cgroup.procs") == "4711")
        #expect(try KernelFile.read(tree.path + "/cgroup.subtree_control").hasPrefix("-"))
    }
}

/// Plain files in the place of a hierarchy, removed with it.
private final class GroupTree {
    let path: String
    private var made: [String] = []

    init() throws {
        var template = Array("/tmp/apus-groups-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemCallError("mkdtemp", errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func group(_ name: String, type: String?, processes: [pid_t], controllers: String = "cpu memory pids") throws {
        mkdir(path + name, 0o755)
        var files = [
            "cgroup.procs": processes.map { "\($0)\n" }.joined(), "cgroup.controllers": controllers + "\n",
            "cgroup.subtree_control": "",
        ]
        files["cgroup.type"] = type
        for (file, text) in files {
            let full = path + name + "/" + file
            close(try checked("open", full) { open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644) })
            if !text.isEmpty { try KernelFile.write(text, to: full) }
            made.append(full)
        }
        made.append(path + name)
    }

    deinit {
        for file in made where file != path { unlink(file) }
        for directory in made.reversed() where directory != path { rmdir(directory) }
        rmdir(path)
    }
}
