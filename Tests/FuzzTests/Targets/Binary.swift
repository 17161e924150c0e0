import AWSWire
import Archive
import FoundationEssentials
import NIOCore
import Signing

@testable import Images
@testable import Sandbox

extension FuzzTarget {
    /// Messages are the same wherever the stream is cut, and their bytes are those that we would write.
    static let eventStream = FuzzTarget("event-stream") { input in
        var choices = Choices(input)
        let pieces = choices.pieces()
        let whole = messages(in: [Array(choices.rest)])
        let cut = messages(in: pieces)
        try hold(whole.messages == cut.messages && whole.failure == cut.failure, "\(whole) is not \(cut)")
        var written = ByteBuffer()
        for message in whole.messages { written.writeImmutableBuffer(message.encoded()) }
        try hold(choices.rest.starts(with: written.readableBytesView), "\(whole.messages) were not what came")
    }

    private static func messages(in pieces: [[UInt8]])
        -> (messages: [EventStreamMessage], failure: EventStreamDecoder.Failure?)
    {
        var decoder = EventStreamDecoder()
        var messages: [EventStreamMessage] = []
        for piece in pieces {
            decoder.append(ByteBuffer(bytes: piece))
            do {
                while let message = try decoder.next() { messages.append(message) }
            } catch {
                return (messages, error)
            }
        }
        return (messages, nil)
    }

    /// A zip is unpacked when it can be summed up, within the limits, and into its own directory.
    static let zip = FuzzTarget("zip") { input in
        let limits = ZipExtractor.Limits(unzippedBytes: 1 << 20, entries: 64)
        let manifest = try? input.withUnsafeBytes { zip in
            try ZipManifest(of: zip, without: "META-INF/x", longest: 64, limits: limits)
        }
        if let omitted = manifest?.omitted { try hold(omitted.count <= 65, "\(omitted.count) bytes are kept of 64") }
        let folder = try Folder()
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let summary = try? ZipExtractor(limits: limits).extract(input, to: "\(folder.path)/unpacked")
        try hold((summary == nil) == (manifest == nil), "unpacked: \(summary != nil), summed up: \(manifest != nil)")
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        try hold(left == (summary == nil ? [] : ["unpacked"]), "beside the directory: \(left)")
        guard let summary else { return }
        try hold(summary.unzippedBytes <= limits.unzippedBytes && summary.entries <= limits.entries, "\(summary)")
        // Signing it changes nothing of it.
        let sealed = try? input.withUnsafeBytes { zip in
            try ZipSeal.add(to: zip, at: "META-INF/x", limits: limits) { (_) in Array("seal".utf8) }
        }
        guard let sealed else { return }
        let again = try? sealed.withUnsafeBytes { zip in
            try ZipManifest(of: zip, without: "META-INF/x", longest: 64, limits: limits)
        }
        try hold(again?.digest == manifest?.digest, "sealing changed it")
        try hold(again?.omitted == Array("seal".utf8), "the seal is \(again?.omitted ?? [])")
    }

    /// Nobody's signature is anybody's.
    static let packageSignature = FuzzTarget("package-signature") { input in
        guard let signature = try? PackageSignature(input) else { return }
        try hold(input.count <= PackageSignature.longest, "\(input.count) bytes are read")
        try hold(signature.claims.manifest.count == 32, "\(signature.claims)")
        guard let key = publicKey else { throw Violation("the key cannot be read") }
        try hold(!signature.isMade(by: key), "forged: \(signature)")
    }

    /// Its other half was thrown away.
    private static let publicKey = PackageKey(
        pem: """
            -----BEGIN PUBLIC KEY-----
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkOxsJ60nFOJqfJ/SS22IdIJZNwhP
            5uJn4/vruinh550a5S1nyRByHF1DovdfOmP2ywmHfTW+wo9TpfB1asWeOQ==
            -----END PUBLIC KEY-----
            """)

    /// The documents of container images, and references to them.
    static let imageDocuments = FuzzTarget("image-documents") { input in
        if let manifest = try? ImageDocuments.Manifest(checking: input) {
            for part in [manifest.config] + manifest.layers {
                try hold(part.hex.map { ImageReference.isDigest($0) } ?? false, "\(part) is no path's name")
            }
        }
        _ = try? ResolvedImage(digest: "0", configuration: input)
        if let index = try? ImageDocuments.decode(ImageDocuments.Index.self, input) {
            let written = try ImageDocuments.encode(index)
            let again = try? ImageDocuments.decode(ImageDocuments.Index.self, written)
            try hold(again?.manifests == index.manifests, "an index is written as another")
        }
        guard let reference = ImageReference(String(decoding: input, as: UTF8.self)) else { return }
        let parts = [reference.registry, reference.repository, reference.tag ?? "", reference.digest ?? ""]
        for part in parts {
            let components = part.split(separator: "/", omittingEmptySubsequences: false)
            let isPlain = components.allSatisfy { !$0.hasPrefix(".") && !$0.hasPrefix("-") } && !part.hasPrefix("/")
            try hold(isPlain && !part.utf8.contains { $0 <= 0x20 }, "\(part) of \(reference)")
        }
    }

    /// What the launcher takes keeps to its bounds, which its own packets do.
    static let launcherPackets = FuzzTarget("launcher-packets") { input in
        let problem = LauncherRequest.problem(in: input)
        let request = input.withUnsafeBytes { try? LauncherRequest(decoding: $0) }
        try hold((problem == nil) == (request != nil), "refused for \(problem ?? "nothing")")
        switch request {
        case .start(let start), .expect(let start):
            let ranges = start.arguments + start.environment + start.bootEnvironment + [start.workingDirectory]
            for range in ranges + (start.fallback.map { [$0] } ?? []) {
                try hold(range.upperBound < input.count && input[range.upperBound] == 0, "\(range) of \(input.count)")
                try hold(!input[range].contains(0), "a text with a zero at \(range)")
            }
            for name in [start.code, start.layers, start.fileSystem?.name, start.fileSystem?.place] {
                guard let name else { continue }
                try hold(!name.isEmpty && !name.contains("/") && name != "." && name != "..", "\(name) is a path")
            }
            try hold(start.limits.processes <= 32_768 && start.limits.memoryMiB <= 1 << 20, "\(start.limits)")
        case .kill(let id): try hold(LauncherRequest.encodeKill(id: id) == input, "another kill \(id)")
        case .settle(let id): try hold(LauncherRequest.encodeSettle(id: id) == input, "another settle \(id)")
        case .raise(let id): try hold(LauncherRequest.encodeRaise(id: id) == input, "another raise \(id)")
        case .terminate(let id): try hold(LauncherRequest.encodeTerminate(id: id) == input, "another terminate \(id)")
        case .socket(let id, let port):
            try hold(LauncherRequest.encodeSocket(id: id, datagramPort: port) == input, "another socket \(id) \(port)")
        case .endSpares: try hold(LauncherRequest.encodeEndSpares() == input, "another end of spares")
        case nil: break
        }
        if let report = input.withUnsafeBytes({ try? LauncherReport(decoding: $0) }) {
            let again = report.encoded().withUnsafeBytes { try? LauncherReport(decoding: $0) }
            try hold(again == report, "\(report) becomes another")
        }
    }
}

/// A new directory, in memory where that can be had: syncing is not what is tried here.
private struct Folder {
    let path: String

    init() throws {
        let parent = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : "/tmp"
        path = "\(parent)/apus-fuzz-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }
}
