/// The resources of a statement. A star reaches over colons, as AWS's does at the end of an ARN's segment.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
struct ResourcePatterns: Sendable {
    private let sense: PolicySense
    let templates: [PatternTemplate]

    init(_ element: PolicyElement<String>, _ syntax: PatternTemplate.Syntax) {
        sense = element.sense
        templates = element.values.map { Self.template($0, syntax.union(.wildcards)) }
    }

    /// Variables count only behind the fifth colon.
    private static func template(_ text: String, _ syntax: PatternTemplate.Syntax) -> PatternTemplate {
        guard syntax.contains(.variables), text.utf8.contains(UInt8(ascii: "$")) else {
            return PatternTemplate(text, syntax)
        }
        var colons = 0
        let start =
            text.firstIndex { character in
                colons += character == ":" ? 1 : 0
                return colons == 5
            } ?? text.endIndex
        return PatternTemplate(
            PatternTemplate.pieces(String(text[..<start]), syntax.subtracting(.variables))
                + PatternTemplate.pieces(String(text[start...]), syntax))
    }

    /// - Parameter effect: What a variable without a value in `NotResource` comes to: it keeps nothing from being
    ///   denied, and allows nothing.
    func speak(of resource: String, _ effect: PolicyStatement.Effect, _ inquiry: inout Inquiry) -> Bool {
        let text = resource.utf8Span.span
        var isUnresolved = false
        for index in templates.indices {
            switch templates[index].match(text, &inquiry) {
            case .matches: return sense == .these
            case .unresolved: isUnresolved = true
            case .differs: break
            }
        }
        return sense == .allBut && (!isUnresolved || effect == .deny)
    }
}
