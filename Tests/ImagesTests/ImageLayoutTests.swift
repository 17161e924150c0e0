import Testing
import TestSupport

@testable import Images

@Suite struct ImageLayoutTests {
    private let directory = TemporaryDirectory()

    private func reference(_ text: String) throws -> ImageReference { try #require(ImageReference(text)) }

    /// Writes a layout of `repository` in which each tag is a blob of these bytes.
    private func write(
        _ repository: String, _ blobs: [(tag: String, bytes: String)], type: String = ImageDocuments.manifestType
    ) throws {
        let manifests = blobs.map { tag, bytes in
            ImageDocuments.Descriptor(
                mediaType: type, digest: "sha256:" + ImageDocuments.digest(Array(bytes.utf8)), size: bytes.utf8.count,
                annotations: [ImageDocuments.refName: tag])
        }
        let index = try ImageDocuments.encode(ImageDocuments.Index(manifests: manifests))
        directory.write("\(repository)/index.json", String(decoding: index, as: UTF8.self))
        for (_, bytes) in blobs {
            directory.write("\(repository)/blobs/sha256/\(ImageDocuments.digest(Array(bytes.utf8)))", bytes)
        }
    }

    @Test func findsImagesByTagAndByDigest() throws {
        try write("team/app", [("one", "1"), ("two", "2")])
        let (one, two) = (ImageDocuments.digest([0x31]), ImageDocuments.digest([0x32]))
        let layout = try #require(ImageLayout(of: reference("a.b/team/app:one"), in: directory.path))
        #expect(try layout.find(reference("a.b/team/app:one")) == one)
        #expect(try layout.find(reference("c.d/team/app:two")) == two)
        #expect(try layout.find(reference("a.b/team/app:three")) == nil)
        #expect(try layout.find(reference("a.b/team/app:one@sha256:\(two)")) == two)
        #expect(try layout.document(two) == [0x32])
        #expect(try ImageLayout(of: reference("a.b/team:one"), in: directory.path) == nil)
    }

    @Test func refusesIndexesAndDamage() throws {
        try write("index", [("one", "1")], type: "application/vnd.oci.image.index.v1+json")
        let index = try #require(ImageLayout(of: reference("a.b/index:one"), in: directory.path))
        #expect(throws: ImageError.unsupportedMediaType) { try index.find(reference("a.b/index:one")) }
        directory.write("damaged/index.json", "{")
        let damaged = try #require(ImageLayout(of: reference("a.b/damaged:one"), in: directory.path))
        #expect(throws: ImageError.self) { try damaged.find(reference("a.b/damaged:one")) }
        let digest = ImageDocuments.digest([0x31])
        directory.write("index/blobs/sha256/\(digest)", "2")
        #expect(throws: ImageError.invalid(reason: "\(digest) is damaged")) { try index.document(digest) }
    }

    /// Kinds that AWS refuses, too: https://github.com/aws/aws-lambda-roadmap/issues/82
    @Test(arguments: [
        (#""manifests":[]"#, ImageError.unsupportedMediaType),
        (#""mediaType":"application/vnd.oci.image.index.v1+json","config":{},"layers":[]"#, .unsupportedMediaType),
        (
            #""config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:0","size":2},"layers":[]"#,
            .unsupportedMediaType
        ),
        (
            #"""
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"md5:0","size":2},"layers":[]
            """#,
            .invalid(reason: "its manifest has digests of an unknown kind")
        ),
    ])
    func refusesManifestsThatDoNotRun(members: String, error: ImageError) {
        #expect(throws: error) { try ImageDocuments.Manifest(checking: Array("{\(members)}".utf8)) }
    }

    @Test func readsWhatAnImageStarts() throws {
        let document = #"{"os":"linux","config":{"Entrypoint":["/e"],"Cmd":null,"Env":["A=b"],"WorkingDir":"/w"}}"#
        #expect(
            try ResolvedImage(digest: "d", configuration: Array(document.utf8))
                == ResolvedImage(digest: "d", entryPoint: ["/e"], environment: ["A=b"], workingDirectory: "/w"))
        #expect(throws: ImageError.unsupportedMediaType) {
            try ResolvedImage(digest: "d", configuration: Array(#"{"os":"windows"}"#.utf8))
        }
    }
}
