import AWSWire
import Identity
import NIOCore
import Policies
import STSModel

/// The policies that narrow a session, checked.
struct SessionPolicies {
    /// Characters of an inline policy, and of all ARNs of managed ones.
    private static let plainLimit = 2_048
    private static let managedLimit = 10

    var inline: [String] = []
    var managed: [String] = []

    var isEmpty: Bool { inline.isEmpty && managed.isEmpty }

    /// How much of the space for them they take, in percent, rounded up.
    var packedSize: Int {
        let size = inline.reduce(0) { $0 + $1.utf8.count } + managed.reduce(0) { $0 + $1.utf8.count }
        return (size * 100 + Self.plainLimit - 1) / Self.plainLimit
    }

    /// - Parameter account: Whose managed policies they may be.
    /// - Throws: `MalformedPolicyDocument`, `PackedPolicyTooLarge`, `ValidationError`.
    init(
        _ policy: String?, _ descriptors: [STS.PolicyDescriptorType]?, of account: AccountID,
        directory: any PrincipalDirectory
    ) throws(AWSError) {
        if let policy {
            try Self.check(policy)
            inline = [policy]
        }
        managed = (descriptors ?? []).compactMap(\.arn)
        guard managed.count <= Self.managedLimit else {
            throw .invalid("A session may have \(Self.managedLimit) managed policies at most.")
        }
        for arn in managed where directory.managedPolicy(arn, in: account) == nil {
            throw .invalid("Policy \(arn) does not exist or is not attachable.")
        }
        guard packedSize <= 100 else {
            throw STSError.packedPolicyTooLarge(
                message: "Packed policy consumes \(packedSize)% of allotted space, please use smaller policy.")
        }
    }

    private static func check(_ text: String) throws(AWSError) {
        do {
            _ = try PolicyDocument(validating: ByteBuffer(string: text), as: .session)
        } catch {
            throw STSError.malformedPolicyDocument(message: error.message)
        }
    }
}
