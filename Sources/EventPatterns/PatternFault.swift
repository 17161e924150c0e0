import AWSWire
import NIOCore

/// What is wrong with a pattern, and where.
///
/// AWS's reader names the place up to which it has read; those who find faults say what that was.
package struct PatternFault: Error, Sendable, Hashable {
    package var reason: String
    /// How many bytes of the text had been read; nil where AWS names no place.
    var bytes: Int?
    /// Whether the place is named a second time.
    private var isToldTwice = false

    private init(_ reason: String, _ bytes: Int?) {
        self.reason = reason
        self.bytes = bytes
    }

    /// No place.
    static func nowhere(_ reason: String) -> PatternFault { PatternFault(reason, nil) }

    /// The kind of a value is wrong: of a string, nothing but its quote has been read.
    static func seen(_ value: JSONValue, _ reason: String) -> PatternFault {
        let range = value.byteRange
        switch value.kind {
        case .string: return PatternFault(reason, range.lowerBound)
        case .object, .array: return PatternFault(reason, range.lowerBound + 1)
        default: return PatternFault(reason, range.upperBound)
        }
    }

    /// What a value says is wrong: it has been read, of an object or array its beginning.
    static func read(_ value: JSONValue, _ reason: String) -> PatternFault {
        value.kind == .string ? PatternFault(reason, value.byteRange.upperBound + 1) : seen(value, reason)
    }

    /// Something is missing at the end of an object or array.
    static func closed(_ value: JSONValue, _ reason: String) -> PatternFault {
        PatternFault(reason, value.byteRange.upperBound)
    }

    /// As a fault of an element of `anything-but`'s list, around which AWS's reader says once more where it is.
    func inList() -> PatternFault {
        var fault = self
        fault.isToldTwice = true
        return fault
    }

    func described(in text: ByteBuffer) -> String {
        guard let bytes else { return reason }
        let place = "\n at [\(SourceText(text).place(after: bytes))]"
        return reason + place + (isToldTwice ? place : "")
    }
}
