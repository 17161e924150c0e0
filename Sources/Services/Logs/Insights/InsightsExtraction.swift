import AWSWire

/// What `parse` finds in a text.
enum InsightsExtraction: Sendable {
    case glob(InsightsGlob, names: [String])
    case groups(NamedGroups)

    /// The fields of a text; none where it is not of that form.
    func fields(in text: String) -> [(name: String, value: String)] {
        switch self {
        case .glob(let glob, let names): Array(zip(names, glob.values(in: text) ?? []))
        case .groups(let groups):
            zip(groups.names, groups.values(in: text) ?? []).compactMap { name, value in value.map { (name, $0) } }
        }
    }
}

/// `user=*, method:*`: each star is a field.
struct InsightsGlob: Sendable {
    private let parts: [String]

    var stars: Int { parts.count - 1 }

    init(_ text: String) { parts = text.split(separator: "*", omittingEmptySubsequences: false).map(String.init) }

    /// What the stars stand for; nil when the text has not these parts in this order.
    func values(in text: String) -> [String]? {
        guard var rest = Self.after(parts[0], in: text[...])?.rest else { return nil }
        var values: [String] = []
        for (index, part) in parts.enumerated().dropFirst() {
            if part.isEmpty {
                // The last takes all that is left, one before another star nothing.
                values.append(index == parts.count - 1 ? String(rest) : "")
            } else if let (before, after) = Self.after(part, in: rest) {
                values.append(String(before))
                rest = after
            } else {
                return nil
            }
        }
        return values
    }

    private static func after(_ part: String, in text: Substring) -> (before: Substring, rest: Substring)? {
        if part.isEmpty { return (text.prefix(0), text) }
        guard let range = text.firstRange(of: part) else { return nil }
        return (text[..<range.lowerBound], text[range.upperBound...])
    }
}
