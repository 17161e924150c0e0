import AWSWire
import NIOCore

/// The credentials of environments that ask for them: what an environment finds in its variables would have ended by
/// the time that it is restored.
/// https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html#snapstart-credentials
extension Environment {
    /// How long before their end credentials are replaced, in milliseconds. The SDKs ask again 15 minutes before.
    private static let renewal: Int64 = 3_600_000

    /// 64 hexadecimal digits that nobody can guess.
    static func makeToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let digits = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }

    func sessionCredentials(for token: String) -> ByteBuffer? {
        guard token == credentialsToken else { return nil }
        if credentials.expires - configuration.wallClock() < Self.renewal { renewCredentials() }
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in [
            ("AccessKeyId", credentials.accessKeyID), ("SecretAccessKey", credentials.secretAccessKey),
            ("Token", credentials.sessionToken),
            ("Expiration", UTCDate(millisecondsSince1970: credentials.expires).iso8601),
        ] {
            writer.name(name)
            writer.string(value)
        }
        writer.endObject()
        return writer.buffer
    }

    /// What was issued before remains valid until it ends, for requests on their way.
    func renewCredentials() {
        credentials = services.credentials.issue(
            account: version.key.account, region: version.key.region, roleARN: version.roleARN,
            functionName: version.key.name)
        accessKeyIDs.append(credentials.accessKeyID)
    }
}
