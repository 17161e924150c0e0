/// Writes ASN.1 in its distinguished encoding (X.690), as far as a certificate needs it.
enum DER {
    static func sequence(_ parts: [UInt8]...) -> [UInt8] { tagged(0x30, parts.flatMap { $0 }) }
    static func set(_ parts: [UInt8]...) -> [UInt8] { tagged(0x31, parts.flatMap { $0 }) }
    static func utf8(_ text: String) -> [UInt8] { tagged(0x0C, Array(text.utf8)) }
    static func octets(_ bytes: [UInt8]) -> [UInt8] { tagged(0x04, bytes) }
    static func boolean(_ value: Bool) -> [UInt8] { tagged(0x01, [value ? 0xFF : 0]) }
    static let null: [UInt8] = [0x05, 0]
    /// With no unused bits.
    static func bits(_ bytes: [UInt8]) -> [UInt8] { tagged(0x03, [0] + bytes) }
    /// An explicit tag of the context.
    static func context(_ number: UInt8, _ content: [UInt8]) -> [UInt8] { tagged(0xA0 | number, content) }

    /// A number that is not negative, by its bytes, the highest first.
    static func integer(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = Array(bytes.drop { $0 == 0 })
        if bytes.first.map({ $0 >= 0x80 }) ?? true { bytes.insert(0, at: 0) }
        return tagged(0x02, bytes)
    }

    /// `YYYYMMDDHHMMSSZ`; certificates have it for years from 2050 on, and `UTCTime` before.
    static func time(_ text: String) -> [UInt8] {
        text < "2050" ? tagged(0x17, Array(text.utf8.dropFirst(2))) : tagged(0x18, Array(text.utf8))
    }

    /// - Parameter arcs: The first below 3, the second below 40.
    static func object(_ arcs: [Int]) -> [UInt8] {
        var bytes = [UInt8(arcs[0] * 40 + arcs[1])]
        for arc in arcs.dropFirst(2) {
            var groups = [UInt8(arc & 0x7F)]
            var rest = arc >> 7
            while rest > 0 {
                groups.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
                rest >>= 7
            }
            bytes += groups
        }
        return tagged(0x06, bytes)
    }

    private static func tagged(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        if content.count < 0x80 { return [tag, UInt8(content.count)] + content }
        var length: [UInt8] = []
        var rest = content.count
        while rest > 0 {
            length.insert(UInt8(rest & 0xFF), at: 0)
            rest >>= 8
        }
        return [tag, 0x80 | UInt8(length.count)] + length + content
    }
}
