import Testing

@testable import Images

@Suite struct ImageRegistryTests {
    private static let digest = String(repeating: "0a", count: 32)

    private func registry(_ text: String, credentials: String? = nil) throws -> ImageRegistry {
        // Whatever is installed everywhere: it is not run.
        ImageRegistry(
            reference: try #require(ImageReference(text)), skopeo: try HostTool("env"), credentials: credentials)
    }

    @Test func asksOverTLSButOnThisMachine() throws {
        let far = try registry("registry.example/team/app:1")
        #expect(far.inspection(of: far.source(nil)) == ["inspect", "--raw", "docker://registry.example/team/app:1"])
        let near = try registry("localhost:5000/app:1", credentials: "/keys.json")
        #expect(
            near.copying(Self.digest) == [
                "copy", "--quiet", "--src-authfile=/keys.json", "--src-tls-verify=false",
                "docker://localhost:5000/app@sha256:\(Self.digest)", "oci:layout:image",
            ])
    }

    /// As skopeo 1.9.3 wrote them.
    @Test func understandsComplaints() throws {
        let registry = try registry("127.0.0.1:1/denied/not-found:t")
        let head = #"level=fatal msg="Error parsing image name \"docker://127.0.0.1:1/denied/not-found:t\": "#
        let reading = "reading manifest t in 127.0.0.1:1/denied/not-found: "
        #expect(registry.error(head + reading + #"manifest unknown: unknown""#) == .notFound)
        #expect(registry.error(head + reading + #"unauthorized""#) == .denied)
        guard case .unavailable = registry.error(head + #"pinging container registry 127.0.0.1:1: refused""#) else {
            Issue.record("a registry that does not answer is not an answer")
            return
        }
    }
}
