import Archive
import Glibc
import Logging
import Testing
import TestSupport

@testable import Images

/// Really unpacks, where umoci is installed. Images are made by the host's tar and gzip. More of it, hostile layers and
/// registries among them, is in Tests/Clients/test_images.py.
@Suite(.enabled(if: HostTool.find("umoci") != nil, "umoci is not installed"))
struct HostImagesTests {
    private let directory = TemporaryDirectory()

    private var images: HostImages {
        HostImages(
            ImageConfiguration(layouts: directory.file("images"), scratch: directory.directory("code")),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Makes the layout `app` with an image `one` of what is in `content`.
    private func makeLayout() throws -> ImageReference {
        func run(_ script: String) throws {
            let outcome = try HostTool("sh").run(
                ["-ec", script], in: directory.path, outputLimit: 4096, time: .seconds(60), Cancellation())
            try #require(outcome.status == 0, "\(outcome.errors)")
        }
        let blobs = directory.directory("images/app/blobs/sha256")
        func blob(_ bytes: [UInt8], _ type: String) -> ImageDocuments.Descriptor {
            let digest = ImageDocuments.digest(bytes)
            directory.write("images/app/blobs/sha256/\(digest)", bytes)
            return ImageDocuments.Descriptor(mediaType: type, digest: "sha256:" + digest, size: bytes.count)
        }
        try run("tar -cf layer -C content . && sha256sum < layer | cut -c 1-64 > digest && wc -c < layer > size")
        func text(_ name: String) throws -> String {
            let outcome = try HostTool("cat").run(
                [name], in: directory.path, outputLimit: 4096, time: .seconds(60), Cancellation())
            return String(decoding: outcome.output, as: UTF8.self).filter { !$0.isWhitespace }
        }
        let digest = try text("digest")
        try run("mv layer \(blobs)/\(digest)")
        let config = blob(
            Array(
                #"""
                {"architecture":"amd64","os":"linux","config":{"Cmd":["/run"]},
                "rootfs":{"type":"layers","diff_ids":["sha256:\#(digest)"]}}
                """#.utf8), ImageDocuments.configurationTypes[0])
        let manifest = blob(
            Array(
                #"""
                {"schemaVersion":2,"config":{"mediaType":"\#(config.mediaType)","digest":"\#(config.digest)",
                "size":\#(config.size)},"layers":[{"mediaType":"\#(ImageDocuments.layerTypes[0])",
                "digest":"sha256:\#(digest)","size":\#(try text("size"))}]}
                """#.utf8), ImageDocuments.manifestType)
        var named = manifest
        named.annotations = [ImageDocuments.refName: "one"]
        let index = try ImageDocuments.encode(ImageDocuments.Index(manifests: [named]))
        directory.write("images/app/index.json", index)
        directory.write("images/app/oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
        return try #require(ImageReference("registry.example/app:one"))
    }

    private func names(_ path: String) throws -> [String] {
        let outcome = try HostTool("ls").run(
            ["-A", path], in: directory.path, outputLimit: 4096, time: .seconds(60), Cancellation())
        return String(decoding: outcome.output, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func resolvesAndUnpacks() async throws {
        directory.write("content/a/file", "hello")
        let reference = try makeLayout()
        let image = try await images.resolve(reference)
        #expect(image.command == ["/run"])
        let tree = directory.file("code/tree")
        try await images.unpack(reference, digest: image.digest, to: tree, limit: 5)
        #expect(try names(tree) == ["a"] && names("code") == ["tree"])
        // Once more changes nothing.
        try await images.unpack(reference, digest: image.digest, to: tree, limit: 5)
        try ZipExtractor.remove(tree)
    }

    @Test func leavesNothingOfWhatIsTooLarge() async throws {
        directory.write("content/file", String(repeating: "x", count: 1 << 20))
        let reference = try makeLayout()
        let image = try await images.resolve(reference)
        await #expect(throws: ImageError.tooLarge(limit: 1000)) {
            try await images.unpack(reference, digest: image.digest, to: directory.file("code/tree"), limit: 1000)
        }
        #expect(try names("code").isEmpty)
    }

    @Test func stopsForItsCaller() async throws {
        directory.write("content/file", "x")
        let reference = try makeLayout()
        let image = try await images.resolve(reference)
        let (images, tree) = (images, directory.file("code/tree"))
        let task = Task { () -> ImageError? in
            // Cancelled before it begins.
            while !Task.isCancelled { await Task.yield() }
            do throws(ImageError) {
                try await images.unpack(reference, digest: image.digest, to: tree, limit: 1000)
                return nil
            } catch {
                return error
            }
        }
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(try names("code").isEmpty)
    }

    @Test func knowsNoOtherImages() async throws {
        let reference = try #require(ImageReference("registry.example/none:one"))
        await #expect(throws: ImageError.notFound) { try await images.resolve(reference) }
    }
}
