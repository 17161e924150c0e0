import AWSWire

/// A part of a list, and where the next one begins.
struct Page<Element> {
    var elements: [Element]
    var marker: String?
    var isTruncated: Bool { marker != nil }

    private static var standardSize: Int { 100 }

    /// - Parameters:
    ///   - all: In the order of `key`.
    ///   - marker: Of the page before; nil for the first.
    ///   - key: What the list is in the order of; no two elements have the same.
    init(_ all: [Element], marker: String?, limit: Int?, key: (Element) -> String) throws(AWSError) {
        var rest = all[...]
        if let marker {
            guard let bytes = Base64.decode(marker), let last = String(validating: bytes, as: UTF8.self) else {
                throw .invalid("Invalid Marker.")
            }
            rest = rest.drop { key($0) <= last }
        }
        elements = Array(rest.prefix(limit ?? Self.standardSize))
        if elements.count < rest.count, let last = elements.last {
            self.marker = Base64.encode(Array(key(last).utf8))
        }
    }
}
