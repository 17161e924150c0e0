import AWSWire
import EventPatterns
import NIOCore

/// Which messages a subscription wants.
///
/// https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
struct FilterPolicy: Sendable, Hashable {
    /// What of a message is looked at.
    enum Scope: String, Sendable, Hashable {
        case messageAttributes = "MessageAttributes"
        case messageBody = "MessageBody"
    }

    /// Keys, all of which have to fit, and of each group of alternatives one.
    struct Level: Sendable, Hashable {
        struct Key: Sendable, Hashable {
            var name: String
            var rule: Rule

            init(_ name: String, _ rule: Rule) {
                self.name = name
                self.rule = rule
            }

            /// - Parameter path: Names with points between them, which are as good as levels.
            init(path: String, rule: Rule) {
                let names = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
                let inner = names.dropFirst().reversed().reduce(rule) { .nested(Level(keys: [Key($1, $0)])) }
                self.init(names[0], inner)
            }
        }
        var keys: [Key] = []
        var alternatives: [[Level]] = []
    }

    indirect enum Rule: Sendable, Hashable {
        /// One of them has to fit one of the key's values.
        case values([Condition])
        case nested(Level)
    }

    /// Why a text is no filter policy, in AWS's words.
    struct Refusal: Error, Sendable, Hashable {
        var reason: String
        /// Whether it is about the policy as a whole rather than about what stands in it.
        var isWhole = false
    }

    private static let keyLimit = 5
    private static let combinationLimit = 150
    /// How many levels a key may be deep, with those that points in names make: as many as JSON may have here.
    private static let levelLimit = 100

    var scope: Scope
    private var level: Level

    init(_ text: String, scope: Scope) throws(Refusal) {
        let value: JSONValue
        do { value = try JSONValue(parsing: ByteBuffer(string: text)) } catch {
            throw Refusal(reason: "failed to parse JSON. \(error)")
        }
        guard value.kind == .object else { throw Refusal(reason: "Filter is not an object") }
        guard value.members.count <= Self.keyLimit else {
            throw Refusal(reason: "Filter policy can not have more than \(Self.keyLimit) keys")
        }
        self.scope = scope
        var combinations = 1
        level = try Self.level(value, scope, depth: 1, levels: 0, &combinations)
        guard combinations <= Self.combinationLimit else { throw Refusal(reason: "Filter policy is too complex") }
    }

    /// - Parameters:
    ///   - levels: How many names are above.
    ///   - combinations: The product of the numbers of values, each as often as its key is deep; alternatives add up.
    private static func level(
        _ value: JSONValue, _ scope: Scope, depth: Int, levels above: Int, _ combinations: inout Int
    ) throws(Refusal) -> Level {
        var level = Level()
        for (name, member) in value.members {
            let levels = above + 1 + name.utf8.count { $0 == UInt8(ascii: ".") }
            guard levels <= Self.levelLimit else { throw Refusal(reason: "Filter policy is too complex") }
            switch member.kind {
            case .object:
                let nested = try Self.level(
                    member, scope, depth: depth + 1, levels: levels, &combinations)
                level.keys.append(Level.Key(path: name, rule: .nested(nested)))
            case .array:
                let elements = member.elements
                guard !elements.isEmpty else { throw Refusal(reason: "Empty arrays are not allowed") }
                if name == "$or", elements.count > 1, elements.allSatisfy({ $0.kind == .object }) {
                    var (sum, branches) = (0, [Level]())
                    for element in elements {
                        var branch = combinations
                        branches.append(
                            try Self.level(element, scope, depth: depth, levels: above, &branch))
                        sum = saturating(sum, branch, +)
                    }
                    combinations = sum
                    level.alternatives.append(branches)
                    continue
                }
                combinations = saturating(combinations, elements.count * depth, *)
                var conditions: [Condition] = []
                for element in elements { conditions.append(try Condition(filter: element)) }
                let rule = Rule.values(conditions)
                level.keys.append(scope == .messageBody ? Level.Key(path: name, rule: rule) : Level.Key(name, rule))
            default: throw Refusal(reason: "\"\(name)\" must be an object or an array")
            }
        }
        // What is wrong within a level is told first.
        if scope == .messageAttributes, depth > 1 {
            throw Refusal(
                reason: "Filter policy scope MessageAttributes does not support nested filter policy", isWhole: true)
        }
        return level
    }

    /// Beyond the limit it does not matter how far.
    private static func saturating(_ one: Int, _ other: Int, _ operation: (Int, Int) -> Int) -> Int {
        min(operation(min(one, 1_000_000), min(other, 1_000_000)), 1_000_000)
    }

    // MARK: Matching

    /// - Parameter delivery: The subscription's: it may have a body of its own.
    func matches(_ message: inout FilteredMessage, for delivery: String) -> Bool {
        switch scope {
        case .messageAttributes: Self.matches(level, message.attributes)
        case .messageBody: message.body(for: delivery).map { Self.matches(level, $0) } ?? false
        }
    }

    private static func matches(_ level: Level, _ attributes: [String: [Leaf]]) -> Bool {
        level.keys.allSatisfy { key in
            guard case .values(let conditions) = key.rule else { return false }
            return conditions.contains { $0.wants(attributes[key.name]) }
        } && level.alternatives.allSatisfy { $0.contains { matches($0, attributes) } }
    }

    /// - Parameter part: Of an array one element has to fit as a whole.
    private static func matches(_ level: Level, _ part: BodyPart) -> Bool {
        if let elements = part.elements { return elements.contains { matches(level, BodyPart($0)) } }
        return level.keys.allSatisfy { key in
            switch key.rule {
            case .nested(let nested): return matches(nested, part.part(key.name))
            case .values(let conditions):
                let values = part.leaf(key.name).flatMap { Leaf.all(in: $0) }
                return conditions.contains { $0.wants(values) }
            }
        } && level.alternatives.allSatisfy { $0.contains { matches($0, part) } }
    }
}
