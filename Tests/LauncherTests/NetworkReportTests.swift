import Glibc
import Testing

@testable import Launcher

@Suite struct NetworkReportTests {
    @Test func aCompleteMachineHasNothingToMend() {
        let report = NetworkReport(find: { "/usr/sbin/\($0)" }, tun: 0, resolver: 1, isRoot: false)
        #expect(report.hasWayOut)
        #expect(report.items.allSatisfy { $0.remedy == nil })
        #expect(
            report.items.map(\.finding) == ["/usr/sbin/slirp4netns", "/usr/sbin/nft", "/dev/net/tun", "1 nameserver"])
    }

    @Test func whatIsMissingComesWithTheCommandThatMendsIt() {
        let report = NetworkReport(find: { _ in nil }, tun: ENOENT, resolver: nil, isRoot: false)
        #expect(!report.hasWayOut)
        #expect(
            report.items.map(\.remedy) == [
                "sudo apt-get install slirp4netns", "sudo apt-get install nftables", "sudo modprobe tun", nil,
            ])
        #expect(report.items.allSatisfy { !$0.isPresent })
    }

    @Test func aDeviceThatOnlyRootMayOpenIsSaidSo() throws {
        let report = NetworkReport(find: { $0 }, tun: EACCES, resolver: 2, isRoot: false)
        let device = try #require(report.items.first { $0.name == "/dev/net/tun" })
        #expect(device.finding == "Permission denied: functions do not reach the internet")
        #expect(device.remedy == "sudo chmod 0666 /dev/net/tun")
    }
}
