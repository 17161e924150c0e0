/// A number of a condition: whole ones are compared exactly, however large; others as doubles.
struct PolicyNumber: Sendable, Comparable {
    private let whole: Int?
    let value: Double

    /// - Parameter text: Decimal digits with a sign, a fraction and an exponent; neither hexadecimal nor infinite.
    init?(_ text: String) {
        let plain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
        guard plain, let value = Double(text), value.isFinite else { return nil }
        self.value = value
        whole = Int(text) ?? Int(exactly: value)
    }

    static func < (one: PolicyNumber, other: PolicyNumber) -> Bool {
        if let one = one.whole, let other = other.whole { return one < other }
        return one.value < other.value
    }

    static func == (one: PolicyNumber, other: PolicyNumber) -> Bool { !(one < other) && !(other < one) }
}
