import AWSWire

/// A part of a list, and where the next one begins.
struct Page<Element> {
    var elements: [Element]
    var marker: String?
    var isTruncated: Bool { marker != nil }

    private static var standardSize: Int { 100 }

    /// Of a list whose elements are made as they are wanted: those of other pages are not.
    init(
        count: Int, marker: String?, limit: Int?, element: (Int) throws(AWSError) -> Element
    ) throws(AWSError) {
        var start = 0
        if let marker {
            guard let index = Int(try Self.read(marker)), (0...count).contains(index) else {
                throw .invalid("Invalid Marker.")
            }
            start = index
        }
        let end = start + min(count - start, limit ?? Self.standardSize)
        elements = []
        for index in start..<end { elements.append(try element(index)) }
        if end < count { self.marker = Base64.encode(Array(String(end).utf8)) }
    }

    /// - Parameters:
    ///   - all: In the order of `key`.
    ///   - marker: Of the page before; nil for the first.
    ///   - key: What the list is in the order of; no two elements have the same.
    init(_ all: [Element], marker: String?, limit: Int?, key: (Element) -> String) throws(AWSError) {
        var rest = all[...]
        if let marker {
            let last = try Self.read(marker)
            rest = rest.drop { key($0) <= last }
        }
        elements = Array(rest.prefix(limit ?? Self.standardSize))
        if elements.count < rest.count, let last = elements.last {
            self.marker = Base64.encode(Array(key(last).utf8))
        }
    }

    private static func read(_ marker: String) throws(AWSError) -> String {
        guard let text = Base64.decodeText(marker) else {
            throw .invalid("Invalid Marker.")
        }
        return text
    }
}
