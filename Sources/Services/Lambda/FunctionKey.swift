import AWSWire
import LambdaModel

/// Which function: account and region are part of the key of everything.
struct FunctionKey: Hashable, Sendable {
    var account: String
    var region: String
    var name: String

    /// The ARN without a qualifier.
    var arn: String { "arn:\(Self.partition(of: region)):lambda:\(region):\(account):function:\(name)" }

    func arn(qualifier: String?) -> String {
        guard let qualifier else { return arn }
        return "\(arn):\(qualifier)"
    }

    /// The ARN's second word, which follows from the region.
    static func partition(of region: String) -> String { ARN.partition(of: region) }
}

/// The function that a request is about, and the qualifier that it was named with.
struct FunctionTarget: Hashable, Sendable {
    var key: FunctionKey
    var qualifier: String?

    init(_ key: FunctionKey, qualifier: String? = nil) {
        self.key = key
        self.qualifier = qualifier
    }

    /// The ARN as the caller qualified it.
    var arn: String { key.arn(qualifier: qualifier) }

    /// Whether this is what UpdateFunctionCode changes.
    var isLatest: Bool { qualifier == nil || qualifier == Version.latest }

    /// Reads what a request says. The order of the checks is AWS's: the account, the region, then the qualifiers.
    ///
    /// - Parameters:
    ///   - text: The decoded `FunctionName`.
    ///   - qualifier: The request's `Qualifier`.
    ///   - action: The IAM action (`GetFunction`), for the text of a refusal.
    /// - Throws: ``AWSError``, as AWS refuses such a name.
    init(_ text: String, qualifier: String? = nil, caller: Caller, action: String) throws(AWSError) {
        guard let name = FunctionName(text) else {
            throw .validation(
                "Value '\(text)' at 'functionName' failed to satisfy constraint: Member must satisfy regular "
                    + "expression pattern: \(FunctionName.pattern)")
        }
        try self.init(name, qualifier: qualifier, caller: caller, action: action)
    }

    init(_ name: FunctionName, qualifier: String?, caller: Caller, action: String) throws(AWSError) {
        let isHere = name.region == nil || name.region == caller.region
        if isHere, let account = name.account, account != caller.account.digits {
            let key = FunctionKey(account: account, region: caller.region, name: name.name)
            throw .accessDenied(caller: caller, action: action, resource: key.arn)
        }
        try self.init(reaching: name, qualifier: qualifier, caller: caller)
    }

    /// As the others, but for a function of any account: the caller has to be authorized to reach it.
    init(reaching name: FunctionName, qualifier: String?, caller: Caller) throws(AWSError) {
        if let region = name.region, region != caller.region {
            throw LambdaError.resourceNotFound(
                message: "Functions from '\(region)' are not reachable in this region ('\(caller.region)')")
        }
        if let derived = name.qualifier, let qualifier, derived != qualifier {
            throw LambdaError.invalidParameterValue(
                message: "The derived qualifier from the function name does not match the specified qualifier.")
        }
        key = FunctionKey(account: name.account ?? caller.account.digits, region: caller.region, name: name.name)
        self.qualifier = qualifier ?? name.qualifier
    }

    /// - Returns: nil unless `arn` is a full ARN of a function, with or without a qualifier.
    init?(arn text: String) {
        guard let arn = ARN(text), arn.service == "lambda", arn.resource.hasPrefix("function:"),
            let name = FunctionName(text), let region = name.region, let account = name.account
        else { return nil }
        self.init(FunctionKey(account: account, region: region, name: name.name), qualifier: name.qualifier)
    }

    /// Refuses a version or an alias where AWS takes the function alone.
    func requireUnqualified() throws(AWSError) {
        guard qualifier != nil else { return }
        throw LambdaError.invalidParameterValue(
            message: "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
                + "operation. Please specify either a function name or an unqualified function ARN.")
    }
}
