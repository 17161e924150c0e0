package import NIOCore

/// CBOR, as RFC 8949 and the rpc-v2-cbor protocol have it.
///
/// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
package enum CBOR {
    /// Why bytes are no value that a request may have.
    package enum Fault: Error, Sendable, Hashable {
        case truncated
        /// What is not CBOR, or not of the kinds that the protocol has.
        case unexpected(byte: UInt8)
        case trailingBytes
        case notUTF8
        case tooDeep
        /// A key that is no text.
        case key
        /// A tag that is not about a time, or a time that is no number.
        case tag
    }

    /// First bytes of items.
    enum Head {
        static let unsigned: UInt8 = 0x00
        static let negative: UInt8 = 0x20
        static let bytes: UInt8 = 0x40
        static let text: UInt8 = 0x60
        static let array: UInt8 = 0x80
        static let map: UInt8 = 0xa0
        static let tag: UInt8 = 0xc0
        static let `false`: UInt8 = 0xf4
        static let `true`: UInt8 = 0xf5
        static let null: UInt8 = 0xf6
        static let undefined: UInt8 = 0xf7
        static let half: UInt8 = 0xf9
        static let single: UInt8 = 0xfa
        static let double: UInt8 = 0xfb
        static let stop: UInt8 = 0xff
        /// In the low bits of a head: what follows ends with ``stop``.
        static let indefinite: UInt8 = 0x1f
        static let kinds: UInt8 = 0xe0
    }

    enum Tag {
        static let epoch: UInt8 = 1
    }

    /// The same value in JSON, which is what shapes are read from: bytes become base64, times become numbers of
    /// seconds, numbers that JSON does not have become the strings by which AWS's protocols name them.
    ///
    /// - Parameter depthLimit: How deep containers and tags may nest.
    package static func json(_ buffer: ByteBuffer, depthLimit: Int = 100) throws(Fault) -> ByteBuffer {
        var reader = CBORReader(buffer, depthLimit: depthLimit)
        return try reader.read()
    }
}
