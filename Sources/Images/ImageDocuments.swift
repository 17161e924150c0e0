import Crypto
import FoundationEssentials

/// The documents that describe an image: what this server reads of them.
/// https://github.com/opencontainers/image-spec
enum ImageDocuments {
    /// A reference to other content by its digest.
    struct Descriptor: Codable, Hashable {
        var mediaType: String
        var digest: String
        var size: Int
        var annotations: [String: String]?

        /// The digits of a SHA-256; nil for any other digest.
        var hex: String? {
            digest.hasPrefix("sha256:") && ImageReference.isDigest(digest.dropFirst(7))
                ? String(digest.dropFirst(7)) : nil
        }
    }

    struct Index: Codable {
        var schemaVersion = 2
        var manifests: [Descriptor]
    }

    struct Manifest: Decodable {
        var mediaType: String?
        var config: Descriptor
        var layers: [Descriptor]
    }

    struct Configuration: Decodable {
        struct Process: Decodable {
            // Named as they are on the wire, in both kinds of configuration.
            var Entrypoint: [String]?
            var Cmd: [String]?
            var Env: [String]?
            var WorkingDir: String?
        }
        var os: String?
        var config: Process?
    }

    static let refName = "org.opencontainers.image.ref.name"
    static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    /// Manifests, configurations and layers that run; first those of OCI, then those of Docker.
    static let manifestTypes = [manifestType, "application/vnd.docker.distribution.manifest.v2+json"]
    static let configurationTypes = [
        "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
    ]
    static let layerTypes = [
        "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ]

    /// No document is larger, bytes.
    static let limit = 4 << 20

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(ImageError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw .invalid(reason: "its \(type) cannot be read")
        }
    }

    static func encode(_ index: Index) throws(ImageError) -> [UInt8] {
        do {
            return Array(try JSONEncoder().encode(index))
        } catch {
            throw .unavailable(reason: "\(error)")
        }
    }

    /// SHA-256 in lower-case hexadecimal digits.
    static func digest(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let hash = SHA256.hash(data: bytes)
        return String(decoding: hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

extension ImageDocuments.Manifest {
    /// The manifest in `bytes`, if it is one of an image that runs.
    init(checking bytes: [UInt8]) throws(ImageError) {
        struct Kind: Decodable {
            var mediaType: String?
            var manifests: [ImageDocuments.Descriptor]?
        }
        let kind = try ImageDocuments.decode(Kind.self, bytes)
        guard kind.manifests == nil,
            ImageDocuments.manifestTypes.contains(kind.mediaType ?? ImageDocuments.manifestType)
        else { throw .unsupportedMediaType }
        self = try ImageDocuments.decode(Self.self, bytes)
        guard ImageDocuments.configurationTypes.contains(config.mediaType),
            layers.allSatisfy({ ImageDocuments.layerTypes.contains($0.mediaType) })
        else { throw .unsupportedMediaType }
        guard config.hex != nil, layers.allSatisfy({ $0.hex != nil && $0.size >= 0 }) else {
            throw .invalid(reason: "its manifest has digests of an unknown kind")
        }
    }
}

/// What a reference stood for when it was looked at.
package struct ResolvedImage: Sendable, Hashable {
    /// SHA-256 of the manifest, 64 hexadecimal digits.
    package var digest: String
    package var entryPoint: [String]
    package var command: [String]
    /// `NAME=value` each.
    package var environment: [String]
    /// Empty when the image names none.
    package var workingDirectory: String

    package init(
        digest: String, entryPoint: [String] = [], command: [String] = [], environment: [String] = [],
        workingDirectory: String = ""
    ) {
        self.digest = digest
        self.entryPoint = entryPoint
        self.command = command
        self.environment = environment
        self.workingDirectory = workingDirectory
    }

    init(digest: String, configuration bytes: [UInt8]) throws(ImageError) {
        let document = try ImageDocuments.decode(ImageDocuments.Configuration.self, bytes)
        if let os = document.os, os != "linux" { throw .unsupportedMediaType }
        let process = document.config
        self.init(
            digest: digest, entryPoint: process?.Entrypoint ?? [], command: process?.Cmd ?? [],
            environment: process?.Env ?? [], workingDirectory: process?.WorkingDir ?? "")
    }
}
