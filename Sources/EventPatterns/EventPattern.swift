package import AWSWire
package import NIOCore

/// Which events somebody wants: a JSON document of fields and what their values may be.
///
/// It is read once; whether an event matches takes time in proportion to the event's length times the pattern's,
/// however many combinations of its alternatives there are, and to these times the elements of arrays that are not
/// alike.
///
/// Fields are known by their path, names joined by dots, so a name that has a dot in it is two levels. Of an array any
/// element may fit; fields below the same array have to fit in the same element of it.
///
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html
package struct EventPattern: Sendable {
    /// Why a text is no pattern, in AWS's words: with the place in the text, where AWS names it.
    package struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// How many combinations of alternatives (`$or`) a pattern may have.
    package static let combinationLimit = 1_000

    private let fields: FieldTree

    package init(_ text: String) throws(Refusal) {
        try self.init(ByteBuffer(string: text))
    }

    package init(_ text: ByteBuffer) throws(Refusal) {
        let value: JSONValue
        do throws(JSONSyntaxError) { value = try JSONValue(parsing: text) } catch {
            throw Refusal(
                description: "\(error.reason)\n at [\(SourceText(text).place(line: error.line, error.column))]")
        }
        do throws(PatternFault) {
            fields = FieldTree(try PatternReader.combinations(of: value))
        } catch {
            throw Refusal(description: error.described(in: text))
        }
    }

    package func matches(_ event: JSONValue) -> Bool { fields.matches(event) }

    /// Whether the pattern can only match events of which this top-level field is one of these texts; nil when it may
    /// be anything. For those who keep many patterns and look for the ones that an event may match.
    package func texts(of field: String) -> Set<String>? { fields.texts(of: field) }
}

/// The text of a pattern, as refusals show it.
struct SourceText {
    /// How much of it AWS's parser shows.
    private static let limit = 500

    private let text: String

    init(_ text: ByteBuffer) { self.text = String(buffer: text) }

    func place(line: Int, _ column: Int) -> String {
        let units = text.utf16
        var shown = text
        if units.count > Self.limit {
            shown = String(decoding: Array(units.prefix(Self.limit)), as: UTF16.self)
        }
        let rest = units.count > Self.limit ? "[truncated \(units.count - Self.limit) chars]" : ""
        return "Source: (String)\"\(shown)\"\(rest); line: \(line), column: \(column)"
    }

    /// Where a reader that has read so many bytes stands.
    func place(after bytes: Int) -> String {
        let read = text.utf8.prefix(bytes)
        let newline = UInt8(ascii: "\n")
        let line = read.reduce(1) { $1 == newline ? $0 + 1 : $0 }
        let start = read.lastIndex(of: newline).map { read.index(after: $0) } ?? read.startIndex
        return place(line: line, String(decoding: read[start...], as: UTF8.self).utf16.count + 1)
    }
}
