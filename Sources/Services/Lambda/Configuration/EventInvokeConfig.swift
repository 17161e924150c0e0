import AWSWire
import LambdaModel
import Storage

/// How asynchronous invocations of a function, a version or an alias are retried, and where their outcomes go:
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
struct EventInvokeConfig: Attachment, Hashable {
    static let kind = "event-invoke-config"

    /// From 0 to 2; nil stands for AWS's default, 2.
    var maximumRetryAttempts: Int?
    /// From 60 to 21,600 seconds; nil stands for AWS's default, 21,600.
    var maximumEventAgeSeconds: Int?
    /// The ARN that is told of successes; nil when none is.
    var onSuccess: String?
    /// The ARN that is told of failures; nil when none is.
    var onFailure: String?
    /// Milliseconds since 1970.
    var lastModified: Int64

    /// Takes the destinations that a request names. An empty name stands for none.
    fileprivate mutating func setDestinations(_ destinations: Lambda.DestinationConfig) {
        onSuccess = destinations.onSuccess?.destination.flatMap { $0.isEmpty ? nil : $0 }
        onFailure = destinations.onFailure?.destination.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// As every operation answers it: both destinations are there, empty or not, and the ARN has a qualifier.
    fileprivate func answer(_ target: FunctionTarget) -> Lambda.FunctionEventInvokeConfig {
        Lambda.FunctionEventInvokeConfig(
            lastModified: Double(lastModified) / 1000, functionArn: target.arn,
            maximumRetryAttempts: maximumRetryAttempts, maximumEventAgeInSeconds: maximumEventAgeSeconds,
            destinationConfig: Lambda.DestinationConfig(
                onSuccess: Lambda.OnSuccess(destination: onSuccess),
                onFailure: Lambda.OnFailure(destination: onFailure)))
    }
}

extension LambdaService {
    func putFunctionEventInvokeConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse
    {
        let input = try Lambda.PutFunctionEventInvokeConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller,
            action: "PutFunctionEventInvokeConfig"
        ).qualified
        try Self.requireChange(
            input.maximumRetryAttempts, input.maximumEventAgeInSeconds, input.destinationConfig)
        let config = try await database.write { connection in
            let functions = FunctionRepository(connection)
            try functions.requireInvocable(target)
            var config = EventInvokeConfig(
                maximumRetryAttempts: input.maximumRetryAttempts,
                maximumEventAgeSeconds: input.maximumEventAgeInSeconds, lastModified: WallClock.milliseconds())
            if let destinations = input.destinationConfig {
                try functions.check(destinations, of: target.key)
                config.setDestinations(destinations)
            }
            try functions.attach(config, to: target.key, qualifier: target.qualifier ?? Version.latest)
            return config
        }
        cache.invalidate(target.key)
        return config.answer(target).encode()
    }

    /// Changes what the request names and leaves the rest.
    func updateFunctionEventInvokeConfig(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) async throws -> ServiceResponse {
        let input = try Lambda.UpdateFunctionEventInvokeConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller,
            action: "UpdateFunctionEventInvokeConfig"
        ).qualified
        try Self.requireChange(
            input.maximumRetryAttempts, input.maximumEventAgeInSeconds, input.destinationConfig)
        let config = try await database.write { connection in
            let functions = FunctionRepository(connection)
            try functions.requireInvocable(target)
            var config = try functions.eventInvokeConfig(target)
            if let attempts = input.maximumRetryAttempts { config.maximumRetryAttempts = attempts }
            if let age = input.maximumEventAgeInSeconds { config.maximumEventAgeSeconds = age }
            if let destinations = input.destinationConfig {
                try functions.check(destinations, of: target.key)
                config.setDestinations(destinations)
            }
            config.lastModified = WallClock.milliseconds()
            try functions.attach(config, to: target.key, qualifier: target.qualifier ?? Version.latest)
            return config
        }
        cache.invalidate(target.key)
        return config.answer(target).encode()
    }

    func getFunctionEventInvokeConfig(_ request: ServiceRequest, _ labels: RouteLabels) async throws -> ServiceResponse
    {
        let input = try Lambda.GetFunctionEventInvokeConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller,
            action: "GetFunctionEventInvokeConfig"
        ).qualified
        let config = try await database.read { try FunctionRepository($0).eventInvokeConfig(target) }
        return config.answer(target).encode()
    }

    func deleteFunctionEventInvokeConfig(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) async throws -> ServiceResponse {
        let input = try Lambda.DeleteFunctionEventInvokeConfigRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, qualifier: input.qualifier, caller: request.caller,
            action: "DeleteFunctionEventInvokeConfig"
        ).qualified
        try await database.write { connection in
            let functions = FunctionRepository(connection)
            _ = try functions.eventInvokeConfig(target)
            _ = try functions.detach(
                EventInvokeConfig.self, from: target.key, qualifier: target.qualifier ?? Version.latest)
        }
        cache.invalidate(target.key)
        return .empty(204)
    }

    func listFunctionEventInvokeConfigs(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) async throws -> ServiceResponse {
        let input = try Lambda.ListFunctionEventInvokeConfigsRequest(decoding: request, labels: labels)
        let target = try FunctionTarget(
            input.functionName, caller: request.caller, action: "ListFunctionEventInvokeConfigs")
        let start = try Marker.decode(input.marker)
        let limit = min(input.maxItems ?? quotas.listPage, quotas.listPage)
        let found = try await database.read { connection in
            let functions = FunctionRepository(connection)
            guard try functions.find(target.key) != nil else { throw AWSError.noSuchInvocable }
            return try functions.attached(
                EventInvokeConfig.self, ofFunction: target.key, after: start, limit: limit + 1)
        }
        let page = found.prefix(limit)
        return Lambda.ListFunctionEventInvokeConfigsResponse(
            functionEventInvokeConfigs: page.map { $0.document.answer($0.target) },
            nextMarker: found.count > limit ? page.last.map { Marker.encode($0.qualifier) } : nil
        ).encode()
    }

    private static func requireChange(
        _ attempts: Int?, _ age: Int?, _ destinations: Lambda.DestinationConfig?
    ) throws(AWSError) {
        guard attempts == nil, age == nil, destinations == nil else { return }
        throw LambdaError.invalidParameterValue(
            message: "You must specify at least one of error handling or destination setting.")
    }
}

extension FunctionTarget {
    /// The same with the qualifier that a request without one stands for.
    fileprivate var qualified: FunctionTarget { FunctionTarget(key, qualifier: qualifier ?? Version.latest) }
}

extension AWSError {
    fileprivate static var noSuchInvocable: AWSError {
        LambdaError.resourceNotFound(message: "The function doesn't exist.")
    }
}

extension FunctionRepository {
    /// The version or the alias must be there. The words are those recorded in
    /// test_lambda_eventinvokeconfig_exceptions.
    fileprivate func requireInvocable(_ target: FunctionTarget) throws {
        guard try find(target) != nil else { throw AWSError.noSuchInvocable }
    }

    /// - Throws: `ResourceNotFoundException`, also when there is not even a function.
    fileprivate func eventInvokeConfig(_ target: FunctionTarget) throws -> EventInvokeConfig {
        let found = try attached(
            EventInvokeConfig.self, to: target.key, qualifier: target.qualifier ?? Version.latest)
        guard let found else {
            throw LambdaError.resourceNotFound(message: "The function \(target.arn) doesn't have an EventInvokeConfig")
        }
        return found
    }

    /// Checks destinations as AWS does: the service must be one that takes them, and a function must be there and be
    /// another one.
    fileprivate func check(_ destinations: Lambda.DestinationConfig, of key: FunctionKey) throws {
        let success = destinations.onSuccess?.destination ?? ""
        let failure = destinations.onFailure?.destination ?? ""
        for (arn, services) in [(failure, Self.failureServices), (success, Self.successServices)] where !arn.isEmpty {
            guard let parsed = ARN(arn), services.contains(parsed.service) else {
                throw Self.invalid(success: success, failure: failure)
            }
            if parsed.service == "lambda" { try checkFunction(arn, parsed, of: key) }
        }
    }

    private static let successServices: Set<String> = ["lambda", "sqs", "sns", "events"]
    private static let failureServices = successServices.union(["s3"])

    private func checkFunction(_ arn: String, _ parsed: ARN, of key: FunctionKey) throws {
        guard let name = FunctionName(arn),
            try find(FunctionKey(account: parsed.account, region: parsed.region, name: name.name)) != nil
        else {
            throw LambdaError.invalidParameterValue(message: "The destination ARN \(arn) is invalid.")
        }
        if FunctionKey(account: parsed.account, region: parsed.region, name: name.name) == key {
            throw LambdaError.invalidParameterValue(
                message: "You can't specify the function as a destination for itself.")
        }
    }

    private static func invalid(success: String, failure: String) -> AWSError {
        let shown = (
            success: success.isEmpty ? "null" : "OnSuccess(destination=\(success))",
            failure: failure.isEmpty ? "null" : "OnFailure(destination=\(failure))"
        )
        return LambdaError.invalidParameterValue(
            message: "The provided destination config DestinationConfig(onSuccess=\(shown.success), "
                + "onFailure=\(shown.failure)) is invalid.")
    }
}
