/// The query protocol's forms and documents as the audit shows them.
extension AuditDisclosure {
    /// What a request of the query protocol says. What says which operation it is, or who signed it, is left out.
    package func form(of request: ServiceRequest) -> AuditValue {
        object(FormValue(request).all.filter { !Self.isEnvelope($0.name) })
    }

    /// What signatures and the protocol itself add to a form or a query.
    static func isEnvelope(_ name: String) -> Bool {
        name == "Action" || name == "Version" || name.lowercased().hasPrefix("x-amz-")
    }

    private func object(_ members: [(name: String, value: FormValue)]) -> AuditValue {
        .object(members.map { name, value in member(name) { self.value(value, name: name) } })
    }

    private func value(_ form: FormValue, name: String) -> AuditValue {
        if let elements = form.elements { return .list(elements.map { value($0, name: name) }) }
        let members = form.all
        return members.isEmpty ? scalar(form.text ?? "", name: name) : object(members)
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
