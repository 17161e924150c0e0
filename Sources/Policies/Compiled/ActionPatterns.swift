/// The actions of a statement, by their service, so that a list of many costs no more than those of one service.
struct ActionPatterns: Sendable {
    private let sense: PolicySense
    /// Patterns of whole actions, by the part before the colon.
    private let byService: [Substring: [TextPattern]]
    /// Those whose service is a pattern itself, such as `*`.
    private let others: [TextPattern]

    init(_ element: PolicyElement<String>) {
        sense = element.sense
        var byService: [Substring: [TextPattern]] = [:]
        var others: [TextPattern] = []
        for action in element.values {
            let action = action.lowercased()
            let service = action.prefix { $0 != ":" }
            if service.utf8.count == action.utf8.count || service.utf8.contains(where: { TextPattern.token($0) > 0xff })
            {
                others.append(TextPattern(action))
            } else {
                byService[service, default: []].append(TextPattern(action))
            }
        }
        self.byService = byService
        self.others = others
    }

    /// - Parameter action: In lower case.
    func speak(of action: String) -> Bool {
        let text = action.utf8Span.span
        var isListed = others.contains { $0.matches(text) }
        if !isListed, !byService.isEmpty, let patterns = byService[action.prefix { $0 != ":" }] {
            isListed = patterns.contains { $0.matches(text) }
        }
        return isListed == (sense == .these)
    }
}
