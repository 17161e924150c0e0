import Linux

/// What this host can isolate and limit, for `apus doctor`. Nothing is changed by making one.
package struct HostReport: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        /// Works.
        case good
        /// Missing, and functions can run only once the operator accepts this weakness.
        case weak(Weakness)
        /// Missing, and functions run without it.
        case lacking
        /// Missing, and functions cannot run.
        case broken
    }

    /// One line of the report.
    package struct Finding: Sendable, Hashable {
        /// What it is about: `user namespaces`, `memory limit`.
        package var subject: String
        package var state: State
        /// What was found, one sentence without a full stop.
        package var detail: String
        /// The command that mends it, or nil when nothing is to be mended or nothing can.
        package var remedy: String?
    }

    package var findings: [Finding]

    /// Looks at this host as the current user.
    package static func current() -> HostReport { HostReport(facts: HostFacts.current()) }

    /// Judges what was found.
    package init(facts: HostFacts) {
        findings =
            [Self.kernel(facts), Self.namespaces(facts), Self.seccomp(facts)]
            + Controller.allCases.map { Self.limit($0, facts) } + [Self.freezing(facts)]
            + (Self.swap(facts).map { [$0] } ?? [])
    }

    private static func kernel(_ facts: HostFacts) -> Finding {
        // mount_setattr(2) is the newest call without which no sandbox starts.
        let enough =
            facts.kernelVersion.major > 5 || (facts.kernelVersion.major == 5 && facts.kernelVersion.minor >= 12)
        return Finding(
            subject: "kernel", state: enough ? .good : .broken, detail: "Linux \(facts.kernelRelease)",
            remedy: enough ? nil : "upgrade to Linux 5.12 or later")
    }

    private static func namespaces(_ facts: HostFacts) -> Finding {
        if facts.isRoot, facts.userNamespaceError != 0 {
            return Finding(
                subject: "namespaces", state: .broken,
                detail: "root, but no power to make namespaces (\(SystemCallError.text(facts.userNamespaceError)))",
                remedy: "run the container that this is in with CAP_SYS_ADMIN and without a seccomp profile")
        }
        if facts.isRoot {
            return Finding(
                subject: "namespaces", state: .good, detail: "root: every sandbox runs as a user of its own",
                remedy: nil)
        }
        if facts.userNamespaceError == 0 {
            return Finding(
                subject: "namespaces", state: .good, detail: "unprivileged user namespaces work", remedy: nil)
        }
        let remedy: String? =
            if facts.setting("kernel.apparmor_restrict_unprivileged_userns") == "1" {
                "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
            } else if facts.setting("kernel.unprivileged_userns_clone") == "0" {
                "sudo sysctl -w kernel.unprivileged_userns_clone=1"
            } else if facts.setting("user.max_user_namespaces") == "0" {
                "sudo sysctl -w user.max_user_namespaces=15000"
            } else {
                "run Apus as root"
            }
        return Finding(
            subject: "namespaces", state: .broken,
            detail: "unprivileged user namespaces: \(SystemCallError.text(facts.userNamespaceError))", remedy: remedy)
    }

    private static func seccomp(_ facts: HostFacts) -> Finding {
        facts.seccompError == 0
            ? Finding(subject: "system call filter", state: .good, detail: "seccomp works", remedy: nil)
            : Finding(
                subject: "system call filter", state: .broken,
                detail: "seccomp: \(SystemCallError.text(facts.seccompError))",
                remedy: "use a kernel with CONFIG_SECCOMP_FILTER")
    }

    private static func limit(_ controller: Controller, _ facts: HostFacts) -> Finding {
        let weakness: Weakness =
            switch controller {
            case .memory: .memoryLimit
            case .cpu: .cpuLimit
            case .pids: .processLimit
            }
        let subject = "\(controller.rawValue) limit"
        if let version = facts.controllers[controller] {
            return Finding(subject: subject, state: .good, detail: "cgroup version \(version)", remedy: nil)
        }
        let remedy: String?
        if facts.isRoot {
            remedy =
                switch facts.layout.unified {
                case nil: "mount -t cgroup2 none /sys/fs/cgroup"
                case let place? where place.ownGroup == place.mountPoint: emptying(place.mountPoint)
                case _?: nil
                }
        } else if facts.layout.legacy[controller] != nil {
            remedy = "run Apus as root (an ordinary user gets no cgroup version 1 group)"
        } else if facts.hasSystemd {
            remedy = "systemd-run --user --scope -p Delegate=yes apus serve"
        } else {
            remedy = "run Apus as root"
        }
        return Finding(
            subject: subject, state: .weak(weakness), detail: "no \(controller.rawValue) cgroup to be had",
            remedy: remedy)
    }

    /// Only version 2 freezes what can still be killed.
    private static func freezing(_ facts: HostFacts) -> Finding {
        if facts.canFreeze {
            return Finding(
                subject: "freezing", state: .good, detail: "idle environments are frozen (cgroup version 2)",
                remedy: nil)
        }
        let remedy: String? =
            facts.layout.unified == nil
            ? "mkdir -p /sys/fs/cgroup/unified; mount -t cgroup2 none /sys/fs/cgroup/unified"
            : facts.isRoot ? nil : "run Apus as root"
        return Finding(
            subject: "freezing", state: .lacking,
            detail: "no cgroup version 2 to be had: what a function leaves running goes on between invocations",
            remedy: facts.layout.unified == nil && !facts.isRoot ? nil : remedy)
    }

    /// Moves everything in a container's root group, a shell beside the server for one, to a group below it: only a
    /// group without processes gives controllers to others.
    private static func emptying(_ group: String) -> String {
        "mkdir \(group)/others; for p in $(cat \(group)/cgroup.procs); do echo $p > \(group)/others/cgroup.procs; done"
    }

    /// Version 1 accounts for swap only when the kernel was told to: else swapped memory is not counted.
    private static func swap(_ facts: HostFacts) -> Finding? {
        guard facts.controllers[.memory] == 1, !facts.countsSwap, facts.hasSwap else { return nil }
        return Finding(
            subject: "swap", state: .weak(.memoryLimit),
            detail: "this kernel does not count swap: a function's memory is kept from swap instead",
            remedy: "boot with swapaccount=1")
    }
}
