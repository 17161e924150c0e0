import Crypto

extension MessageContent {
    /// The deduplication id of a message without one: the SHA-256 of its body, not of its attributes.
    var fingerprint: String {
        let digits = Array("0123456789abcdef".utf8)
        let digest = SHA256.hash(data: Array(body.utf8))
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The MD5 of what X-Ray says.
    var systemDigest: String? {
        MessageDigest.of(
            trace.map { ["AWSTraceHeader": MessageAttribute(type: "String", value: .text($0))] } ?? [:])
    }
}
