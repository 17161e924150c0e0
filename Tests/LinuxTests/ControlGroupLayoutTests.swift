import Testing
import TestSupport

@testable import Linux

@Suite struct ControlGroupLayoutTests {
    /// As systemd sets up a host with version 2 only (Debian 12, Ubuntu 24.04): proc_pid_mountinfo(5), cgroups(7).
    @Test func findsTheUnifiedHierarchy() {
        let layout = ControlGroupLayout(
            mountInfo: """
                24 29 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
                31 24 0:27 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
                """, ownGroups: "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u1.scope\n")
        #expect(layout.legacy.isEmpty)
        #expect(
            layout.unified
                == .init(
                    mountPoint: "/sys/fs/cgroup",
                    ownGroup: "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-u1.scope"))
    }

    @Test func findsVersionOneHierarchiesSharedAndAlone() {
        let layout = ControlGroupLayout(
            mountInfo: """
                32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
                35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
                36 31 0:33 / /sys/fs/cgroup/with\\040space rw - cgroup cgroup rw,pids
                41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
                """, ownGroups: "8:pids:/\n4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/\n")
        #expect(layout.legacy[.cpu]?.ownGroup == "/sys/fs/cgroup/cpu,cpuacct/c")
        #expect(layout.legacy[.memory]?.ownGroup == "/sys/fs/cgroup/memory/a/b")
        #expect(layout.legacy[.pids]?.ownGroup == "/sys/fs/cgroup/with space")
        #expect(layout.unified?.ownGroup == "/sys/fs/cgroup/unified")
    }

    /// In a container the mount shows a part of the hierarchy, while the group's path may start above it.
    @Test func readsPathsRelativeToTheMountsRoot() {
        func own(root: String, path: String) -> String? {
            ControlGroupLayout(
                mountInfo: "35 31 0:32 \(root) /cg rw - cgroup cgroup rw,memory", ownGroups: "4:memory:\(path)\n"
            ).legacy[.memory]?.ownGroup
        }
        #expect(own(root: "/docker/x", path: "/docker/x") == "/cg")
        #expect(own(root: "/docker/x", path: "/docker/x/y") == "/cg/y")
        #expect(own(root: "/docker/x", path: "/docker/xy") == "/cg")
        #expect(own(root: "/docker/x", path: "/elsewhere") == "/cg")
        #expect(own(root: "/", path: "/../..") == "/cg")
    }

    /// mount(2) takes an empty source, and the kernel prints just that.
    @Test func readsMountsWithoutASource() {
        let entry = MountEntry(line: "36 31 0:33 / /cg rw,nosuid shared:9 - cgroup  rw,pids")
        #expect(entry?.source == "")
        #expect(entry?.superOptions == ["rw", "pids"])
        #expect(entry?.mountPoint == "/cg")
    }

    @Test func isEmptyWithoutHierarchies() {
        let layout = ControlGroupLayout(mountInfo: "", ownGroups: "")
        #expect(layout.legacy.isEmpty && layout.unified == nil)
    }

    /// The text comes from the kernel, but a parser that traps on an odd line takes the launcher with it.
    @Test func survivesAnyText() {
        var random = SeededGenerator(seed: 7)
        let line = "35 31 0:32 /a\\040b /sys/fs/cgroup rw,nosuid shared:9 - cgroup cgroup rw,memory,cpu\n"
        for _ in 0..<5_000 {
            var bytes = Array(line.utf8)
            for _ in 0...Int(random.next() % 6) {
                let index = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8(ascii: " "), at: index)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let layout = ControlGroupLayout(mountInfo: text, ownGroups: text)
            #expect(layout.legacy.count <= Controller.allCases.count)
        }
    }

    @Test func readsCountersAndControllers() {
        // memory.events of version 2, memory.oom_control of version 1
        #expect(ControlGroup.counter("oom_kill", in: "low 0\noom 2\noom_kill 1\noom_group_kill 1\n") == 1)
        #expect(ControlGroup.counter("oom_kill", in: "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n") == 3)
        #expect(ControlGroup.counter("oom_kill", in: "") == 0)
        #expect(UnifiedHierarchy.controllers("cpuset cpu io memory hugetlb pids\n") == [.cpu, .memory, .pids])
    }

    @Test func climbsFromItsOwnGroupToTheMountPoint() {
        let hierarchy = UnifiedHierarchy(.init(mountPoint: "/cg", ownGroup: "/cg/a/b"))
        #expect(hierarchy.candidates() == ["/cg/a/b", "/cg/a", "/cg"])
        #expect(UnifiedHierarchy(.init(mountPoint: "/cg", ownGroup: "/cg")).candidates() == ["/cg"])
    }
}
