package import AWSWire

/// The API of AWS Lambda (2015-03-31): its operations, shapes and errors.
///
/// A service answers a request in four steps:
///
///     guard let (operation, labels) = Lambda.route(request) else { throw AWSError.unknownOperation }
///     switch operation {
///     case .getFunction:
///         let input = try Lambda.GetFunctionRequest(decoding: request, labels: labels)
///         guard let function = find(input.functionName) else { throw LambdaError.resourceNotFound(message: "…") }
///         return Lambda.GetFunctionResponse(configuration: function.configuration).encode()
///     case .tagResource:
///         …
///         return .empty(operation.successStatus)
///     default:
///         throw AWSError.notImplemented(operation.rawValue)
///     }
///
/// Decoding checks every modelled constraint and throws one `ValidationException` that lists all that are broken, in
/// AWS's words; the shapes of operations that share an output with another status take it: `encode(status:)`.
/// Everything under `Generated` is written by `Scripts/generate_models.py` from `Scripts/models.json`.
package enum Lambda {
    /// - Returns: nil when the service has no operation with this method, path and query.
    package static func route(_ request: ServiceRequest) -> (operation: Operation, labels: RouteLabels)? {
        Operation.routes.match(request.method, request.path, query: request.query)
    }
}

extension Lambda.Runtime {
    /// The runtimes that functions may be created with or updated to, in the order of AWS's message.
    private static let accepted = [
        "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25",
        "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17",
        "nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2",
    ]

    /// The error for a runtime that AWS does not know at all: the one enumeration that AWS checks outside of its
    /// validation, with other words and another code.
    package static func unknown(_ value: String) -> AWSError {
        let values = accepted.joined(separator: ", ")
        return LambdaError.invalidParameterValue(
            message: "Value \(value) at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
                + "[\(values)] or be a valid ARN")
    }

    /// What AWS's validation says of a layer's runtimes when it does not know one of them.
    package static func unknown(compatible values: [String]) -> String {
        "Value '[\(values.joined(separator: ", "))]' at 'compatibleRuntimes' failed to satisfy constraint: Member must "
            + "satisfy enum value set: [\(accepted.joined(separator: ", "))]"
    }

    /// What AWS's validation says of a filter for layers by a runtime that it does not know.
    package static func unknown(compatible value: String) -> String {
        "Value '\(value)' at 'compatibleRuntime' failed to satisfy constraint: Member must satisfy enum value set: "
            + "[\(everKnown.joined(separator: ", "))]"
    }

    /// The runtimes by which layers may be looked for, in the order of AWS's message.
    private static let everKnown = [
        "ruby3.5", "ruby2.6", "dotnetcore1.0", "python3.7", "nodejs8.10", "nasa", "ruby2.7", "python2.7-greengrass",
        "dotnetcore2.0", "python3.8", "java21", "dotnet6", "dotnetcore2.1", "python3.9", "java11", "nodejs6.10",
        "provided", "dotnetcore3.1", "dotnet8", "java25", "java17", "nodejs", "nodejs4.3", "java8.al2", "go1.x",
        "dotnet10", "nodejs20.x", "go1.9", "byol", "nodejs10.x", "provided.al2023", "nodejs22.x", "python3.10",
        "java8", "nodejs12.x", "python3.11", "nodejs24.x", "nodejs8.x", "python3.12", "nodejs14.x", "nodejs8.9",
        "nodejs26.x", "python3.13", "python3.14", "nodejs16.x", "python3.15", "provided.al2", "nodejs4.3-edge",
        "nodejs18.x", "ruby3.2", "python3.4", "ruby3.3", "ruby3.4", "ruby2.5", "python3.6", "python2.7",
    ]

    /// The error for a runtime that AWS knows but no longer takes.
    package static func retired(_ value: String) -> AWSError {
        LambdaError.invalidParameterValue(
            message: "The runtime parameter of \(value) is no longer supported for creating or updating AWS Lambda "
                + "functions. We recommend you use a supported runtime while creating or updating functions.")
    }

    /// Runtimes that came after that message was recorded.
    private static let acceptedSince = ["ruby4.0"]

    /// Whether AWS takes the runtime for new functions.
    package var isAccepted: Bool { Self.accepted.contains(rawValue) || Self.acceptedSince.contains(rawValue) }
    /// Whether AWS ever had the runtime.
    package var isKnown: Bool { isAccepted || Self.allValues.contains(rawValue) }
}
