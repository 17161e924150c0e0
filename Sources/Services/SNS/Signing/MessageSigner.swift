import AWSWire
import Logging
import Storage

/// Signs messages with the key that the store has: all nodes have the same, and it outlives them. It is made when
/// the first message is signed.
actor MessageSigner {
    private static let context = "sns:signing-key"

    private let database: any Database
    private let sealing: SealingKey
    /// Seconds since 1970.
    private let clock: @Sendable () -> Int64
    private var known: SigningKey?
    private var loading: Task<SigningKey, any Error>?

    init(database: any Database, sealing: SealingKey, clock: @escaping @Sendable () -> Int64) {
        self.database = database
        self.sealing = sealing
        self.clock = clock
    }

    func key() async throws -> SigningKey {
        if let known { return known }
        // Whoever wants it meanwhile waits for the same.
        let task = loading ?? Task { [database, sealing, clock] in try await Self.load(database, sealing, clock()) }
        loading = task
        defer { loading = nil }
        let key = try await task.value
        known = key
        return key
    }

    private static func load(_ database: any Database, _ sealing: SealingKey, _ now: Int64) async throws -> SigningKey {
        if let stored = try await database.read({ try SNSTable($0).signingKey() }) { return try open(stored, sealing) }
        let made = try SigningKey(now: now)
        let (sealed, certificate) = (try sealing.seal(made.der, context: context), made.certificate)
        // Another node may have been first.
        let stored = try await database.write { connection in
            try SNSTable(connection).put(signingKey: sealed, certificate: certificate)
            return try SNSTable(connection).signingKey()
        }
        return try stored.map { try open($0, sealing) } ?? made
    }

    private static func open(_ stored: (sealed: [UInt8], certificate: [UInt8]), _ sealing: SealingKey) throws
        -> SigningKey
    {
        try SigningKey(der: try sealing.open(stored.sealed, context: context), certificate: stored.certificate)
    }
}

extension SNSService {
    /// Where certificates are, below the endpoint.
    package static let certificatePrefix = "/_apus/sns/"

    /// The page at which a message's `SigningCertURL` is: the certificate, in PEM.
    ///
    /// - Returns: nil for a certificate that this service does not have.
    package func certificate(path: String) async throws -> String? {
        let key = try await signer.key()
        return path == Self.certificatePath(key) ? key.pem : nil
    }

    static func certificatePath(_ key: SigningKey) -> String {
        "\(certificatePrefix)SimpleNotificationService-\(key.fingerprint).pem"
    }
}
