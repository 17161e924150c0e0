import AWSWire
import Crypto

extension MessageContent {
    /// The deduplication id of a message without one: the SHA-256 of its body, not of its attributes.
    var fingerprint: String { Hexadecimal.encode(SHA256.hash(data: Array(body.utf8))) }

    /// The MD5 of what X-Ray says.
    var systemDigest: String? {
        MessageDigest.of(
            trace.map { ["AWSTraceHeader": MessageAttribute(type: "String", value: .text($0))] } ?? [:])
    }
}
