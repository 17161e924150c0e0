import NIOCore
import NIOHTTP1

/// The head of an HTTP/1.1 request as nearly every client sends it, read in one pass.
///
/// Strict, so that it never takes for something else what another reader would: a known method, a path, fields whose
/// names are tokens right before their colons, one length or none. Whatever is not like that, if right or wrong, is for
/// ``HTTPRequestDecoder`` to judge.
struct PlainRequest {
    enum Outcome {
        /// A head, and how long its body is; nil without a field that says so.
        case head(HTTPRequestHead, length: Int?)
        /// The beginning of one.
        case incomplete
        /// Something else.
        case unusual
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Takes a head off the front of `buffer`; what is no head stays there.
    static func read(from buffer: inout ByteBuffer, limits: NIOHTTPDecoderLimitConfiguration) -> Outcome {
        let (outcome, length) = buffer.withUnsafeReadableBytes { bytes in
            var reader = PlainRequest(bytes)
            let outcome = reader.read(limits)
            return (outcome, reader.position)
        }
        if case .head = outcome { buffer.moveReaderIndex(forwardBy: length) }
        return outcome
    }

    private mutating func read(_ limits: NIOHTTPDecoderLimitConfiguration) -> Outcome {
        guard let method = Self.methods.first(where: { starts(with: $0.word) }) else {
            return Self.methods.contains { isBeginning(of: $0.word) } ? .incomplete : .unusual
        }
        position += method.word.utf8CodeUnitCount
        guard position < bytes.count else { return .incomplete }
        guard bytes[position] == UInt8(ascii: "/") else { return .unusual }
        let target = take { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
        guard bytes.count - position >= Self.version.utf8CodeUnitCount else { return .incomplete }
        guard target.count <= limits.maxHeaderFieldSize, starts(with: Self.version) else { return .unusual }
        position += Self.version.utf8CodeUnitCount
        return fields(of: method.method, String(decoding: target, as: UTF8.self), limits)
    }

    private mutating func fields(
        of method: HTTPMethod, _ target: String, _ limits: NIOHTTPDecoderLimitConfiguration
    ) -> Outcome {
        var fields: [(String, String)] = []
        fields.reserveCapacity(12)
        var length: Int?
        while true {
            guard bytes.count - position >= 2 else { return .incomplete }
            if bytes[position] == Self.carriageReturn {
                guard bytes[position + 1] == Self.lineFeed else { return .unusual }
                position += 2
                let head = HTTPRequestHead(
                    version: .http1_1, method: method, uri: target, headers: HTTPHeaders(fields))
                return .head(head, length: length)
            }
            let name = take(while: HTTPBytes.isToken)
            guard position < bytes.count else { return .incomplete }
            guard !name.isEmpty, bytes[position] == UInt8(ascii: ":") else { return .unusual }
            position += 1
            _ = take(while: Self.isBlank)
            let value = take(while: HTTPBytes.isValue)
            guard bytes.count - position >= 2 else { return .incomplete }
            guard bytes[position] == Self.carriageReturn, bytes[position + 1] == Self.lineFeed else { return .unusual }
            position += 2
            // Blanks at its end belong to it or not, as one reads it.
            if let last = value.last, Self.isBlank(last) { return .unusual }
            guard name.count + value.count <= limits.maxHeaderFieldSize, position <= limits.maxHeaderListSize,
                fields.count < limits.maxHeaderFieldCount
            else { return .unusual }
            switch Self.meaning(of: name) {
            case .length:
                guard length == nil, let number = Self.number(value) else { return .unusual }
                length = number
            case .connection where !HTTPBytes.isSame(value, "keep-alive"): return .unusual
            case .framing: return .unusual
            case .connection, .other: break
            }
            fields.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
        }
    }

    // MARK: Bytes

    private mutating func take(while isTaken: (UInt8) -> Bool) -> Slice<UnsafeRawBufferPointer> {
        let start = position
        while position < bytes.count, isTaken(bytes[position]) { position += 1 }
        return bytes[start..<position]
    }

    private func starts(with word: StaticString) -> Bool {
        guard bytes.count - position >= word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { word in word.indices.allSatisfy { bytes[position + $0] == word[$0] } }
    }

    /// Whether there is a part of `word` and nothing else.
    private func isBeginning(of word: StaticString) -> Bool {
        bytes.count < word.utf8CodeUnitCount
            && word.withUTF8Buffer { word in bytes.indices.allSatisfy { bytes[$0] == word[$0] } }
    }

    private enum Meaning {
        case length
        case connection
        /// What makes more of a message than its fields and so many bytes.
        case framing
        case other
    }

    private static func meaning(of name: Slice<UnsafeRawBufferPointer>) -> Meaning {
        switch name.count {
        case 6: HTTPBytes.isSame(name, "expect") ? .framing : .other
        case 7: HTTPBytes.isSame(name, "upgrade") ? .framing : .other
        case 10: HTTPBytes.isSame(name, "connection") ? .connection : .other
        case 14: HTTPBytes.isSame(name, "content-length") ? .length : .other
        case 17: HTTPBytes.isSame(name, "transfer-encoding") ? .framing : .other
        default: .other
        }
    }

    private static func number(_ text: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard (1...18).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static let carriageReturn: UInt8 = 0x0D
    private static let lineFeed: UInt8 = 0x0A
    private static let version: StaticString = " HTTP/1.1\r\n"
    private static let methods: [(word: StaticString, method: HTTPMethod)] = [
        ("POST ", .POST), ("GET ", .GET), ("PUT ", .PUT), ("DELETE ", .DELETE),
    ]
}
