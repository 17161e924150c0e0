import AWSWire
import Delivery
import NIOCore

/// A value that filter conditions are held against.
enum FilterValue: Sendable, Hashable {
    case text(String)
    case number(Double)
    case bool(Bool)
    case null

    init?(_ value: JSONValue) {
        switch value.kind {
        case .string: self = .text(value.string ?? "")
        case .number:
            guard let number = value.double else { return nil }
            self = .number(number)
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .null: self = .null
        case .object, .array: return nil
        }
    }

    /// The values of a member of a message's body: of an array all that are in it, however deep.
    ///
    /// - Returns: nil for an object, which has no value of its own.
    static func all(in value: JSONValue) -> [FilterValue]? {
        switch value.kind {
        case .object: nil
        case .array: value.elements.flatMap { all(in: $0) ?? [] }
        default: FilterValue(value).map { [$0] } ?? []
        }
    }
}

extension MessageAttribute {
    /// What filters see of it: of an array its elements, of bytes only that they are there.
    var filterValues: [FilterValue] {
        guard case .text(let text) = value else { return [] }
        switch type {
        case "String.Array":
            guard let array = try? JSONValue(parsing: ByteBuffer(string: text)), array.kind == .array else {
                return [.text(text)]
            }
            return array.elements.compactMap { FilterValue($0) }
        case let type where type.hasPrefix("Number"): return Double(text).map { [.number($0)] } ?? []
        default: return [.text(text)]
        }
    }
}
