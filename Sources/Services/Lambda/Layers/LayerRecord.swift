import AWSWire
import Crypto
import Storage

/// One version of a layer as it is stored.
struct LayerVersionRecord: Hashable, Sendable {
    var key: LayerKey
    var version: Int
    var description: String
    var license: String?
    /// Nil when the publisher said nothing: the answers then have no `CompatibleRuntimes`.
    var runtimes: [String]?
    var architectures: [String]?
    /// SHA-256 of the zip file, in hex.
    var code: String
    /// Bytes of the zip file.
    var codeSize: Int
    /// Milliseconds since 1970.
    var created: Int64
    /// Nil when the code is not signed.
    var signature: CodeSignature?
    /// Nil when nobody was given permission.
    var policy: LayerPolicy?

    var arn: String { key.arn(version: version) }

    /// What a function that has it keeps of it.
    var reference: LayerReference { LayerReference(arn: arn, code: code, codeSize: codeSize, signature: signature) }
}

/// A layer of a function. It has all that the function needs: the version may be deleted.
struct LayerReference: Codable, Hashable, Sendable {
    /// The version's.
    var arn: String
    /// SHA-256 of the zip file, in hex.
    var code: String
    /// Bytes of the zip file.
    var codeSize: Int
    /// Nil when the code is not signed.
    var signature: CodeSignature?
}

extension LayerReference {
    private static let treePrefix = "layers-"

    /// The name of the tree that has the content of these layers, the last one on top; nil without layers.
    static func tree(_ layers: [LayerReference]) -> String? {
        guard !layers.isEmpty else { return nil }
        let digests = layers.map(\.code).joined(separator: ",")
        return treePrefix + Hexadecimal.encode(SHA256.hash(data: Array(digests.utf8)))
    }

    /// Whether a directory's name is one of these.
    static func isTree(_ name: String) -> Bool {
        name.hasPrefix(treePrefix) && BlobID(String(name.dropFirst(treePrefix.count))) != nil
    }
}

extension FunctionSettings {
    /// The settings with these layers and no others.
    mutating func setLayers(_ references: [LayerReference]) {
        layers = references.isEmpty ? nil : references
        opt = LayerReference.tree(references)
    }

    /// All content that environments with these settings mount, or that it is made from.
    var contents: [String] { [code] + (layers ?? []).map(\.code) + (opt.map { [$0] } ?? []) }
}

extension CodeStore {
    /// Nobody may refer to what these settings name any more.
    func discard(_ settings: FunctionSettings) {
        for content in settings.contents { discard(content) }
    }
}
