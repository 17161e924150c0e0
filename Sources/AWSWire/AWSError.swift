/// An error as an AWS client sees it. The only type that chooses a status code.
package struct AWSError: Error, Sendable, Hashable {
    /// Whose fault it is; rest-json bodies of Lambda carry it as `Type` (`User` or `Service`).
    package enum Fault: String, Sendable, Hashable {
        case client = "User"
        case server = "Service"
    }

    /// The error shape's name, such as `ResourceNotFoundException`.
    package var code: String
    package var message: String
    package var status: Int
    package var fault: Fault
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
        code: String, message: String, status: Int, fault: Fault = .client, members: [(name: String, value: String)] = [],
        headers: [String: String] = [:]
    ) {
        self.code = code
        self.message = message
        self.status = status
        self.fault = fault
        self.headers = headers
        self.extra = members.map { Member(name: $0.name, value: $0.value) }
    }
}
