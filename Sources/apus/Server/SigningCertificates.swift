import AWSWire
import Gateway
import NIOCore
import NIOHTTP1
import SNSService

/// What SNS's messages can be verified with, for anybody.
enum SigningCertificates {
    /// The page of the gateway that sends the certificate.
    static func route(_ notifications: SNSService) -> GatewayRoute {
        GatewayRoute(at: .path(prefix: SNSService.certificatePrefix), for: { _ in .open }) { request, eventLoop in
            eventLoop.makeFutureWithTask {
                guard request.method == .GET, let text = try await notifications.certificate(path: request.path) else {
                    throw notFound
                }
                return .response(
                    .payload(ByteBuffer(string: text), status: 200, contentType: "application/x-pem-file"))
            }
        }
    }

    private static let notFound = AWSError(
        code: "ResourceNotFoundException", message: "There is no such certificate.", status: 404)
}
