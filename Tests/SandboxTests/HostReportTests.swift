import Linux
import Testing

@testable import Sandbox

@Suite struct HostReportTests {
    private static let unified = ControlGroupLayout(
        mountInfo: "31 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", ownGroups: "0::/user.slice\n")
    private static let all: [Controller: Int] = [.memory: 2, .cpu: 2, .pids: 2]

    private func finding(_ subject: String, _ facts: HostFacts) throws -> HostReport.Finding {
        try #require(HostReport(facts: facts).findings.first { $0.subject == subject })
    }

    @Test func findsNothingToMendOnAGoodHost() {
        let facts = HostFacts(
            isRoot: true, kernelRelease: "6.1.0-18-amd64", layout: Self.unified, controllers: Self.all)
        for finding in HostReport(facts: facts).findings {
            #expect(finding.state == .good)
            #expect(finding.remedy == nil)
        }
    }

    /// Ubuntu 24.04 lets programs make user namespaces, but without power in them (release notes of 23.10).
    @Test func namesTheSettingOfUbuntu() throws {
        let facts = HostFacts(
            isRoot: false, kernelRelease: "6.8.0-31-generic", userNamespaceError: 1, layout: Self.unified,
            controllers: Self.all, settings: ["kernel.apparmor_restrict_unprivileged_userns": "1"])
        let finding = try finding("namespaces", facts)
        #expect(finding.state == .broken)
        #expect(finding.remedy == "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
    }

    @Test func namesTheDelegationThatAUserLacks() throws {
        let facts = HostFacts(isRoot: false, kernelRelease: "6.1.0", layout: Self.unified)
        let finding = try finding("memory limit", facts)
        #expect(finding.state == .weak(.memoryLimit))
        #expect(finding.remedy == "systemd-run --user --scope -p Delegate=yes apus serve")
    }

    /// A shell and the server are both in what the container sees as the root ("no internal processes", cgroups(7)).
    @Test func emptiesTheRootGroupOfAContainer() throws {
        let layout = ControlGroupLayout(
            mountInfo: "31 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", ownGroups: "0::/\n")
        let finding = try finding("pids limit", HostFacts(isRoot: true, kernelRelease: "6.1.0", layout: layout))
        #expect(finding.state == .weak(.processLimit))
        #expect(finding.remedy?.hasPrefix("mkdir /sys/fs/cgroup/others; for p in") == true)
    }

    @Test(arguments: [("5.11.9", false), ("5.12.0", true), ("4.19.0", false), ("6.18.44-x", true), ("", false)])
    func asksForAKernelThatHasWhatSandboxesNeed(release: String, enough: Bool) throws {
        let facts = HostFacts(isRoot: true, kernelRelease: release, layout: Self.unified, controllers: Self.all)
        #expect((try finding("kernel", facts).state == .good) == enough)
    }

    /// Without version 2 nothing is frozen, which is no weakness.
    @Test func saysThatNothingCanBeFrozen() throws {
        let legacy = ControlGroupLayout(
            mountInfo: "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu", ownGroups: "1:cpu:/\n")
        let facts = HostFacts(isRoot: true, kernelRelease: "6.1.0", layout: legacy, canFreeze: false)
        #expect(try finding("freezing", facts).state == .lacking)
        #expect(try finding("freezing", facts).remedy?.contains("mount -t cgroup2") == true)
    }

    @Test func looksAtThisHost() {
        #expect(HostReport.current().findings.count >= 6)
    }
}
