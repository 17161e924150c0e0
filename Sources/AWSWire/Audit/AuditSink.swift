package import NIOCore

/// A request and its outcome, as the front door saw them.
package struct AuditEvent: Sendable {
    package var service: any Service
    /// Which call it was, where somebody else than the service knows; nil: the service does.
    package var call: AuditedCall?
    /// Its caller is nobody where the signature did not hold.
    package var request: ServiceRequest
    /// When it was answered.
    package var time: SigV4Time
    package var isAuthenticated: Bool
    /// The key by which a request that is not authentic says that it is signed.
    package var claimedKeyID: String?
    package var status: Int
    /// The name of the error that it was answered with, where a header says so.
    package var errorType: String?
    /// The answer's body; empty for a stream.
    package var answer: ByteBuffer

    package init(
        service: any Service, call: AuditedCall? = nil, request: ServiceRequest, time: SigV4Time,
        isAuthenticated: Bool = true, claimedKeyID: String? = nil, status: Int, errorType: String? = nil,
        answer: ByteBuffer = ByteBuffer()
    ) {
        self.service = service
        self.call = call
        self.request = request
        self.time = time
        self.isAuthenticated = isAuthenticated
        self.claimedKeyID = claimedKeyID
        self.status = status
        self.errorType = errorType
        self.answer = answer
    }
}

extension AuditEvent {
    /// The code and the message of an error, as any protocol writes it.
    package static func error(in body: ByteBuffer) -> (code: String?, message: String?) {
        let cbor = body.getInteger(at: body.readerIndex, as: UInt8.self) == 0xbf ? try? CBOR.json(body) : nil
        if let json = try? JSONValue(parsing: cbor ?? body) {
            let message = json["message"] ?? json["Message"] ?? json["errorMessage"]
            let code = json["__type"]?.string?.split(separator: "#").last.map(String.init)
            return (code, message?.string)
        }
        let text = String(buffer: body)
        guard text.hasPrefix("<") else { return (nil, nil) }
        return AuditDisclosure().error(in: text)
    }
}

/// Where the front door tells of what was asked, after it has answered.
package protocol AuditSink: Sendable {
    /// Whether calls of the data plane that succeed are told, too.
    var wantsData: Bool { get }

    /// Takes an event. Called on event loops: it must not block.
    func record(_ event: AuditEvent)
}
