import NIOCore

extension String {
    /// Within quotation marks.
    package var inJSON: String {
        var writer = JSONWriter()
        writer.string(self)
        return String(buffer: writer.buffer)
    }
}

extension JSONWriter {
    package mutating func member(_ name: String, _ value: String) {
        self.name(name)
        string(value)
    }

    /// Writes a value as it was read, without the space between its parts.
    package mutating func write(_ value: JSONValue) {
        switch value.kind {
        case .null: null()
        case .true: bool(true)
        case .false: bool(false)
        case .number: raw(ByteBuffer(string: value.numberText ?? "0"))
        case .string: string(value.string ?? "")
        case .array:
            beginArray()
            for element in value.elements { write(element) }
            endArray()
        case .object:
            beginObject()
            for (name, member) in value.members {
                self.name(name)
                write(member)
            }
            endObject()
        }
    }
}
