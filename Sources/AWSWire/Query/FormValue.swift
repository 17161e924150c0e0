import NIOCore

/// A member of an input of the query protocol: text, or the members of a structure, list or map.
///
/// `Tags.member.1.Key=team` is a structure `Tags` with a structure `member` with a structure `1`; which of them is
/// meant to be a list only the shapes know.
package struct FormValue: Sendable {
    /// The value as it was sent; nil for what has members only.
    package private(set) var text: String?
    private var members: [String: FormValue] = [:]

    /// No shape nests as deep; parameters that do are as unknown as any other that no shape has.
    private static let depthLimit = 24
    /// Nor does any have as many members: what comes after so many parameters is not read.
    private static let countLimit = 10_000

    /// Reads the parameters of a query, and after them those of a form, unless ``ServiceRequest/readingForm()`` has. Of
    /// repeated ones the first counts.
    package init(_ request: ServiceRequest) {
        if let form = request.form {
            self = form
            return
        }
        let texts = [request.query, request.body.readableBytes > 0 ? String(buffer: request.body) : nil]
        for text in texts {
            for pair in QueryParameters(text, limit: Self.countLimit).pairs { insert(pair.name, pair.value) }
        }
    }

    private init() {}

    private mutating func insert(_ name: String, _ value: String) {
        let path = name.split(separator: ".", maxSplits: Self.depthLimit, omittingEmptySubsequences: false)
        guard path.count <= Self.depthLimit else { return }
        insert(path[...], value)
    }

    private mutating func insert(_ path: ArraySlice<Substring>, _ value: String) {
        guard let name = path.first else {
            if text == nil { text = value }
            return
        }
        members[String(name), default: FormValue()].insert(path.dropFirst(), value)
    }

    /// The member of a structure.
    package subscript(name: String) -> FormValue? { members[name] }

    /// All members, in the order of their names, for whoever has no shape to say what they are.
    package var all: [(name: String, value: FormValue)] {
        members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The elements of what looks like a list: members that are numbers, and nothing else, under `member` or without
    /// it. Nil for everything else.
    package var elements: [FormValue]? {
        if members.count == 1, let list = members["member"] { return list.elements ?? [] }
        guard !members.isEmpty, members.keys.allSatisfy({ Int($0) != nil }) else { return nil }
        return numbered
    }

    // MARK: Lists and maps

    /// The elements of a list, in the order of their numbers, gaps closed.
    ///
    /// - Parameter name: What stands before the numbers; nil for a flattened list.
    package func list(_ name: String? = "member") -> [FormValue] {
        guard let name else { return numbered }
        return members[name]?.numbered ?? []
    }

    /// The texts of a list of scalars.
    package func texts(_ name: String? = "member") -> [String] { list(name).map { $0.text ?? "" } }

    /// The entries of a map, in the order of their numbers.
    ///
    /// - Parameter name: What stands before the numbers; nil for a flattened map.
    package func entries(_ name: String? = "entry", key: String = "key", value: String = "value")
        -> [(key: String, value: FormValue)]
    {
        list(name).map { ($0[key]?.text ?? "", $0[value] ?? FormValue()) }
    }

    private var numbered: [FormValue] {
        // `1` and `01` are the same number, but one of them is always the first.
        members.compactMap { name, value in Int(name).map { (number: $0, name: name, value: value) } }
            .sorted { ($0.number, $0.name) < ($1.number, $1.name) }.map(\.value)
    }
}
