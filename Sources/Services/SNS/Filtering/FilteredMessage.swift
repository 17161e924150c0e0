import AWSWire
import EventPatterns
import NIOCore

/// A message as filters see it: each part is read when the first of them looks at it, and once.
struct FilteredMessage {
    private(set) lazy var attributes: [String: [Leaf]] = message.attributes.mapValues(\.filterValues)
    private let message: Message
    private var bodies: [String: BodyPart?] = [:]

    init(_ message: Message) { self.message = message }

    /// As subscriptions of that kind would get it.
    ///
    /// - Returns: nil for what is no object.
    mutating func body(for delivery: String) -> BodyPart? {
        if let known = bodies[delivery] { return known }
        let value = try? JSONValue(parsing: ByteBuffer(string: message.text(for: delivery)))
        let body = value?.kind == .object ? BodyPart(value) : nil
        bodies.updateValue(body, forKey: delivery)
        return body
    }
}
