import AWSWire
import LambdaModel
import Storage

extension LambdaService {
    func putFunctionConcurrency(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.PutFunctionConcurrencyRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(input.functionName, caller: request.caller, action: "PutFunctionConcurrency")
        try target.requireUnqualified()
        let executions = input.reservedConcurrentExecutions
        let quotas = quotas
        try await reserve(executions, for: target.key) { functions, record in
            let key = record.key
            let provisioned = try functions.provisionedConcurrency(of: key)
            guard executions >= provisioned else { throw Self.tooLittle(executions, provisioned) }
            let others = try functions.claimedConcurrency(account: key.account, region: key.region, except: key.name)
            let (rest, overflow) = (quotas.concurrentExecutions - others).subtractingReportingOverflow(executions)
            // Nothing can be reserved at any time, as in test_lambda_concurrency_crud.
            guard executions == 0 || !overflow && rest >= quotas.minimumUnreservedExecutions else {
                throw Self.tooMuch(quotas)
            }
        }
        return Lambda.Concurrency(reservedConcurrentExecutions: executions).encode()
    }

    func getFunctionConcurrency(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.GetFunctionConcurrencyRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(input.functionName, caller: request.caller, action: "GetFunctionConcurrency")
        try target.requireUnqualified()
        let record = try await record(target)
        return Lambda.GetFunctionConcurrencyResponse(
            reservedConcurrentExecutions: record.reservedConcurrency
        ).encode()
    }

    func deleteFunctionConcurrency(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse {
        let input = try Lambda.DeleteFunctionConcurrencyRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(input.functionName, caller: request.caller, action: "DeleteFunctionConcurrency")
        try target.requireUnqualified()
        try await reserve(nil, for: target.key) { _, _ in }
        return .empty(204)
    }

    /// - Parameter check: Throws when the reservation must not be made.
    private func reserve(
        _ executions: Int?, for key: FunctionKey,
        _ check: @escaping @Sendable (FunctionRepository, FunctionRecord) throws -> Void
    ) async throws {
        let setReservedConcurrency = setReservedConcurrency
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            // As recorded in test_function_concurrency_exceptions, AWS names the version here.
            guard var record = try functions.find(key) else {
                throw AWSError.functionNotFound(key.arn(qualifier: "$LATEST"))
            }
            try check(functions, record)
            record.reservedConcurrency = executions
            try functions.save(record)
            // Writes are serialised: from here the fleet hears of them in the order of the store.
            setReservedConcurrency(key.account, key.region, key.name, executions)
        }
        cache.invalidate(key)
    }

    /// Recorded in test_reserved_provisioned_overlap, spaces and all, without a `Type`.
    private static func tooLittle(_ executions: Int, _ provisioned: Int) -> AWSError {
        AWSError(
            code: "InvalidParameterValueException",
            message:
                " ReservedConcurrentExecutions  \(executions) should not be lower than function's total provisioned "
                + "concurrency [\(provisioned)].",
            status: 400)
    }

    /// Recorded in test_function_concurrency_limits, without a `Type`.
    private static func tooMuch(_ quotas: Quotas) -> AWSError {
        AWSError(
            code: "InvalidParameterValueException",
            message: "Specified ReservedConcurrentExecutions for function decreases account's "
                + "UnreservedConcurrentExecution below its minimum value of [\(quotas.minimumUnreservedExecutions)].",
            status: 400)
    }
}
