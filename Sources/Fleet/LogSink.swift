package import NIOCore

/// Takes what functions write. Implemented by the logs service; called on event loops, so it only buffers.
package protocol LogSink: Sendable {
    /// Appends one or more lines to a stream that is created on first use. `lines` are kept in order; none ends in a
    /// newline. `timestamp` counts milliseconds since 1970.
    func append(account: String, region: String, group: String, stream: String, timestamp: Int64, lines: [ByteBuffer])
}

/// Temporary credentials for one execution environment.
package struct EnvironmentCredentials: Sendable {
    package var accessKeyID: String
    package var secretAccessKey: String
    package var sessionToken: String
    /// When they end, in milliseconds since 1970.
    package var expires: Int64

    package init(accessKeyID: String, secretAccessKey: String, sessionToken: String, expires: Int64) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expires = expires
    }
}

/// Makes the credentials that an execution environment finds in its variables, or asks for. Implemented by the front
/// door's key store.
package protocol CredentialIssuing: Sendable {
    /// Credentials of the function's execution role. They last until ``revoke(accessKeyID:)`` or twelve hours.
    func issue(account: String, region: String, roleARN: String, functionName: String) -> EnvironmentCredentials
    func revoke(accessKeyID: String)
}
