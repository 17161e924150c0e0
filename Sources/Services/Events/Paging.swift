import AWSWire

/// One page of a list that is in the order of its names.
struct Page<Element: Sendable>: Sendable {
    let elements: [Element]
    /// What the next page is asked for by; nil: there is none.
    let next: String?

    /// - Parameters:
    ///   - token: Of the page before.
    ///   - limit: nil: as many as there may be.
    init(_ all: [Element], after token: String?, limit: Int?, standard: Int, name: (Element) -> String) throws(AWSError)
    {
        var rest = all[...]
        if let token {
            guard let last = Base64.decodeText(token) else {
                throw EventsFailure.parameter("NextToken", "The token is not valid.")
            }
            rest = rest.drop { name($0) <= last }
        }
        let count = min(limit ?? standard, standard)
        elements = Array(rest.prefix(count))
        next = rest.count > count ? elements.last.map { Base64.encode(Array(name($0).utf8)) } : nil
    }
}

extension Int64 {
    /// Milliseconds as the seconds of answers.
    var seconds: Double { Double(self) / 1_000 }
}
