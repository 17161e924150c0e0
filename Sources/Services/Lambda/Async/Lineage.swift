import AWSWire
import Fleet
import LambdaModel

/// How often each function has run in a chain of requests: the `Lineage` field of a trace header, which the AWS SDKs
/// send on from the invocation that they are part of. `Lineage=a87bd80c:1|68fd508a:5`.
///
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
struct Lineage: Hashable, Sendable {
    /// How many times a function runs in one chain before it is stopped.
    static let limit = 16
    /// The words of `RecursiveInvocationException`.
    static let message =
        "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your "
        + "function's invocation."
    /// More functions than this are not told apart: a loop has at least one of the first.
    private static let functions = 16
    private static let name = "lineage="

    private struct Count: Hashable, Sendable {
        /// Eight hexadecimal digits that stand for a function's ARN.
        var id: Substring
        var times: Int
    }

    private var counts: [Count] = []

    /// What a header says; nothing where it has no such field, or another form of it.
    init(of header: String) {
        guard let field = header.split(separator: ";").first(where: Self.isLineage) else { return }
        for entry in field.dropFirst(Self.name.utf8.count).split(separator: "|") {
            let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].utf8.count == 8, let times = Int(parts[1]), times > 0 else {
                counts = []
                return
            }
            counts.append(Count(id: parts[0], times: min(times, 1_000)))
        }
        counts = Array(counts.prefix(Self.functions))
    }

    /// How often the function has run.
    func times(_ arn: String) -> Int {
        let id = Self.id(arn)
        return counts.first { $0.id == id }?.times ?? 0
    }

    /// The function runs once more.
    mutating func add(_ arn: String) {
        let id = Self.id(arn)
        if let index = counts.firstIndex(where: { $0.id == id }) {
            counts[index].times += 1
        } else if counts.count < Self.functions {
            counts.append(Count(id: Substring(id), times: 1))
        }
    }

    /// A header that tells this lineage.
    func replacing(in header: String) -> String {
        let fields = header.split(separator: ";").filter { !Self.isLineage($0) }.map(String.init)
        let text = counts.map { "\($0.id):\($0.times)" }.joined(separator: "|")
        return (fields + (text.isEmpty ? [] : ["Lineage=\(text)"])).joined(separator: ";")
    }

    /// The header of an invocation of a function that a request with this header causes.
    static func following(_ header: String, to arn: String) -> String {
        var lineage = Lineage(of: header)
        lineage.add(arn)
        return lineage.replacing(in: header)
    }

    /// Whether an invocation with this header is one too many.
    static func isLoop(_ header: String, of arn: String) -> Bool { Lineage(of: header).times(arn) > limit }

    static func isIn(_ header: String) -> Bool { header.split(separator: ";").contains(where: isLineage) }

    private static func isLineage(_ field: Substring) -> Bool {
        field.utf8.count > name.utf8.count && field.prefix(name.utf8.count).lowercased() == name
    }

    /// FNV-1a, 32 bits.
    private static func id(_ arn: String) -> String {
        var hash: UInt32 = 0x811c_9dc5
        for byte in arn.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}

extension InvokeCall {
    /// Counts the invocation where it is caused by another: the caller is no client that begins a chain, but a
    /// function, or whatever else acts as a role, that sends its own trace on.
    ///
    /// - Throws: `RecursiveInvocationException` when it is one too many of a loop.
    func counted(for function: ResolvedFunction) throws(AWSError) -> InvokeCall {
        guard isCallersTrace, isCaused else { return self }
        let header = Lineage.following(traceID, to: function.arn)
        if function.stopsLoops, Lineage.isLoop(header, of: function.arn) {
            function.meters.record(.recursiveInvocationsDropped)
            throw LambdaError.recursiveInvocation(message: Lineage.message)
        }
        var call = self
        call.traceID = header
        return call
    }

    private var isCaused: Bool {
        if case .assumedRole = caller.principal.kind { return true }
        return Lineage.isIn(traceID)
    }
}
