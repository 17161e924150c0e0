import AWSWire
import LambdaModel
import NIOCore
import NIOHTTP1

/// What an Invoke request asks for, read from its head without touching its payload.
struct InvokeCall: Sendable {
    enum Kind: Sendable, Hashable {
        case requestResponse
        case event
        case dryRun
    }

    enum Log: Sendable, Hashable {
        case none
        case tail
    }

    var target: FunctionTarget
    var caller: Caller
    var kind: Kind
    var log: Log
    /// The decoded JSON text of `X-Amz-Client-Context`.
    var clientContext: String?
    var traceID: String
    /// Whether the trace is the caller's own, who may then have decided whether to sample it.
    var isCallersTrace = false
    /// Whether the trace's segments are recorded, once that is decided.
    var isSampled = false

    /// The `FunctionName` label, still percent-encoded, of a request that is an Invoke; nil for any other.
    static func functionName(of request: ServiceRequest) -> Substring? {
        functionName(of: request, prefix: prefix, suffix: suffix)
    }

    static func functionName(of request: ServiceRequest, prefix: String, suffix: String) -> Substring? {
        let path = request.path.utf8
        guard request.method == .POST, path.starts(with: prefix.utf8) else { return nil }
        var name = path.dropFirst(prefix.utf8.count)
        if name.last == UInt8(ascii: "/") { name = name.dropLast() }
        guard name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else { return nil }
        name = name.dropLast(suffix.utf8.count)
        return name.isEmpty || name.contains(UInt8(ascii: "/")) ? nil : Substring(name)
    }

    /// The model's bound on `FunctionName`.
    static let maximumName = 256

    private static let prefix = "/2015-03-31/functions/"
    private static let suffix = "/invocations"

    /// - Returns: nil when a member breaks a constraint of the model, which knows the words for that, or is meant for
    ///   a kind of functions that does not exist here.
    /// - Throws: ``AWSError``, for what the model does not say.
    init?(_ request: ServiceRequest, encodedName: Substring, quotas: Quotas) throws(AWSError) {
        guard let name = Self.name(encodedName), let kind = Self.kind(request.headers),
            let log = Self.log(request.headers)
        else { return nil }
        let qualifier = request.query.flatMap { QueryParameters($0)["Qualifier"] }
        if let qualifier, !Self.isQualifier(qualifier) { return nil }
        if request.headers.contains(name: "X-Amz-Tenant-Id") { return nil }
        if request.headers.contains(name: "X-Amz-Durable-Execution-Name") { return nil }
        caller = request.caller
        target = try FunctionTarget(reaching: name, qualifier: qualifier, caller: request.caller)
        self.kind = kind
        self.log = log
        clientContext = try request.headers.first(name: "X-Amz-Client-Context").flatMap { (text) throws(AWSError) in
            try Self.clientContext(text, quotas: quotas)
        }
        let trace = request.headers.first(name: "X-Amzn-Trace-Id")
        traceID = TraceID.make(from: trace)
        isCallersTrace = traceID == trace
    }

    /// An InvokeAsync.
    init(event target: FunctionTarget, _ request: ServiceRequest) {
        caller = request.caller
        self.target = target
        kind = .event
        log = .none
        let trace = request.headers.first(name: "X-Amzn-Trace-Id")
        traceID = TraceID.make(from: trace)
        isCallersTrace = traceID == trace
    }

    /// The same call with its trace decided.
    ///
    /// - Parameter isActive: Whether the function samples where the caller leaves that open.
    func traced(isActive: Bool) -> InvokeCall {
        var call = self
        (call.traceID, call.isSampled) = TraceID.decide(traceID, isCallers: isCallersTrace, isActive: isActive)
        return call
    }
}

extension InvokeCall {
    private static func name(_ encoded: Substring) -> FunctionName? {
        let isPlain = encoded.utf8.allSatisfy { byte in
            (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: "_")
        }
        if isPlain {
            return encoded.utf8.count <= maximumName ? FunctionName(name: String(encoded)) : nil
        }
        guard let text = PercentEncoding.decode(encoded, in: .path), text.utf8.count <= maximumName else { return nil }
        return FunctionName(text)
    }

    /// What the model lets pass as a `Qualifier`; `$latest` is one, though no function has it.
    private static func isQualifier(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && (FunctionName.isQualifier(text)
                || text.utf8.allSatisfy { byte in
                    (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
                        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$")
                })
    }

    private static func kind(_ headers: HTTPHeaders) -> Kind? {
        switch headers.first(name: "X-Amz-Invocation-Type") {
        case nil, "RequestResponse": .requestResponse
        case "Event": .event
        case "DryRun": .dryRun
        default: nil
        }
    }

    private static func log(_ headers: HTTPHeaders) -> Log? {
        switch headers.first(name: "X-Amz-Log-Type") {
        case nil, "None": Log.none
        case "Tail": .tail
        default: nil
        }
    }

    private static func clientContext(_ text: String, quotas: Quotas) throws(AWSError) -> String? {
        if text.isEmpty { return nil }
        if text.utf8.count > quotas.clientContextBytes {
            throw LambdaError.invalidRequestContent(
                message:
                    "Client context must be no more than \(quotas.clientContextBytes) bytes of Base64-encoded data.")
        }
        guard let bytes = Base64.decode(text), let first = bytes.first(where: { !isSpace($0) }),
            first == UInt8(ascii: "{"), JSONSyntax.validate(ByteBuffer(bytes: bytes)) == nil
        else {
            throw LambdaError.invalidRequestContent(
                message: "Client context must be a valid Base64-encoded JSON object.")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}

/// Values of `X-Amzn-Trace-Id`:
/// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
enum TraceID {
    /// The caller's trace; a new one, not sampled, when the caller is not tracing.
    static func make(from header: String?) -> String {
        if let header, header.utf8.count <= 1024, header.range(of: "Root=") { return header }
        var generator = BufferedRandom()
        let numbers = (generator.next(), generator.next(), generator.next())
        return String(unsafeUninitializedCapacity: length) { text in
            var end = text.initialize(fromContentsOf: "Root=1-".utf8)
            func append(_ value: UInt64, _ width: Int) {
                for digit in 0..<width {
                    let nibble = UInt8(truncatingIfNeeded: value >> UInt64(4 * (width - 1 - digit))) & 15
                    text.initializeElement(
                        at: end + digit, to: nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble)
                }
                end += width
            }
            func append(_ word: String) { end = text[end...].initialize(fromContentsOf: word.utf8) }
            append(UInt64(WallClock.secondsSince1970), 8)
            append("-")
            append(numbers.0, 8)
            append(numbers.1, 16)
            append(";Parent=")
            append(numbers.2, 16)
            append(";Sampled=0")
            return end
        }
    }

    /// Of a new header, in bytes.
    private static let length = 74

    /// What a function's trace header is, and whether it is sampled: the caller's word stands, then the function's.
    static func decide(_ header: String, isCallers: Bool, isActive: Bool) -> (header: String, isSampled: Bool) {
        if isCallers {
            if header.range(of: "Sampled=1") { return (header, true) }
            if header.range(of: "Sampled=0") { return (header, false) }
        }
        return isActive ? (sampled(header), true) : (header, false)
    }

    /// A header whose trace is sampled: the decision takes the place of the one that was there.
    private static func sampled(_ header: String) -> String {
        let fields = header.split(separator: ";").filter { !$0.lowercased().hasPrefix("sampled=") }
        return (fields + ["Sampled=1"]).joined(separator: ";")
    }
}

extension String {
    /// Whether `word` is in the text, in any case: header values spell `Root` and `root`.
    fileprivate func range(of word: StaticString) -> Bool {
        var text = self
        return text.withUTF8 { text in
            word.withUTF8Buffer { word in
                (0..<max(0, text.count - word.count + 1)).contains { start in
                    word.indices.allSatisfy { text[start + $0] | 0x20 == word[$0] | 0x20 }
                }
            }
        }
    }
}
