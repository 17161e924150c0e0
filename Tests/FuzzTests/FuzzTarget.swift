/// A reader of outside bytes: what it makes of any bytes at all must hold what is said of it.
///
/// `make fuzz` drives each with libFuzzer, from the seeds in `Seeds/NAME` on; `SeedTests` only shows it those.
struct FuzzTarget: Sendable {
    let name: String
    /// - Throws: ``Violation``; it must not throw anything else.
    let check: @Sendable (_ input: [UInt8]) throws -> Void

    init(_ name: String, _ check: @escaping @Sendable (_ input: [UInt8]) throws -> Void) {
        self.name = name
        self.check = check
    }

    static let all = [
        httpReader, gateway, signedHeaders, presignedURL, awsChunks, json, cbor, shapes, forms, eventStream, zip,
        packageSignature,
        text, schedule, pattern, eventPattern, policy, sessionToken, imageDocuments, runtimeAPI, launcherPackets,
        filterPolicy, deadLetters, receiptHandle, queueURL, redrivePolicy, messageBatch,
        logPattern, insightsQuery, namedGroups, embeddedMetrics,
    ]
}

/// What a reader must not do, and did.
struct Violation: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// - Throws: ``Violation`` unless the condition holds.
func hold(_ condition: Bool, _ otherwise: @autoclosure () -> String) throws(Violation) {
    if !condition { throw Violation(otherwise()) }
}

/// Input that says in its first bytes what is to be done with the rest.
struct Choices {
    private(set) var rest: ArraySlice<UInt8>

    init(_ input: [UInt8]) { rest = input[...] }

    /// Zero when there is nothing left.
    mutating func byte() -> Int { Int(rest.popFirst() ?? 0) }

    mutating func choice<Value>(_ values: [Value]) -> Value { values[byte() % values.count] }

    /// The rest in up to four pieces.
    mutating func pieces() -> [[UInt8]] {
        let cuts = [byte(), byte(), byte()].map { $0 * rest.count / 255 }.sorted()
        var bounds = [0] + cuts + [rest.count]
        bounds = bounds.map { rest.startIndex + $0 }
        return zip(bounds, bounds.dropFirst()).map { Array(rest[$0..<$1]) }.filter { !$0.isEmpty }
    }
}
