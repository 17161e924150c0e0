import AWSWire
import Crypto
import NIOCore

/// A message attribute: what a sender says of a message beside its body.
struct MessageAttribute: Sendable, Hashable {
    enum Value: Sendable, Hashable {
        case text(String)
        case binary([UInt8])
    }

    /// `String`, `Number` or `Binary`, each with a suffix of the sender's, if it likes.
    var type: String
    var value: Value

    var size: Int {
        switch value {
        case .text(let text): type.utf8.count + text.utf8.count
        case .binary(let bytes): type.utf8.count + bytes.count
        }
    }
}

/// MD5 digests as SDKs check them.
///
/// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
enum MessageDigest {
    static func of(_ body: String) -> String { Hexadecimal.encode(Insecure.MD5.hash(data: Array(body.utf8))) }

    /// - Returns: nil where there are no attributes.
    static func of(_ attributes: [String: MessageAttribute]) -> String? {
        guard !attributes.isEmpty else { return nil }
        var hash = Insecure.MD5()
        func update(_ bytes: some Collection<UInt8>) {
            let length = UInt32(bytes.count)
            hash.update(data: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) })
            hash.update(data: Array(bytes))
        }
        for (name, attribute) in attributes.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            update(name.utf8)
            update(attribute.type.utf8)
            switch attribute.value {
            case .text(let text):
                hash.update(data: [1] as [UInt8])
                update(text.utf8)
            case .binary(let bytes):
                hash.update(data: [2] as [UInt8])
                update(bytes)
            }
        }
        return Hexadecimal.encode(hash.finalize())
    }
}

// MARK: As they are kept

extension [String: MessageAttribute] {
    /// - Returns: nil where there are none.
    var json: String? {
        guard !isEmpty else { return nil }
        var writer = JSONWriter()
        writer.beginObject()
        for (name, attribute) in self {
            writer.name(name)
            writer.beginArray()
            writer.string(attribute.type)
            switch attribute.value {
            case .text(let text): writer.string(text)
            case .binary(let bytes):
                writer.blob(bytes)
                writer.bool(true)
            }
            writer.endArray()
        }
        writer.endObject()
        return String(buffer: writer.buffer)
    }

    init(json text: String?) {
        self = [:]
        guard let text, let value = try? JSONValue(parsing: ByteBuffer(string: text)) else { return }
        for (name, member) in value.members {
            let parts = member.elements
            guard parts.count > 1, let type = parts[0].string, let content = parts[1].string else { continue }
            let value = parts.count > 2 ? MessageAttribute.Value.binary(Base64.decode(content) ?? []) : .text(content)
            self[name] = MessageAttribute(type: type, value: value)
        }
    }
}
