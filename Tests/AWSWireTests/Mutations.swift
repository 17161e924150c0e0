import NIOCore
import TestSupport

extension SeededGenerator {
    /// The bytes with a few of them changed, removed, added or repeated.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let at = Int.random(in: 0...bytes.count, using: &self)
            switch Int.random(in: 0..<5, using: &self) {
            case 0: bytes.insert(UInt8.random(in: 0...255, using: &self), at: at)
            case 1 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &self)
            case 2 where at < bytes.count:
                bytes[at] = Array("{}[]\",:\\0-9eE.tfnu ".utf8).randomElement(using: &self) ?? 0
            case 3 where at < bytes.count: bytes.remove(at: at)
            case 4: bytes.insert(contentsOf: bytes[0..<at].suffix(8), at: at)
            default: bytes = Array(bytes[0..<at])
            }
        }
        return bytes
    }
}

extension ByteBuffer {
    var text: String { String(buffer: self) }
}
