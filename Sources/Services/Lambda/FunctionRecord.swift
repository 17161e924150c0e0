/// What a function's configuration says: everything that UpdateFunctionCode and UpdateFunctionConfiguration change.
/// Kept as JSON; a member that a later version adds must be optional.
struct FunctionSettings: Codable, Hashable, Sendable {
    /// A runtime identifier, such as `python3.13`. Empty for an image, as is the handler.
    var runtime: String
    var handler: String
    var roleARN: String
    var description: String
    var timeoutSeconds: Int
    var memoryMiB: Int
    var ephemeralStorageMiB: Int
    /// Environment variables in plain text, on their way into ``sealedVariables``.
    var variables: [String: String]?
    /// The environment variables, encrypted. Nil when the function was never given any: the answer then has no
    /// `Environment`.
    var sealedVariables: String?
    /// `x86_64` or `arm64`.
    var architecture: String
    /// SHA-256 of the zip file, in hex: the name of its blob and of its unpacked tree. For an image the name of its
    /// tree.
    var code: String
    /// Bytes of the zip file.
    var codeSize: Int
    /// Nil when the code is not signed.
    var signature: CodeSignature?
    /// Nil for a zip file.
    var image: FunctionImage?
    /// Its layers in the order in which they are laid over each other; nil without any.
    var layers: [LayerReference]?
    /// The name of the tree that has the layers' content: what environments see at `/opt`. Nil without layers.
    var opt: String?
    var logGroup: String
    /// Nil when all of them are AWS's defaults.
    var options: FunctionOptions?
    /// Changes with every change of code or configuration and with nothing else: which environments may serve.
    var deployment: String
}

/// Why something is as it is: AWS's reason and its code.
struct StateReason: Hashable, Sendable {
    /// Such as `Creating`, `InternalError`, `InvalidRuntime`.
    var code: String
    var text: String

    static let creating = StateReason(code: "Creating", text: "The function is being created.")
}

/// The names of versions.
enum Version {
    static let latest = "$LATEST"

    /// The number of a published version; nil for `$LATEST` and for what is the name of an alias.
    static func number(_ qualifier: String) -> Int? {
        let isNumber = !qualifier.isEmpty && qualifier.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isNumber ? Int(qualifier) : nil
    }
}

/// One function as it is stored: `$LATEST`, or one of its published versions.
struct FunctionRecord: Hashable, Sendable {
    /// `State` of the answers.
    enum State: Hashable, Sendable {
        case pending
        case active
        case failed(StateReason)
    }
    /// `LastUpdateStatus` of the answers.
    enum UpdateStatus: Hashable, Sendable {
        /// Not created yet: the answer has no `LastUpdateStatus`.
        case none
        case inProgress
        case successful
        case failed(StateReason)
    }

    var key: FunctionKey
    /// `$LATEST` or the number of a published version, whose settings never change.
    var version = Version.latest
    /// What Get answers and the next environments will run.
    var settings: FunctionSettings
    /// What invocations run: the last settings whose code was put in place; nil until the first were.
    var serving: FunctionSettings?
    var state: State
    var updateStatus: UpdateStatus
    /// New on every change of anything.
    var revisionID: String
    /// Milliseconds since 1970.
    var lastModified: Int64
    var tags: [String: String]
    /// Nil when nothing is reserved; zero stops every invocation.
    var reservedConcurrency: Int?
    /// The number that the next published version will have. No number is used twice.
    var nextVersion = 1
    /// Which of the functions that have had this name: drawn when it was made, 0 for those from before there was such
    /// a number.
    var creation: Int64 = 0

    var arn: String { key.arn }
}
