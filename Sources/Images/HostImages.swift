import Archive
import CLinux
import Glibc
import Linux
package import Logging
import Storage

/// Finds images in layouts and, by skopeo, in registries, and unpacks them by umoci. Both programs run as this
/// process's user, and what they make appears under its final name only when all of it is there.
package struct HostImages: ImageSource {
    /// A registry's answer about one image.
    private static let answerTime = Duration.seconds(20)
    private static let downloadTime = Duration.seconds(1800)
    private static let unpackTime = Duration.seconds(1800)
    /// What a layout has beside its layers, bytes.
    private static let layoutSlack = 64 << 20

    private let configuration: ImageConfiguration
    private let logger: Logger
    private let layouts = BlockingQueue(label: "apus.images.layouts")
    private let questions = BlockingQueue(label: "apus.images.registries")
    /// One image is fetched and unpacked at a time.
    private let work = BlockingQueue(label: "apus.images.unpack")

    package init(_ configuration: ImageConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    package func resolve(_ reference: ImageReference) async throws(ImageError) -> ResolvedImage {
        _ = try HostTool("umoci")
        let found = try await run(on: layouts) { (_) throws(ImageError) -> ResolvedImage? in
            guard let layout = ImageLayout(of: reference, in: configuration.layouts),
                let digest = try layout.find(reference)
            else { return nil }
            return try Self.resolve(digest, in: layout)
        }
        if let found { return found }
        let registry = try registry(of: reference)
        return try await run(on: questions) { cancellation throws(ImageError) in
            try Self.withScratch(in: configuration.scratch) { scratch throws(ImageError) in
                try registry.resolve(in: scratch, time: Self.answerTime, cancellation)
            }
        }
    }

    package func unpack(
        _ reference: ImageReference, digest: String, to destination: String, limit: Int
    ) async throws(ImageError) {
        try await run(on: work) { cancellation throws(ImageError) in
            if access(destination, F_OK) == 0 { return }
            let parent = destination.lastIndex(of: "/").map { String(destination[..<$0]) } ?? "."
            try Self.withScratch(in: parent) { scratch throws(ImageError) in
                try provideLayout(reference, digest, in: scratch, limit: limit, cancellation)
                try Self.unpackLayout(in: scratch, limit: limit, cancellation)
                try Self.install(scratch + "/rootfs", at: destination)
            }
        }
    }

    // MARK: Finding

    private static func resolve(_ digest: String, in layout: ImageLayout) throws(ImageError) -> ResolvedImage {
        guard let bytes = try layout.document(digest) else { throw .invalid(reason: "its manifest is missing") }
        let manifest = try ImageDocuments.Manifest(checking: bytes)
        guard
            let configuration = try manifest.config.hex.flatMap({ (hex) throws(ImageError) in
                try layout.document(hex)
            })
        else { throw .invalid(reason: "its configuration is missing") }
        return try ResolvedImage(digest: digest, configuration: configuration)
    }

    /// The registry of a reference, if it may be asked.
    private func registry(of reference: ImageReference) throws(ImageError) -> ImageRegistry {
        guard configuration.registries.contains(reference.registry) else {
            logger.notice(
                "an image is in no layout, and its registry is not one that the operator allows",
                metadata: ["registry": "\(reference.registry)", "repository": "\(reference.repository)"])
            throw .notFound
        }
        return ImageRegistry(
            reference: reference, skopeo: try HostTool("skopeo"), credentials: configuration.credentials)
    }

    // MARK: Unpacking

    /// Makes `layout` in `scratch`, in which the image is called `image`.
    private func provideLayout(
        _ reference: ImageReference, _ digest: String, in scratch: String, limit: Int, _ cancellation: Cancellation
    ) throws(ImageError) {
        if let layout = ImageLayout(of: reference, in: configuration.layouts), layout.has(digest) {
            return try layout.alias(digest, at: scratch + "/layout")
        }
        let limits = ImageTree.Limits(bytes: limit + Self.layoutSlack)
        try registry(of: reference).copy(digest, in: scratch, limits: limits, time: Self.downloadTime, cancellation)
    }

    private static func unpackLayout(
        in scratch: String, limit: Int, _ cancellation: Cancellation
    ) throws(ImageError) {
        let limits = ImageTree.Limits(bytes: limit)
        let tree = ImageTree(path: scratch + "/rootfs")
        var watch = Watch(tree, limits)
        // Names alone: a path may have characters that separate it from the tag.
        let outcome = try HostTool("umoci").run(
            ["raw", "unpack", "--rootless", "--image", "layout:image", "rootfs"], in: scratch, outputLimit: 1 << 20,
            time: unpackTime, cancellation
        ) { () throws(ImageError) in try watch.look() }
        guard outcome.status == 0 else { throw .invalid(reason: "umoci: \(outcome.errors.suffix(400))") }
        try tree.open()
        try tree.check(limits)
    }

    /// Gives a finished tree its name.
    private static func install(_ tree: String, at destination: String) throws(ImageError) {
        do throws(SystemCallError) {
            let root = Descriptor(owning: try checked("open", tree) { open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
            try checkedDirect("syncfs", tree, apus_sync_file_system(root.number))
            do throws(SystemCallError) {
                try checked("rename", destination) { rename(tree, destination) }
            } catch  where error.errno == EEXIST || error.errno == ENOTEMPTY {
                return
            }
            let parent = destination + "/.."
            let directory = Descriptor(
                owning: try checked("open", parent) { open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
            try checked("fsync", parent) { fsync(directory.number) }
        } catch {
            throw .unavailable(reason: "\(error)")
        }
    }

    // MARK: Helpers

    /// Runs `body` with a new directory below `parent`, which is removed with all that is then in it. What a process
    /// that died leaves is swept with the leftovers of zip files.
    private static func withScratch<Value>(
        in parent: String, _ body: (String) throws(ImageError) -> Value
    ) throws(ImageError) -> Value {
        let path = "\(parent)/\(ZipExtractor.incomingPrefix)image-\(String(UInt64.random(in: 0 ... .max), radix: 16))"
        guard mkdir(path, 0o700) == 0 else {
            throw .unavailable(reason: "mkdir \(path): \(SystemCallError.text(errno))")
        }
        defer { try? ZipExtractor.remove(path) }
        return try body(path)
    }

    /// Runs blocking work that ends soon after its caller's task is cancelled.
    private func run<Value: Sendable>(
        on queue: BlockingQueue, _ body: @escaping @Sendable (Cancellation) throws(ImageError) -> Value
    ) async throws(ImageError) -> Value {
        let cancellation = Cancellation()
        let result = await withTaskCancellationHandler {
            await queue.run { () -> Result<Value, ImageError> in
                Result { () throws(ImageError) in try body(cancellation) }
            }
        } onCancel: {
            cancellation.cancel()
        }
        return try result.get()
    }
}

/// Looks at a growing tree, but no more than a sixth of the time.
struct Watch {
    private let tree: ImageTree
    private let limits: ImageTree.Limits
    private var next = ContinuousClock.now

    init(_ tree: ImageTree, _ limits: ImageTree.Limits) {
        self.tree = tree
        self.limits = limits
    }

    mutating func look() throws(ImageError) {
        let begin = ContinuousClock.now
        guard begin >= next, access(tree.path, F_OK) == 0 else { return }
        try tree.check(limits)
        let end = ContinuousClock.now
        next = end + (end - begin) * 5
    }
}
