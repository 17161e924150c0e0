/// Why a request is not accepted as its signer's, in the words that AWS uses.
///
/// The wording of `IncompleteSignatureException` and of the scope and clock failures is what AWS services answer (the
/// IAM User Guide's "Troubleshoot Signature Version 4" quotes a part of it).
package struct SigV4Failure: Error, Sendable, Hashable {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        case missingAuthenticationToken = "MissingAuthenticationTokenException"
        case incompleteSignature = "IncompleteSignatureException"
        case unrecognizedClient = "UnrecognizedClientException"
        case invalidSignature = "InvalidSignatureException"
        case expiredToken = "ExpiredTokenException"

        /// The same as IAM, STS and the other older services call it.
        /// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
        fileprivate var inQueryServices: String {
            switch self {
            case .missingAuthenticationToken: "MissingAuthenticationToken"
            case .incompleteSignature: "IncompleteSignature"
            case .unrecognizedClient: "InvalidClientTokenId"
            case .invalidSignature: "SignatureDoesNotMatch"
            case .expiredToken: "ExpiredToken"
            }
        }
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package static let missingToken = SigV4Failure(.missingAuthenticationToken, "Missing Authentication Token")
    package static let invalidToken = SigV4Failure(
        .unrecognizedClient, "The security token included in the request is invalid.")
    package static let expiredToken = SigV4Failure(
        .expiredToken, "The security token included in the request is expired")
    package static let mismatch = SigV4Failure(
        .invalidSignature,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
            + "Key and signing method. Consult the service documentation for details.")

    /// Whether an error of that name says that a request is not authentic, in the words of any protocol.
    package static func isCode(_ name: String) -> Bool {
        Code.allCases.contains { $0.rawValue == name || $0.inQueryServices == name }
    }

    /// The error as a service of this protocol answers it: 403 from REST services, 400 from the JSON-RPC ones. Those of
    /// the query protocol have older names for some (the IAM and STS API references' "Common Errors").
    package func error(for wireProtocol: WireProtocol) -> AWSError {
        switch wireProtocol {
        case .restJSON: AWSError(code: code.rawValue, message: message, status: 403)
        case .awsJSON, .rpcCBOR: AWSError(code: code.rawValue, message: message, status: 400)
        case .query: AWSError(code: code.inQueryServices, message: message, status: 403)
        }
    }
}
