import AWSWire

/// What of a message's body stands at one place: names with points in them are as good as levels, so that several
/// members may together be one.
struct BodyPart {
    private var members: [(name: Substring, value: JSONValue)] = []
    /// Of an array.
    private(set) var elements: [JSONValue]?

    init(_ value: JSONValue?) {
        switch value?.kind {
        case .object: members = value?.members.map { ($0.name[...], $0.value) } ?? []
        case .array: elements = value?.elements
        default: break
        }
    }

    /// The member of that name; of repeated names the last counts.
    func leaf(_ name: String) -> JSONValue? { members.last { $0.name == name }?.value }

    /// What is below a name; empty where nothing is.
    func part(_ name: String) -> BodyPart {
        var part = BodyPart(leaf(name))
        for (path, value) in members where path.hasPrefix(name) {
            let rest = path.dropFirst(name.count)
            if rest.first == "." { part.members.append((rest.dropFirst(), value)) }
        }
        return part
    }
}
