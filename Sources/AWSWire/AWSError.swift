/// An error as an AWS client sees it. The only type that chooses a status code.
package struct AWSError: Error, Sendable, Hashable {
    /// Whose fault it is; rest-json bodies of Lambda carry it as `Type` (`User` or `Service`).
    package enum Fault: String, Sendable, Hashable {
        case client = "User"
        case server = "Service"
    }

    /// How the members of a JSON body are spelled: error shapes differ even within one service.
    package enum Spelling: Sendable, Hashable {
        /// `{"message":…}`: errors that no model describes, such as failed validation and authentication.
        case plain
        /// `{"Type":…,"Message":…}`, with the name that the error shape gives its message.
        case typed(message: String)
        /// The message alone, under the name that the error shape gives it.
        case untyped(message: String)
    }

    /// The error shape's name, such as `ResourceNotFoundException`.
    package var code: String
    /// What the query protocol calls it, where that is something else: `AWS.SimpleQueueService.NonExistentQueue`.
    package var queryCode: String?
    package var message: String
    package var status: Int
    package var fault: Fault
    package var spelling: Spelling
    /// Further string members of the error shape, such as `Reason` of `TooManyRequestsException`, in wire order.
    package var members: [(name: String, value: String)] { extra.map { ($0.name, $0.value) } }
    /// Further headers of the answer, such as `Retry-After`.
    package var headers: [String: String]

    private struct Member: Sendable, Hashable {
        var name: String
        var value: String
    }
    private var extra: [Member]

    package init(
        code: String, queryCode: String? = nil, message: String, status: Int, fault: Fault = .client,
        spelling: Spelling = .plain, members: [(name: String, value: String)] = [], headers: [String: String] = [:]
    ) {
        self.code = code
        self.queryCode = queryCode
        self.message = message
        self.status = status
        self.fault = fault
        self.spelling = spelling
        self.headers = headers
        self.extra = members.map { Member(name: $0.name, value: $0.value) }
    }
}

extension AWSError {
    /// The request could not be read at all.
    package static func serialization(_ message: String) -> AWSError {
        AWSError(code: "SerializationException", message: message, status: 400)
    }

    /// The request names no operation that this service has.
    package static var unknownOperation: AWSError {
        AWSError(code: "UnknownOperationException", message: "", status: 404)
    }

    /// The request's `X-Amz-Target` names no operation that this service has: the JSON protocols' answer to it.
    package static var unknownTarget: AWSError {
        AWSError(code: "UnknownOperationException", message: "", status: 400)
    }

    /// AWS has the operation, Apus does not have it yet.
    package static func notImplemented(_ operation: String) -> AWSError {
        AWSError(
            code: "NotImplementedException", message: "The operation \(operation) is not implemented.", status: 501,
            fault: .server)
    }

    /// AWS has this part of an operation, Apus does not have it yet: refused rather than accepted and ignored.
    package static func unsupported(_ message: String) -> AWSError {
        AWSError(code: "NotImplementedException", message: message, status: 501, fault: .server)
    }
}
