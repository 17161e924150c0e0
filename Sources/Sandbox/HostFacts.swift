package import Linux

#if canImport(Glibc)
    import Glibc
#endif

/// What ``HostReport`` judges: read once, or made up by a test.
package struct HostFacts: Sendable, Hashable {
    package struct Version: Sendable, Hashable {
        package var major: Int
        package var minor: Int

        package init(major: Int, minor: Int) {
            self.major = major
            self.minor = minor
        }
    }

    package var isRoot: Bool
    /// As `uname -r` says it.
    package var kernelRelease: String
    /// errno, 0 when it works.
    package var userNamespaceError: Int32
    package var seccompError: Int32
    package var layout: ControlGroupLayout
    /// The cgroup version that gives each controller to this user; missing where none does.
    package var controllers: [Controller: Int]
    /// Whether version 1 counts swap.
    package var countsSwap: Bool
    package var hasSwap: Bool
    package var hasSystemd: Bool
    /// Whether processes of a sandbox can be frozen.
    package var canFreeze: Bool
    /// sysctl settings that were found.
    package var settings: [String: String]

    package init(
        isRoot: Bool, kernelRelease: String, userNamespaceError: Int32 = 0, seccompError: Int32 = 0,
        layout: ControlGroupLayout, controllers: [Controller: Int] = [:], countsSwap: Bool = true,
        hasSwap: Bool = false, hasSystemd: Bool = true, canFreeze: Bool = true, settings: [String: String] = [:]
    ) {
        self.isRoot = isRoot
        self.kernelRelease = kernelRelease
        self.userNamespaceError = userNamespaceError
        self.seccompError = seccompError
        self.layout = layout
        self.controllers = controllers
        self.countsSwap = countsSwap
        self.hasSwap = hasSwap
        self.hasSystemd = hasSystemd
        self.canFreeze = canFreeze
        self.settings = settings
    }

    package var kernelVersion: Version {
        let numbers = kernelRelease.split { !$0.isNumber }.compactMap { Int($0) }
        return Version(major: numbers.first ?? 0, minor: numbers.dropFirst().first ?? 0)
    }

    func setting(_ name: String) -> String? { settings[name] }

    private static let settingNames = [
        "kernel.apparmor_restrict_unprivileged_userns", "kernel.unprivileged_userns_clone", "user.max_user_namespaces",
    ]

    static func current() -> HostFacts {
        let layout = (try? ControlGroupLayout.current()) ?? ControlGroupLayout(mountInfo: "", ownGroups: "")
        var settings: [String: String] = [:]
        for name in settingNames {
            let path = "/proc/sys/" + String(name.map { $0 == "." ? "/" : $0 })
            if let text = try? KernelFile.read(path) { settings[name] = String(text.prefix { $0 != "\n" }) }
        }
        let release = (try? KernelFile.read("/proc/sys/kernel/osrelease")) ?? ""
        let swaps = (try? KernelFile.read("/proc/swaps")) ?? ""
        let memsw = layout.legacy[.memory].map { access($0.ownGroup + "/memory.memsw.limit_in_bytes", F_OK) == 0 }
        let controllers = ControlGroups.available(in: layout)
        return HostFacts(
            isRoot: geteuid() == 0, kernelRelease: String(release.prefix { $0 != "\n" }),
            userNamespaceError: HostProbe.userNamespace(), seccompError: HostProbe.seccomp(), layout: layout,
            controllers: controllers, countsSwap: memsw ?? true,
            // The first line is a heading.
            hasSwap: swaps.split(separator: "\n").count > 1, hasSystemd: access("/run/systemd/system", F_OK) == 0,
            canFreeze: controllers.values.contains(2) || ControlGroups.canFreeze(in: layout),
            settings: settings)
    }
}
