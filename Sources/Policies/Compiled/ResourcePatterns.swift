/// The resources of a statement. A star reaches over colons, as AWS's does at the end of an ARN's segment.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
struct ResourcePatterns: Sendable {
    /// What the policy hangs on.
    enum Bearer {
        case identity
        case resource
    }

    private let sense: PolicySense
    let templates: [PatternTemplate]

    init(_ element: PolicyElement<String>, of bearer: Bearer, _ syntax: PatternTemplate.Syntax) {
        sense = element.sense
        templates = element.values.map { text in
            Self.template(bearer == .identity ? Self.completed(text) : text, syntax.union(.wildcards))
        }
    }

    /// In policies of identities each part that an ARN leaves out is any: `arn:aws:sqs` is `arn:aws:sqs:*:*:*`.
    ///
    /// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    private static func completed(_ text: String) -> String {
        guard isIncomplete(text) else { return text }
        return text + String(repeating: ":*", count: 5 - text.count { $0 == ":" })
    }

    /// Whether this is an ARN of fewer than six parts.
    static func isIncomplete(_ text: String) -> Bool {
        text.hasPrefix("arn:") && !text.contains("$") && text.count { $0 == ":" } < 5
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
