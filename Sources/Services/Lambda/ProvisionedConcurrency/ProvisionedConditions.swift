import AWSWire
import LambdaModel
import Storage

/// What may be provisioned.
extension AWSError {
    static var unpublishedProvisioned: AWSError {
        LambdaError.invalidParameterValue(
            message: "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    }

    fileprivate static var alreadyProvisioned: AWSError {
        LambdaError.resourceConflict(
            message: "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
    }
}

extension FunctionRepository {
    /// The version or alias must be there: in the words recorded in test_provisioned_concurrency_exceptions, which do
    /// not tell whether there is the function.
    func requireProvisionableVersion(_ target: FunctionTarget) throws {
        let qualifier = target.qualifier ?? ""
        if Version.number(qualifier) != nil {
            guard try find(target.key, version: qualifier) != nil else {
                throw AWSError.functionNotFound(target.arn)
            }
        } else if try alias(qualifier, of: target.key) == nil {
            throw LambdaError.resourceNotFound(message: "Cannot find alias arn: \(target.arn)")
        }
    }

    /// Of a version only one configuration at a time counts: its own, or that of one alias that points to it. The words
    /// are those recorded in test_lambda_provisioned_lifecycle; those for an alias with weights are AWS's too.
    func requireProvisionable(_ target: FunctionTarget) throws {
        try requireProvisionableVersion(target)
        let qualifier = target.qualifier ?? ""
        guard let alias = try alias(qualifier, of: target.key) else {
            if try find(target.key, version: qualifier)?.isSnapStart == true { throw AWSError.provisionedSnapStart }
            if try provisionedAlias(reaching: qualifier, of: target.key, except: "") {
                throw LambdaError.resourceConflict(message: "Version is pointed by a Provisioned Concurrency alias")
            }
            return
        }
        guard alias.weights.isEmpty else {
            throw LambdaError.invalidParameterValue(
                message: "Alias with weights can not be used with Provisioned Concurrency")
        }
        try requireUnprovisionedVersions(of: alias)
    }

    /// An alias that has provisioned concurrency may be pointed only to versions that have none.
    func requireProvisionable(_ alias: AliasRecord) throws {
        guard try attached(ProvisionedConcurrency.self, to: alias.key, qualifier: alias.name) != nil else { return }
        try requireUnprovisionedVersions(of: alias)
    }

    private func requireUnprovisionedVersions(of alias: AliasRecord) throws {
        for version in [alias.version] + alias.weights.keys {
            if version == Version.latest { throw AWSError.unpublishedProvisioned }
            if try find(alias.key, version: version)?.isSnapStart == true { throw AWSError.provisionedSnapStart }
            if try attached(ProvisionedConcurrency.self, to: alias.key, qualifier: version) != nil
                || provisionedAlias(reaching: version, of: alias.key, except: alias.name)
            {
                throw AWSError.alreadyProvisioned
            }
        }
    }

    /// Whether an alias with provisioned concurrency has invocations run by a version.
    private func provisionedAlias(reaching version: String, of key: FunctionKey, except name: String) throws -> Bool {
        try aliases(of: key, version: nil).contains { alias in
            guard alias.name != name, alias.version == version || alias.weights[version] != nil else { return false }
            return try attached(ProvisionedConcurrency.self, to: key, qualifier: alias.name) != nil
        }
    }

    /// Provisioned concurrency comes out of the function's reservation, or else of what the account has left. The words
    /// are those recorded in test_provisioned_concurrency_limits and test_reserved_provisioned_overlap; the errors
    /// about the account come without their `Type`.
    func requireRoom(
        forProvisioned executions: Int, at target: FunctionTarget, quotas: Quotas
    ) throws {
        let key = target.key
        let others = try provisionedConcurrency(of: key, except: target.qualifier ?? "")
        let (total, overflow) = others.addingReportingOverflow(executions)
        if let reserved = try find(key)?.reservedConcurrency {
            guard !overflow, total <= reserved else {
                throw LambdaError.invalidParameterValue(
                    message: "Requested Provisioned Concurrency should not be greater than the "
                        + "reservedConcurrentExecution for function")
            }
            return
        }
        let left =
            try quotas.concurrentExecutions - others
            - claimedConcurrency(account: key.account, region: key.region, except: key.name)
        guard executions <= left else {
            throw Self.tooMuch("is greater than account's unreserved concurrency [\(left)].")
        }
        guard left - executions >= quotas.minimumUnreservedExecutions else {
            throw Self.tooMuch(
                "decreases account's UnreservedConcurrentExecution below its minimum value of "
                    + "[\(quotas.minimumUnreservedExecutions)].")
        }
    }

    private static func tooMuch(_ text: String) -> AWSError {
        AWSError(
            code: "InvalidParameterValueException", message: "Specified ConcurrentExecutions for function " + text,
            status: 400)
    }
}
