import AWSWire
import LambdaModel

/// Which layer: names are unique within an account and region.
struct LayerKey: Hashable, Sendable {
    var account: String
    var region: String
    var name: String

    var arn: String { "arn:\(FunctionKey.partition(of: region)):lambda:\(region):\(account):layer:\(name)" }

    func arn(version: Int) -> String { "\(arn):\(version)" }
}

extension LayerKey {
    /// A layer of the caller's own account.
    ///
    /// - Parameters:
    ///   - text: The decoded `LayerName`, a name or an ARN, whose pattern was checked.
    ///   - action: The IAM action, for the text of a refusal.
    /// - Throws: `ResourceNotFoundException` for another region, `AccessDeniedException` for another account.
    init(_ text: String, caller: Caller, action: String) throws(AWSError) {
        try self.init(text, caller: caller)
        guard account == caller.account.digits else {
            throw .accessDenied(caller: caller, action: action, resource: arn)
        }
    }

    /// A layer of any account.
    init(_ text: String, caller: Caller) throws(AWSError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 7 else {
            self.init(account: caller.account.digits, region: caller.region, name: text)
            return
        }
        self.init(account: parts[4], region: parts[3], name: parts[6])
        guard region == caller.region else {
            throw LambdaError.resourceNotFound(
                message: "Layers from '\(region)' are not reachable in this region ('\(caller.region)')")
        }
    }
}

/// A version's ARN, taken apart.
struct LayerVersionName: Hashable, Sendable {
    var key: LayerKey
    var version: Int

    /// - Returns: nil for anything but `arn:PARTITION:lambda:REGION:ACCOUNT:layer:NAME:VERSION`.
    init?(arn: String) {
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 8, parts[0] == "arn", parts[2] == "lambda", parts[5] == "layer",
            parts[7].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let version = Int(parts[7])
        else { return nil }
        self.version = version
        key = LayerKey(account: parts[4], region: parts[3], name: parts[6])
    }
}
