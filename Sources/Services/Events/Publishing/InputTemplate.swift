import AWSWire
import NIOCore

/// Text in which names in angle brackets stand for parts of an event.
///
/// Outside of quotes a part is its JSON; within them it is its text, and what has none loses its quotes.
struct InputTemplate: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case text(String)
        case variable(String, isQuoted: Bool)
    }

    /// Where a rule's events come from, for the variables that are always there.
    struct Rule: Sendable {
        var arn: String
        var name: String
    }

    static let reserved: Set<String> = [
        "aws.events.rule-arn", "aws.events.rule-name", "aws.events.event", "aws.events.event.json",
        "aws.events.event.ingestion-time",
    ]

    /// How many bytes may come of it: each variable may be the whole event.
    private static let limit = 1_048_576

    private let pieces: [Piece]
    /// Whether it writes one JSON document; others write lines, each of which is one.
    private let isDocument: Bool

    init(_ text: String) {
        var pieces: [Piece] = []
        var plain = ""
        var isQuoted = false
        var rest = text[...]
        while let character = rest.popFirst() {
            switch character {
            case "\\":
                plain.append(character)
                if let next = rest.popFirst() { plain.append(next) }
            case "\"":
                isQuoted.toggle()
                plain.append(character)
            case "<":
                let name = rest.prefix { $0 != ">" }
                guard name.endIndex < rest.endIndex, !name.isEmpty, name.allSatisfy(Self.isPartOfName) else {
                    plain.append(character)
                    continue
                }
                if !plain.isEmpty { pieces.append(.text(plain)) }
                plain = ""
                pieces.append(.variable(String(name), isQuoted: isQuoted))
                rest = rest[rest.index(after: name.endIndex)...]
            default: plain.append(character)
            }
        }
        if !plain.isEmpty { pieces.append(.text(plain)) }
        self.pieces = pieces
        let first = text.first { !$0.isWhitespace }
        isDocument = first == "{" || first == "["
    }

    private static func isPartOfName(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "_-.".contains(character))
    }

    /// The names that it uses.
    var names: [String] {
        pieces.compactMap { if case .variable(let name, _) = $0 { name } else { nil } }
    }

    /// - Returns: nil where what comes of it is longer than any target takes, or no JSON.
    func filled(_ paths: [String: EventPath], with event: Event, of rule: Rule) -> ByteBuffer? {
        var text = ""
        for piece in pieces {
            guard text.utf8.count <= Self.limit else { return nil }
            switch piece {
            case .text(let plain): text += plain
            case .variable(let name, let isQuoted):
                let value = reserved(name, event, rule) ?? paths[name]?.value(in: event.value)
                text += isQuoted ? quoted(value) : Self.json(value)
            }
        }
        guard text.utf8.count <= Self.limit else { return nil }
        let documents = isDocument ? [text[...]] : text.split(whereSeparator: \.isNewline)
        let areValid = documents.allSatisfy { document in
            document.allSatisfy(\.isWhitespace) || JSONSyntax.validate(ByteBuffer(substring: document)) == nil
        }
        return areValid && !documents.isEmpty ? ByteBuffer(string: text) : nil
    }

    private func reserved(_ name: String, _ event: Event, _ rule: Rule) -> JSONValue? {
        switch name {
        case "aws.events.event.json": return event.value
        case "aws.events.event": return try? JSONValue(parsing: event.content.summary)
        case "aws.events.rule-arn": return Self.text(rule.arn)
        case "aws.events.rule-name": return Self.text(rule.name)
        case "aws.events.event.ingestion-time": return Self.text(Event.time(event.ingested))
        default: return nil
        }
    }

    private static func text(_ text: String) -> JSONValue? {
        var writer = JSONWriter()
        writer.string(text)
        return try? JSONValue(parsing: writer.buffer)
    }

    /// What is not there is an empty text.
    private static func json(_ value: JSONValue?) -> String {
        guard let value else { return "\"\"" }
        var writer = JSONWriter()
        writer.write(value)
        return String(buffer: writer.buffer)
    }

    private func quoted(_ value: JSONValue?) -> String {
        guard let value else { return "" }
        let json = Self.json(value)
        switch value.kind {
        // Its text with its escapes.
        case .string: return String(json.dropFirst().dropLast())
        // Quotes of a document within a document's own break it: AWS does not mend that.
        case .object, .array: return isDocument ? json : json.replacing("\"", with: "")
        default: return json
        }
    }
}
