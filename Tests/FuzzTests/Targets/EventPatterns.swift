import AWSWire
import EventPatterns
import NIOCore

extension FuzzTarget {
    /// A pattern and an event, with a zero byte between them: whatever they are, one matches or it does not, and what
    /// a pattern asks for in alternatives it finds whichever comes first.
    static let eventPattern = FuzzTarget("event-pattern") { input in
        let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let text = String(decoding: parts[0], as: UTF8.self)
        let event = parts.count > 1 ? try? JSONValue(parsing: ByteBuffer(bytes: parts[1])) : nil
        guard let pattern = try? EventPattern(text) else { return }
        guard let event else { return }
        let matches = pattern.matches(event)
        try hold(pattern.matches(event) == matches, "a pattern changes its mind")
        let named = event.members.filter { $0.name == "source" }
        if let sources = pattern.texts(of: "source"), matches, event.kind == .object, named.count < 2 {
            let source = named.first?.value
            let isKnown = source?.string.map(sources.contains) ?? (source?.kind == .array)
            try hold(isKnown, "matches another source than it tells")
        }
        if text.hasPrefix("{"), let either = try? EventPattern("{\"$or\":[\(text),{\"source\":[{\"exists\":true}]}]}") {
            try hold(!matches || either.matches(event), "matches, but not as an alternative")
        }
    }
}
