import AWSWire
import NIOCore

extension Parcel {
    /// What an event bus is told of an event beside its details, which are the parcel's body.
    package struct Event: Sendable, Hashable {
        /// `aws.cloudwatch`.
        package var source: String
        package var detailType: String
        /// ARNs.
        package var resources: [String]

        package init(source: String, detailType: String, resources: [String]) {
            self.source = source
            self.detailType = detailType
            self.resources = resources
        }
    }

    /// Nil: the parcel does not say.
    package var event: Event? {
        get {
            guard case .text(let source) = attributes["source"]?.value,
                case .text(let detailType) = attributes["detail-type"]?.value,
                case .text(let list) = attributes["resources"]?.value
            else { return nil }
            let resources = (try? JSONValue(parsing: ByteBuffer(string: list)))?.elements.compactMap(\.string) ?? []
            return Event(source: source, detailType: detailType, resources: resources)
        }
        set {
            attributes["source"] = newValue.map { Attribute(.text($0.source)) }
            attributes["detail-type"] = newValue.map { Attribute(.text($0.detailType)) }
            attributes["resources"] = newValue.map { Attribute(.text(Self.list($0.resources))) }
        }
    }

    private static func list(_ texts: [String]) -> String {
        var writer = JSONWriter()
        writer.beginArray()
        for text in texts { writer.string(text) }
        writer.endArray()
        return String(buffer: writer.buffer)
    }
}
