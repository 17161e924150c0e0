/// The actions of a statement, by their service, so that a list of many costs no more than those of one service.
struct ActionPatterns: Sendable {
    private typealias Service = (name: String, patterns: [TextPattern])

    private let sense: PolicySense
    /// Patterns of whole actions, by the part before the colon: those of a few services, which are looked through.
    private let few: [Service]
    /// Those of many services.
    private let many: [String: [TextPattern]]
    /// Those whose service is a pattern itself, such as `*`.
    private let others: [TextPattern]

    init(_ element: PolicyElement<String>) {
        sense = element.sense
        var byService: [String: [TextPattern]] = [:]
        var others: [TextPattern] = []
        for action in element.values {
            let action = action.lowercased()
            let service = Self.service(of: action)
            if service.utf8.count == action.utf8.count || service.utf8.contains(where: { TextPattern.token($0) > 0xff })
            {
                others.append(TextPattern(action))
            } else {
                byService[service, default: []].append(TextPattern(action))
            }
        }
        let isFew = byService.count <= 8
        few = isFew ? byService.map { ($0.key, $0.value) } : []
        many = isFew ? [:] : byService
        self.others = others
    }

    static func service(of action: String) -> String {
        let end = action.utf8.firstIndex(of: UInt8(ascii: ":")) ?? action.endIndex
        return String(action[..<end])
    }

    func speak(of inquiry: borrowing Inquiry) -> Bool { lists(inquiry.action, inquiry.service) == (sense == .these) }

    private func lists(_ action: String, _ service: String) -> Bool {
        let text = action.utf8Span.span
        for index in others.indices where others[index].matches(text) { return true }
        for index in few.indices where few[index].name == service {
            return few[index].patterns.contains { $0.matches(text) }
        }
        return many.isEmpty ? false : many[service]?.contains { $0.matches(text) } ?? false
    }
}
