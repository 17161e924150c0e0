import AWSWire
import LambdaModel

/// The checks of a layer's runtimes, which AWS makes together with those of the model: one `ValidationException` lists
/// all that is wrong.
enum LayerInput {
    static func publish(
        _ request: ServiceRequest, _ labels: RouteLabels
    ) throws(AWSError) -> Lambda.PublishLayerVersionRequest {
        let problem = unknownRuntimes(request)
        do throws(AWSError) {
            let input = try Lambda.PublishLayerVersionRequest(decoding: request, labels: labels)
            if let problem { throw AWSError.validation(problem) }
            return input
        } catch {
            guard let problem, error.code == "ValidationException" else { throw error }
            throw error.adding(problem)
        }
    }

    /// The message names all values that were sent, not only the unknown ones.
    private static func unknownRuntimes(_ request: ServiceRequest) -> String? {
        let values = (try? JSONValue(parsing: request.body))?["CompatibleRuntimes"]?.elements ?? []
        let runtimes = values.compactMap(\.string)
        let isKnown = runtimes.allSatisfy { Lambda.Runtime(rawValue: $0).isKnown }
        return isKnown ? nil : Lambda.Runtime.unknown(compatible: runtimes)
    }

    static func filter(
        _ runtime: Lambda.Runtime?, _ architecture: Lambda.Architecture?
    ) throws(AWSError) -> LayerRepository.Filter {
        if let runtime, !runtime.isKnown {
            throw .validation(Lambda.Runtime.unknown(compatible: runtime.rawValue))
        }
        return LayerRepository.Filter(runtime: runtime?.rawValue, architecture: architecture?.rawValue)
    }
}

extension AWSError {
    /// This validation error with one more problem, which comes first.
    fileprivate func adding(_ problem: String) -> AWSError {
        guard let colon = message.firstRange(of: " detected: "), let count = Int(message.prefix { $0 != " " }),
            message.hasPrefix("\(count) validation error")
        else { return .validation(problem) }
        if message[colon.upperBound...] == problem { return self }
        var sum = self
        sum.message = "\(count + 1) validation errors detected: \(problem); \(message[colon.upperBound...])"
        return sum
    }
}
