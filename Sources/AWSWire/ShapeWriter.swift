/// What shapes are written to whose service speaks JSON and CBOR: the members are the same in both.
///
/// That calls nest and that every value of an object has a name is the caller's business.
package protocol ShapeWriter {
    mutating func beginObject()
    mutating func endObject()
    mutating func beginArray()
    mutating func endArray()
    /// Writes a member's name; its value must follow.
    mutating func name(_ name: String)
    mutating func bool(_ value: Bool)
    mutating func int(_ value: Int)
    mutating func double(_ value: Double)
    mutating func timestamp(secondsSinceEpoch seconds: Double)
    mutating func string(_ value: String)
    mutating func blob(_ bytes: some Sequence<UInt8>)
}

extension JSONWriter: ShapeWriter {}
extension CBORWriter: ShapeWriter {}

/// A result that JSON, CBOR and XML answers hold: services that speak all three choose when they answer.
package protocol ShapeOutput: QueryOutput {
    func encode(to writer: inout some ShapeWriter)
}
