import AWSWire
import IAMModel
import NIOCore
import Policies

/// Texts of policies on their way in and out.
enum Documents {
    /// - Throws: `MalformedPolicyDocument`.
    @discardableResult
    static func check(_ text: String, as kind: PolicyKind) throws(AWSError) -> PolicyDocument {
        do {
            return try PolicyDocument(validating: ByteBuffer(string: text), as: kind)
        } catch {
            throw IAMError.malformedPolicyDocument(message: error.message)
        }
    }

    /// How long a policy is for the quotas: white space does not count.
    static func size(_ text: String) -> Int { PolicyDocument.countedLength(of: text) }

    /// As answers have it: percent-encoded (RFC 3986).
    static func encoded(_ text: String) -> String { PercentEncoding.encode(text) }
}
