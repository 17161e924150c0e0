extension StringProtocol {
    /// Whether it is made of what names may have: letters, digits, hyphens and underscores, all of ASCII.
    var isPlain: Bool { unicodeScalars.allSatisfy(\.isPlain) }
}

extension Unicode.Scalar {
    var isPlain: Bool {
        switch self {
        case "a"..."z", "A"..."Z", "0"..."9", "-", "_": true
        default: false
        }
    }
}
