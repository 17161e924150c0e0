import AWSWire
import IAMModel
import NIOCore
import Policies

/// Texts of policies on their way in and out.
enum Documents {
    /// What a policy is for.
    enum Use {
        /// What its bearer may do.
        case permissions
        /// Who may assume a role.
        case trust
    }

    /// - Throws: `MalformedPolicyDocument`.
    @discardableResult
    static func check(_ text: String, as use: Use) throws(AWSError) -> PolicyDocument {
        do {
            return try PolicyDocument(parsing: ByteBuffer(string: text))
        } catch {
            throw IAMError.malformedPolicyDocument(message: error.message)
        }
    }

    /// How long a policy is for the quotas: white space does not count.
    static func size(_ text: String) -> Int {
        text.unicodeScalars.count { !($0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r") }
    }

    /// As answers have it: percent-encoded (RFC 3986).
    static func encoded(_ text: String) -> String { PercentEncoding.encode(text) }
}
