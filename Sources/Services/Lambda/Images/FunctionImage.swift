import Images
import LambdaModel
import Runtimes
import Storage

/// The container image of a function, as it was when the code was last set: what its tag is given to later makes no
/// difference.
struct FunctionImage: Codable, Hashable, Sendable {
    /// `ImageConfig`: what takes the place of the image's own. Nil leaves that.
    struct Overrides: Codable, Hashable, Sendable {
        var entryPoint: [String]?
        var command: [String]?
        var workingDirectory: String?
    }

    /// `ImageUri` as the caller wrote it.
    var uri: String
    /// SHA-256 of the manifest, 64 hexadecimal digits.
    var digest: String
    var entryPoint: [String]
    var command: [String]
    /// `NAME=value` each.
    var environment: [String]
    var workingDirectory: String
    var overrides: Overrides?

    init(uri: String, _ image: ResolvedImage) {
        self.uri = uri
        digest = image.digest
        entryPoint = image.entryPoint
        command = image.command
        environment = image.environment
        workingDirectory = image.workingDirectory
    }

    var reference: ImageReference? { ImageReference(uri) }
    var resolvedURI: String? { reference?.pinned(to: digest) }

    private static let treePrefix = "image-"

    /// The name of the unpacked tree.
    var tree: String { Self.treePrefix + digest }

    /// Whether a directory's name is one of these.
    static func isTree(_ name: String) -> Bool {
        name.hasPrefix(treePrefix) && BlobID(name.dropFirst(treePrefix.count)) != nil
    }

    /// What environments start. As with other tools, another entry point is not given the image's own command.
    var runtime: ResolvedRuntime {
        let hasEntryPoint = overrides?.entryPoint?.isEmpty == false
        let variables: [(name: String, value: String)] = environment.compactMap { pair in
            guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else { return nil }
            return (String(pair[..<equals]), String(pair[pair.index(after: equals)...]))
        }
        return .image(
            entryPoint: hasEntryPoint ? overrides?.entryPoint ?? [] : entryPoint,
            command: Self.choice(overrides?.command, hasEntryPoint ? [] : command),
            workingDirectory: Self.choice(overrides?.workingDirectory, workingDirectory), environment: variables)
    }

    /// What the caller says, unless that is empty.
    private static func choice<Value: Collection>(_ value: Value?, _ standard: Value) -> Value {
        if let value, !value.isEmpty { value } else { standard }
    }
}

extension FunctionImage.Overrides {
    /// What a request says; nil when it says nothing, as recorded for an empty `ImageConfig` in
    /// test_lambda_image_and_image_config_crud.
    init?(_ config: Lambda.ImageConfig?) {
        guard let config, config.entryPoint != nil || config.command != nil || config.workingDirectory != nil else {
            return nil
        }
        self.init(
            entryPoint: config.entryPoint, command: config.command, workingDirectory: config.workingDirectory)
    }

    var answer: Lambda.ImageConfigResponse {
        Lambda.ImageConfigResponse(
            imageConfig: Lambda.ImageConfig(
                entryPoint: entryPoint, command: command, workingDirectory: workingDirectory))
    }
}

extension FunctionSettings {
    /// The settings with this code and no other.
    mutating func setCode(_ accepted: CodeStore.Accepted) {
        code = accepted.code
        codeSize = accepted.size
        signature = accepted.signature
        let overrides = image?.overrides
        image = accepted.image
        if image?.overrides == nil { image?.overrides = overrides }
    }
}
