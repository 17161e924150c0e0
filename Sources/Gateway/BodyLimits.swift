package import AWSWire
package import NIOHTTP1

/// How large the body of which request may be.
package struct BodyLimits: Sendable {
    /// One operation with a limit of its own.
    package struct Rule: Sendable {
        package var signingName: String
        package var method: HTTPMethod
        /// What the path begins and ends with, without a trailing slash.
        package var prefix: String
        package var suffix: String
        /// Larger bodies are refused.
        package var bytes: Int
        package var error: AWSError

        package init(
            signingName: String, method: HTTPMethod, prefix: String, suffix: String, bytes: Int, error: AWSError
        ) {
            self.signingName = signingName
            self.method = method
            self.prefix = prefix
            self.suffix = suffix
            self.bytes = bytes
            self.error = error
        }
    }

    /// The first that fits is taken.
    package var rules: [Rule]
    /// For every other request.
    package var bytes: Int

    package init(rules: [Rule], bytes: Int) {
        self.rules = rules
        self.bytes = bytes
    }

    /// Lambda's, with its wording (Lambda quotas; the request size of uploads is that of 50 MiB in base64 and room for
    /// the other members), and 10 MiB for everything else.
    package static let standard = BodyLimits(
        rules: [
            Rule(
                signingName: "lambda", method: .POST, prefix: "/2015-03-31/functions/", suffix: "/invocations",
                bytes: 6_291_556,
                error: tooLarge(
                    "RequestTooLargeException", than: 6_291_456, for: "InvokeFunction",
                    spelling: .typed(message: "message"))),
            Rule(
                signingName: "lambda", method: .POST, prefix: "/2021-11-15/functions/",
                suffix: "/response-streaming-invocations", bytes: 6_291_556,
                error: tooLarge(
                    "RequestTooLargeException", than: 6_291_456, for: "InvokeWithResponseStream",
                    spelling: .typed(message: "message"))),
            Rule(
                signingName: "lambda", method: .POST, prefix: "/2015-03-31/functions", suffix: "/functions",
                bytes: 70_167_211,
                error: tooLarge("RequestEntityTooLargeException", than: 70_167_211, for: "CreateFunction")),
            Rule(
                signingName: "lambda", method: .PUT, prefix: "/2015-03-31/functions/", suffix: "/code",
                bytes: 70_167_211,
                error: tooLarge("RequestEntityTooLargeException", than: 70_167_211, for: "UpdateFunctionCode")),
            Rule(
                signingName: "lambda", method: .POST, prefix: "/2018-10-31/layers/", suffix: "/versions",
                bytes: 70_167_211,
                error: tooLarge("RequestEntityTooLargeException", than: 70_167_211, for: "PublishLayerVersion")),
            // The longest policies, percent-encoded.
            Rule(
                signingName: "iam", method: .POST, prefix: "/", suffix: "/", bytes: 1_048_576,
                error: tooLarge("RequestEntityTooLarge", than: 1_048_576, for: "IAM")),
            Rule(
                signingName: "sts", method: .POST, prefix: "/", suffix: "/", bytes: 1_048_576,
                error: tooLarge("RequestEntityTooLarge", than: 1_048_576, for: "STS")),
        ],
        bytes: 10_485_760)

    private static func tooLarge(
        _ code: String, than bytes: Int, for operation: String, spelling: AWSError.Spelling = .plain
    ) -> AWSError {
        AWSError(
            code: code, message: "Request must be smaller than \(bytes) bytes for the \(operation) operation",
            status: 413, spelling: spelling)
    }

    /// The limit in bytes, and the error for a body past it.
    func limit(signingName: String?, method: HTTPMethod, path: String) -> (bytes: Int, error: AWSError) {
        var path = path.utf8[...]
        while path.count > 1, path.last == UInt8(ascii: "/") { path.removeLast() }
        for rule in rules where rule.signingName == signingName && rule.method == method {
            let end = path.suffix(rule.suffix.utf8.count)
            if path.starts(with: rule.prefix.utf8), end.elementsEqual(rule.suffix.utf8) {
                return (rule.bytes, rule.error)
            }
        }
        let error = AWSError(
            code: "RequestEntityTooLargeException", message: "Request must be smaller than \(bytes) bytes", status: 413)
        return (bytes, error)
    }
}
