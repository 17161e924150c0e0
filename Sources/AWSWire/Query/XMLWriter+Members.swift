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

    /// - Parameter element: What each element is called; nil for a flattened list, whose elements have its own name.
    package mutating func strings(_ name: String, _ values: [String]?, each element: String? = "member") {
        guard let values else { return }
        if element != nil { open(name) }
        for value in values { string(element ?? name, value) }
        if element != nil { close(name) }
    }

    package mutating func doubles(_ name: String, _ values: [Double]?) {
        guard let values else { return }
        element(name) { writer in
            for value in values { writer.double("member", value) }
        }
    }

    package mutating func timestamps(_ name: String, _ values: [Double]?) {
        guard let values else { return }
        element(name) { writer in
            for value in values { writer.timestamp("member", value) }
        }
    }

    /// - Parameter element: As of ``strings(_:_:each:)``.
    package mutating func list(_ name: String, _ values: [some QueryOutput]?, each element: String? = "member") {
        guard let values else { return }
        if element != nil { open(name) }
        for value in values { structure(element ?? name, value) }
        if element != nil { close(name) }
    }

    /// A map, in the order of its keys.
    package mutating func map<Value>(
        _ name: String, _ values: [String: Value]?, key: String = "key", value: String = "value",
        _ write: (inout XMLWriter, Value) -> Void
    ) {
        guard let values else { return }
        open(name)
        entries("entry", values, key: key, value: value, write)
        close(name)
    }

    /// A flattened map: each entry has the name of the map.
    package mutating func entries<Value>(
        _ name: String, _ values: [String: Value]?, key: String = "key", value: String = "value",
        _ write: (inout XMLWriter, Value) -> Void
    ) {
        for (entryKey, entryValue) in (values ?? [:]).sorted(by: { $0.key < $1.key }) {
            open(name)
            string(key, entryKey)
            element(value) { write(&$0, entryValue) }
            close(name)
        }
    }
}
