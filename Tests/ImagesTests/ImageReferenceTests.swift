import Testing

@testable import Images

/// The grammar is that of the distribution specification; that AWS wants a registry and a tag or digest is recorded in
/// its refusals ("Source image … is not valid").
@Suite struct ImageReferenceTests {
    private static let digest = String(repeating: "0a", count: 32)

    @Test(arguments: [
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1.0", "123456789012.dkr.ecr.us-east-1.amazonaws.com", "app"),
        ("localhost:5000/team/my-app_x__y.z:Latest", "localhost:5000", "team/my-app_x__y.z"),
        ("LOCALHOST/a--b:1", "localhost", "a--b"), ("registry.example/a@sha256:\(digest)", "registry.example", "a"),
        ("127.0.0.1:80/a/b/c:_x.Y-9", "127.0.0.1:80", "a/b/c"),
    ])
    func takesTheNamesOfAWSClients(text: String, registry: String, repository: String) throws {
        let reference = try #require(ImageReference(text))
        #expect(reference.registry == registry && reference.repository == repository)
        #expect(reference.pinned(to: Self.digest) == "\(registry)/\(repository)@sha256:\(Self.digest)")
    }

    @Test func knowsTagsFromDigests() throws {
        let both = try #require(ImageReference("a.b/c:d@sha256:\(Self.digest)"))
        #expect(both.tag == "d" && both.digest == Self.digest)
        let tag = try #require(ImageReference("a.b/c:d"))
        #expect(tag.tag == "d" && tag.digest == nil)
    }

    /// None of them may become a path of the host, an option or another transport.
    @Test(arguments: [
        "", "/", "alpine", "alpine:latest", "app/x:1", "a.b/c", "a.b/", "a.b/:x", "a.b/../c:1", "a.b/c/../../d:1",
        "a.b/./c:1", "a.b//c:1", "/etc/passwd:1", "a.b/-c:1", "a.b/c-:1", "a.b/.c:1", "a.b/C:1", "a.b/c d:1",
        "dir:/etc:x", "docker-archive:/x.y/z:1", "oci:a.b/c:1", "docker://a.b/c:1", "--help", "-a.b/c:1", "a.b/c:-x",
        "a.b/c:.x", "a.b/c:x/y", "a.b/c:x:y", "a.b/c:x y", "a.b/c@sha256:00", "a.b/c@md5:\(digest)",
        "a.b/c@sha256:\(digest.uppercased())", "a.b/c@sha256:\(digest)0", "a.b:0/c:1", "a.b:65536/c:1", "a.b:x/c:1",
        "a.b:/c:1", "a..b/c:1", "a.b/c\u{0}:1", "a.b/c:1\n", "a.b/ä:1", "a.b/a___b:1", "a.b/a..b:1", "a.b/a._b:1",
        "user@a.b/c:1", "[::1]:80/c:1", String(repeating: "a", count: 2000) + ".b/c:1",
        "a.b/" + String(repeating: "a", count: 256) + ":1", "a.b/c:" + String(repeating: "a", count: 129),
    ])
    func refusesEverythingElse(text: String) { #expect(ImageReference(text) == nil) }

    @Test func plainHTTPIsForThisMachineOnly() throws {
        for text in ["localhost:5000/a:1", "127.0.0.1:1/a:1", "127.9.9.9:1/a:1"] {
            #expect(try #require(ImageReference(text)).isLoopback)
        }
        for text in ["localhost.example/a:1", "127.example/a:1", "1.127.0.0:1/a:1", "10.0.0.1:1/a:1"] {
            #expect(try !#require(ImageReference(text)).isLoopback)
        }
    }
}
