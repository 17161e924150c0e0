/// A function as callers name it: by its name, a partial ARN or a full ARN, with or without a qualifier.
///
/// Follows the pattern that AWS states for `FunctionName`, in which every part but the name may be absent:
/// `(arn:aws:lambda:)(REGION:)(ACCOUNT:)(function:)NAME(:QUALIFIER)`.
struct FunctionName: Hashable, Sendable {
    var region: String?
    var account: String?
    var name: String
    var qualifier: String?

    /// What AWS prints when a name does not follow the pattern.
    static let pattern =
        #"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"#
        + #"(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"#

    init(region: String? = nil, account: String? = nil, name: String, qualifier: String? = nil) {
        self.region = region
        self.account = account
        self.name = name
        self.qualifier = qualifier
    }

    /// - Returns: nil when `text` does not follow the pattern.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 8 else { return nil }
        let start = Self.startsWithARN(parts) ? 3 : 0
        guard let parsed = Self.match(parts[start...]) ?? Self.match(parts[...]) else { return nil }
        self = parsed
    }

    /// Whether the qualifier could be a version's number or an alias, or is `$LATEST`.
    static func isQualifier(_ text: some StringProtocol) -> Bool {
        if text == "$LATEST" || text == "$LATEST.PUBLISHED" { return true }
        return !text.isEmpty && text.utf8.allSatisfy { isWord($0) }
    }
}

extension FunctionName {
    private static func startsWithARN(_ parts: [String]) -> Bool {
        guard parts.count > 3, parts[0] == "arn", parts[2] == "lambda" else { return false }
        let partition = parts[1].utf8
        return partition.isEmpty
            || partition.starts(with: "aws".utf8)
                && partition.dropFirst(3).allSatisfy { isLetter($0) || $0 == UInt8(ascii: "-") }
    }

    /// Matches the optional parts greedily and gives them up, last first, where the rest would not match.
    private static func match(_ parts: ArraySlice<String>, after stage: Int = 0) -> FunctionName? {
        guard let first = parts.first else { return nil }
        if stage < optionalParts.count {
            if parts.count > 1, optionalParts[stage](first),
                var matched = match(parts.dropFirst(), after: stage + 1)
            {
                if stage == 0 { matched.region = first }
                if stage == 1 { matched.account = first }
                return matched
            }
            return match(parts, after: stage + 1)
        }
        guard parts.count <= 2, isName(first) else { return nil }
        guard parts.count == 2, let qualifier = parts.last else { return FunctionName(name: first) }
        return isQualifier(qualifier) ? FunctionName(name: first, qualifier: qualifier) : nil
    }

    private static let optionalParts: [@Sendable (String) -> Bool] = [
        isRegion, { $0.utf8.count == 12 && $0.utf8.allSatisfy(isDigit) }, { $0 == "function" },
    ]

    /// `(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-[0-9]`
    @Sendable private static func isRegion(_ text: String) -> Bool {
        var words = text.split(separator: "-", omittingEmptySubsequences: false)[...]
        if words.first == "eusc" { words = words.dropFirst() }
        guard let country = words.popFirst(), country.utf8.count == 2, country.utf8.allSatisfy(isLower) else {
            return false
        }
        if words.count == 3, let partition = words.popFirst() {
            let isISO = partition.hasPrefix("iso") && partition.utf8.count <= 4 && partition.utf8.allSatisfy(isLower)
            guard partition == "gov" || isISO else { return false }
        }
        guard words.count == 2, let place = words.first, let number = words.last else { return false }
        return !place.isEmpty && place.utf8.allSatisfy(isLower) && number.utf8.count == 1
            && number.utf8.allSatisfy(isDigit)
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }
    private static func isWord(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
}
