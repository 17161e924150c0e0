/// Arguments of conditions on texts, in the SQL that all stores share.
extension String {
    /// What begins with this lies between it and the same with the last code point there is.
    package var endOfPrefix: String { self + "\u{10FFFF}" }

    /// For a pattern of LIKE whose escape is `!`.
    package var escapedForLike: String {
        var escaped = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if "!%_".unicodeScalars.contains(scalar) { escaped.append("!") }
            escaped.append(scalar)
        }
        return String(escaped)
    }
}
