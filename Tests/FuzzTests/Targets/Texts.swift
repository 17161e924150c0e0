import AWSWire
import Identity
import NIOCore
import Policies
import Storage

extension FuzzTarget {
    /// Names, encodings and times: what is read and written again reads as the same.
    static let text = FuzzTarget("text") { input in
        let text = String(decoding: input, as: UTF8.self)
        if let arn = ARN(text) {
            try hold(arn.description == text, "\(text) becomes \(arn)")
            try hold(ARN(arn.description) == arn, "\(arn) is another")
        }
        let encoded = PercentEncoding.encode(text)
        let isPlain = encoded.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"/?#&=+ ".utf8.contains($0) }
        try hold(isPlain, "encoded: \(encoded)")
        for part in [PercentEncoding.Part.path, .query] {
            try hold(PercentEncoding.decode(encoded, in: part) == text, "\(encoded) is not \(text)")
            if let decoded = PercentEncoding.decode(text, in: part) {
                try hold(decoded.utf8.count <= text.utf8.count, "decoding makes more of \(text)")
            }
        }
        for (name, value) in QueryParameters(text).pairs {
            try hold(name.utf8.count + value.utf8.count <= text.utf8.count, "\(name)=\(value)")
        }
        try hold(Base64.decode(Base64.encode(input)) == input, "base64 changes \(input)")
        if let decoded = input.withUnsafeBytes({ Base64.decode($0) }) {
            let isSame = Base64.encode(decoded).utf8.prefix { $0 != UInt8(ascii: "=") }
                .elementsEqual(input.prefix { $0 != UInt8(ascii: "=") })
            try hold(isSame, "\(text) is not the base64 of \(decoded)")
        }
        for time in [SigV4Time(basic: text), SigV4Time(http: text)] {
            guard let time else { continue }
            try hold(SigV4Time(basic: time.basic) == time && SigV4Time(http: time.http) == time, "\(text) is \(time)")
        }
        if let account = AccountID(text) { try hold(account.digits == text && text.utf8.count == 12, text) }
    }

    /// An expression, a zero and a text. Whether they match takes no long time.
    static let pattern = FuzzTarget("pattern") { input in
        let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard let pattern = try? Pattern(String(decoding: parts[0], as: UTF8.self)) else { return }
        let text = parts.count == 2 ? String(decoding: parts[1], as: UTF8.self) : ""
        let isMatch = pattern.matches(text)
        // The same in a group, or as one of two that are the same.
        for other in ["(?:\(pattern.source))", "(?:\(pattern.source))|(?:\(pattern.source))"] {
            guard let same = try? Pattern(other) else { continue }
            try hold(same.matches(text) == isMatch, "\(other) says otherwise of \(text)")
        }
        _ = pattern.matches(String(repeating: text, count: 8))
    }

    /// Only what was sealed here opens, unchanged and for its own key's id.
    static let sessionToken = FuzzTarget("session-token") { input in
        let (token, id) = (sealed.sessionToken, sealed.accessKeyID)
        try hold(tokens.open(String(decoding: input, as: UTF8.self), accessKeyID: id) == nil, "forged: \(input)")
        guard input.count >= 2 else { return }
        let whole = tokens.open(token, accessKeyID: id)
        try hold(whole?.secretAccessKey == sealed.secretAccessKey, "a good token is refused")
        var bytes = Base64.decode(token) ?? []
        bytes[Int(input[0]) * bytes.count / 256] ^= max(1, input[1])
        try hold(tokens.open(Base64.encode(bytes), accessKeyID: id) == nil, "changed at \(input[0]) and opened")
        let other = String(decoding: input, as: UTF8.self)
        try hold(other == id || tokens.open(token, accessKeyID: other) == nil, "opened for \(other)")
    }

    private static let tokens = SessionTokens(key: .random())
    private static let sealed: TemporaryCredentials = {
        do {
            return try tokens.issue(
                .assumedRole(role: "r", session: "s"), account: .standard,
                arn: "arn:aws:sts::000000000000:assumed-role/r/s", id: "AROA:s",
                session: Principal.Session(issued: 0, expires: 3600))
        } catch {
            fatalError("a token cannot be sealed: \(error)")
        }
    }()

    /// Policies are written as they were read, and a denial of everything wins over whatever they say.
    static let policy = FuzzTarget("policy") { input in
        guard var policy = try? PolicyDocument(parsing: ByteBuffer(bytes: input)) else { return }
        let written = policy.json
        guard let again = try? PolicyDocument(parsing: written) else {
            throw Violation("what is written is no policy: \(String(buffer: written))")
        }
        try hold(again == policy, "\(String(buffer: written)) is another")
        let requests = principals.map { principal in
            AccessRequest(
                principal, action: "lambda:InvokeFunction",
                resource: "arn:aws:lambda:us-east-1:000000000000:function:hello",
                context: ["aws:SourceArn": ["arn:aws:s3:::bucket"], "aws:SourceIp": ["127.0.0.1"]])
        }
        let decisions = requests.map { policy.decide($0) }
        policy.statements.reverse()
        try hold(requests.map { policy.decide($0) } == decisions, "the order of statements matters")
        let deny = "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}}"
        policy.statements += try PolicyDocument(parsing: ByteBuffer(string: deny)).statements
        try hold(requests.allSatisfy { policy.decide($0) == .denied }, "a denial does not win")
    }

    private static let principals: [AccessRequest.Principal] = [
        .anonymous, .service("s3.amazonaws.com"),
        .identity(arn: "arn:aws:sts::000000000000:assumed-role/role/session", account: "000000000000"),
    ]
}
