/// The query protocol's forms and documents as the audit shows them.
extension AuditDisclosure {
    /// The parameters of a form; those that say which operation it is, or who signed it, are left out.
    func form(_ pairs: [(name: String, value: String)]) -> AuditValue {
        var root = Node()
        for (name, value) in pairs where !Self.isEnvelope(name) {
            root.insert(name.split(separator: ".", maxSplits: 16).prefix(16)[...], value)
        }
        return object(root)
    }

    /// What signatures and the protocol itself add to a form or a query.
    static func isEnvelope(_ name: String) -> Bool {
        name == "Action" || name == "Version" || name.lowercased().hasPrefix("x-amz-")
    }

    /// A form's parameters, by the parts of their names.
    private struct Node {
        var value: String?
        var children: [(name: String, node: Node)] = []

        mutating func insert(_ path: ArraySlice<Substring>, _ value: String) {
            guard let name = path.first else {
                if self.value == nil { self.value = value }
                return
            }
            if let index = children.firstIndex(where: { $0.name == name }) {
                children[index].node.insert(path.dropFirst(), value)
            } else {
                var node = Node()
                node.insert(path.dropFirst(), value)
                children.append((String(name), node))
            }
        }

        /// The elements of a list, when it is one.
        var elements: [Node]? {
            if children.count == 1, children[0].name == "member" { return children[0].node.elements ?? [] }
            guard !children.isEmpty, children.allSatisfy({ Int($0.name) != nil }) else { return nil }
            return children.map(\.node)
        }
    }

    private func object(_ node: Node) -> AuditValue {
        .object(node.children.map { child in member(child.name) { value(child.node, name: child.name) } })
    }

    private func value(_ node: Node, name: String) -> AuditValue {
        if let elements = node.elements { return .list(elements.map { value($0, name: name) }) }
        if !node.children.isEmpty { return object(node) }
        return scalar(node.value ?? "", name: name)
    }

    /// Numbers and truths of the parameters that have them; all others are texts.
    func scalar(_ text: String, name: String) -> AuditValue {
        switch name {
        case "DurationSeconds", "MaxItems", "MaxSessionDuration", "PackedPolicySize", "AttachmentCount":
            return Int(text).map { .number(String($0)) } ?? .text(text)
        default:
            if text == "true" || text == "false" { return .bool(text == "true") }
            return .text(text)
        }
    }

    /// The members of `XResult` in an answer; nil where there are none.
    func result(_ document: String) -> AuditValue? {
        var reader = AnswerReader(document[...])
        guard let root = reader.element(), let result = root.children.first(where: { $0.name.hasSuffix("Result") })
        else { return nil }
        return value(result)
    }

    /// The code and the message of an `ErrorResponse`.
    func error(in document: String) -> (code: String?, message: String?) {
        var reader = AnswerReader(document[...])
        let error = reader.element()?.children.first { $0.name == "Error" }
        func text(_ name: String) -> String? { error?.children.first { $0.name == name }?.text }
        return (text("Code"), text("Message"))
    }

    private func value(_ element: AnswerReader.Element) -> AuditValue {
        guard let first = element.children.first else { return scalar(element.text, name: element.name) }
        if first.name == "member" { return .list(element.children.map(value)) }
        return .object(element.children.map { child in member(child.name) { value(child) } })
    }
}

/// Reads the XML of our own answers: elements and text, nothing else.
private struct AnswerReader {
    struct Element {
        var name: String
        var text = ""
        var children: [Element] = []
    }

    private static let depthLimit = 32
    private var rest: Substring

    init(_ text: Substring) { rest = text }

    /// - Returns: nil where no whole element begins.
    mutating func element(depth: Int = 0) -> Element? {
        guard depth < Self.depthLimit, let open = rest.firstIndex(of: "<"), let end = rest[open...].firstIndex(of: ">")
        else { return nil }
        let tag = rest[rest.index(after: open)..<end]
        rest = rest[rest.index(after: end)...]
        var element = Element(name: String(tag.prefix { $0 != " " && $0 != "/" }))
        if tag.hasSuffix("/") { return element }
        while let next = rest.firstIndex(of: "<") {
            if rest[next...].hasPrefix("</") {
                if element.children.isEmpty { element.text = Self.unescaped(rest[..<next]) }
                guard let end = rest[next...].firstIndex(of: ">") else { return nil }
                rest = rest[rest.index(after: end)...]
                return element
            }
            guard let child = self.element(depth: depth + 1) else { return nil }
            element.children.append(child)
        }
        return nil
    }

    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("&") else { return String(text) }
        var result = ""
        var rest = text
        while let mark = rest.firstIndex(of: "&"), let end = rest[mark...].firstIndex(of: ";") {
            result += rest[..<mark]
            switch rest[rest.index(after: mark)..<end] {
            case "amp": result += "&"
            case "lt": result += "<"
            case "gt": result += ">"
            case "quot": result += "\""
            case "apos": result += "'"
            case "#xD": result += "\r"
            default: result += "\u{fffd}"
            }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}
