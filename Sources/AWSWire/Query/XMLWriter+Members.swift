/// Members of shapes as elements of their names. Those that are nil are left out.
extension XMLWriter {
    package mutating func string(_ name: String, _ value: String?) {
        if let value { element(name) { $0.string(value) } }
    }

    package mutating func bool(_ name: String, _ value: Bool?) {
        if let value { element(name) { $0.bool(value) } }
    }

    package mutating func int(_ name: String, _ value: Int?) {
        if let value { element(name) { $0.int(value) } }
    }

    package mutating func double(_ name: String, _ value: Double?) {
        if let value { element(name) { $0.double(value) } }
    }

    package mutating func timestamp(_ name: String, _ value: Double?) {
        if let value { element(name) { $0.timestamp(secondsSinceEpoch: value) } }
    }

    package mutating func blob(_ name: String, _ value: [UInt8]?) {
        if let value { element(name) { $0.blob(value) } }
    }

    package mutating func structure(_ name: String, _ value: (some QueryOutput)?) {
        if let value { element(name) { value.encode(to: &$0) } }
    }

    // MARK: Lists and maps

    package mutating func strings(_ name: String, _ values: [String]?, each element: String = "member") {
        guard let values else { return }
        open(name)
        for value in values { string(element, value) }
        close(name)
    }

    package mutating func list(_ name: String, _ values: [some QueryOutput]?, each element: String = "member") {
        guard let values else { return }
        open(name)
        for value in values { structure(element, value) }
        close(name)
    }

    /// A map, in the order of its keys.
    package mutating func map<Value>(
        _ name: String, _ values: [String: Value]?, _ write: (inout XMLWriter, Value) -> Void
    ) {
        guard let values else { return }
        open(name)
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            open("entry")
            string("key", key)
            element("value") { write(&$0, value) }
            close("entry")
        }
        close(name)
    }
}
