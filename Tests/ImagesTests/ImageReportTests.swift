import Testing

@testable import Images

@Suite struct ImageReportTests {
    @Test func saysWhatIsMissingAndWhatFollows() {
        let report = ImageReport { $0 == "umoci" ? "/usr/bin/umoci" : nil }
        #expect(report.programs.map(\.name) == ["umoci", "skopeo"])
        #expect(report.programs.map(\.path) == ["/usr/bin/umoci", nil])
        #expect(report.programs.map(\.remedy) == [nil, "sudo apt-get install skopeo"])
        #expect(report.programs[1].consequence.contains("registries"))
    }
}
