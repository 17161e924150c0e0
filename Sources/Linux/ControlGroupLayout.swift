/// The controllers that bound a sandbox.
package enum Controller: String, Sendable, Hashable, CaseIterable {
    case memory, cpu, pids
}

/// Where the control groups of this process are, read from `/proc/self/mountinfo` and `/proc/self/cgroup` (cgroups(7)).
/// A host may have all controllers in version 2, all in version 1, or some here and some there.
package struct ControlGroupLayout: Sendable, Hashable {
    /// A hierarchy of version 1: its mount point and our group's directory in it.
    package struct Legacy: Sendable, Hashable {
        package var mountPoint: String
        package var ownGroup: String
    }
    /// Version 1 hierarchies by the controllers attached to them; two controllers may share one.
    package var legacy: [Controller: Legacy]
    /// The version 2 hierarchy, if one is mounted.
    package var unified: Legacy?

    package init(mountInfo: String, ownGroups: String) {
        // Lines are "id:controllers:path"; version 2 has id 0 and no controllers.
        var pathByController: [String: String] = [:]
        for line in ownGroups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            for controller in fields[1].split(separator: ",", omittingEmptySubsequences: false) {
                pathByController[String(controller)] = String(fields[2])
            }
        }
        legacy = [:]
        for entry in MountEntry.parse(mountInfo) {
            switch entry.type {
            case "cgroup2":
                guard unified == nil, let path = pathByController[""] else { continue }
                unified = Legacy(mountPoint: entry.mountPoint, ownGroup: Self.directory(of: path, in: entry))
            case "cgroup":
                for controller in Controller.allCases where entry.superOptions.contains(controller.rawValue) {
                    guard legacy[controller] == nil, let path = pathByController[controller.rawValue] else { continue }
                    legacy[controller] = Legacy(
                        mountPoint: entry.mountPoint, ownGroup: Self.directory(of: path, in: entry))
                }
            default: continue
            }
        }
    }

    /// The layout of this process.
    package static func current() throws(SystemCallError) -> ControlGroupLayout {
        ControlGroupLayout(
            mountInfo: try KernelFile.read("/proc/self/mountinfo"), ownGroups: try KernelFile.read("/proc/self/cgroup"))
    }

    /// The directory of a group, given that a mount may show only a part of the hierarchy. In a container the group's
    /// path may lie outside of what is mounted; then the mount's own root stands for it.
    private static func directory(of path: String, in entry: MountEntry) -> String {
        let relative: Substring
        if entry.root == "/" {
            relative = path[...]
        } else if path == entry.root {
            relative = ""
        } else if path.hasPrefix(entry.root + "/") {
            relative = path.dropFirst(entry.root.count)
        } else {
            return entry.mountPoint
        }
        let parts = relative.split(separator: "/")
        if parts.isEmpty || parts.contains("..") { return entry.mountPoint }
        return entry.mountPoint + "/" + parts.joined(separator: "/")
    }
}
