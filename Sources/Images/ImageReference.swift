/// The name of a container image as `Code.ImageUri` has it: `HOST[:PORT]/REPOSITORY:TAG`, or `…@sha256:DIGEST`.
///
/// Only what the distribution specification's grammar allows is a reference, so that its parts can be parts of paths
/// and of arguments: no empty component, none that begins with a dot or a dash, nothing but lower-case letters, digits
/// and single separators in a repository.
/// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
package struct ImageReference: Sendable, Hashable {
    /// `HOST` or `HOST:PORT`, in lower case.
    package let registry: String
    /// One or more components with slashes between.
    package let repository: String
    /// Nil when only the digest is named.
    package let tag: String?
    /// 64 lower-case hexadecimal digits of a SHA-256. Wins over the tag.
    package let digest: String?

    /// - Returns: nil for anything else, a name without registry and one without tag and digest among them.
    package init?(_ text: String) {
        guard text.utf8.count <= 1024, let slash = text.firstIndex(of: "/") else { return nil }
        var rest = text[text.index(after: slash)...]
        let digest = Self.cut(&rest, at: "@")
        let tag = Self.cut(&rest, at: ":")
        let registry = text[..<slash].lowercased()
        guard Self.isRegistry(registry), Self.isRepository(rest), tag != nil || digest != nil else { return nil }
        if let tag, !Self.isTag(tag) { return nil }
        if let digest, !digest.hasPrefix("sha256:") || !Self.isDigest(digest.dropFirst(7)) { return nil }
        self.registry = registry
        repository = String(rest)
        self.tag = tag.map(String.init)
        self.digest = digest.map { String($0.dropFirst(7)) }
    }

    /// What this reference stands for once it is resolved: `ResolvedImageUri`.
    package func pinned(to digest: String) -> String { "\(registry)/\(repository)@sha256:\(digest)" }

    /// Whether the registry is on this machine.
    package var isLoopback: Bool {
        let host = registry.prefix { $0 != ":" }
        return host == "localhost"
            || host.hasPrefix("127.") && host.split(separator: ".").allSatisfy { UInt8($0) != nil }
    }

    package static func isDigest(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { isDigit($0) || (0x61...0x66).contains($0) }
    }

    /// `HOST`, which is `localhost` or has a dot, or `HOST:PORT`.
    package static func isRegistry(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, parts.count <= 2, text.utf8.count <= 255 else { return false }
        if parts.count == 2, parts[1].utf8.count > 5 || UInt16(parts[1]) ?? 0 == 0 { return false }
        guard parts.count == 2 || host.contains(".") || host == "localhost" else { return false }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            label.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == dash } && isWhole(label)
        }
    }

    /// What follows `separator`, which is taken off with it.
    private static func cut(_ text: inout Substring, at separator: Character) -> Substring? {
        guard let index = text.firstIndex(of: separator) else { return nil }
        defer { text = text[..<index] }
        return text[text.index(after: index)...]
    }

    private static func isRepository(_ text: Substring) -> Bool {
        guard text.utf8.count <= 255 else { return false }
        return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { component in
            guard isWhole(component) else { return false }
            // What separates letters and digits: one dot, one or two underscores, any number of dashes.
            let separators = component.utf8.split { isLetter($0) || isDigit($0) }
            return separators.allSatisfy { $0.allSatisfy { $0 == dash } || [".", "_", "__"].contains(Substring($0)) }
        }
    }

    private static func isTag(_ text: Substring) -> Bool {
        guard (1...128).contains(text.utf8.count), text.first != ".", text.first != "-" else { return false }
        return text.utf8.allSatisfy {
            isLetter($0 | 0x20) && $0 >= 0x41 || isDigit($0) || $0 == dash || $0 == 0x2e || $0 == 0x5f
        }
    }

    /// Whether the first and the last character are letters or digits.
    private static func isWhole(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return false }
        return (isLetter(first) || isDigit(first)) && (isLetter(last) || isDigit(last))
    }

    private static let dash = UInt8(ascii: "-")
    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
