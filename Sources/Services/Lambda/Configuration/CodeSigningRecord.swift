import AWSWire
import LambdaModel
import Storage

/// A code signing configuration as it is stored.
struct CodeSigningRecord: Sendable {
    /// What requests set. Kept as JSON; a member that a later version adds must be optional.
    struct Settings: Codable, Hashable, Sendable {
        var description: String?
        /// ARNs of versions of signing profiles.
        var publishers: [String]
        /// `Warn` or `Enforce`.
        var untrustedArtifact: String
        /// Milliseconds since 1970.
        var lastModified: Int64
        var tags: [String: String]
    }

    var account: String
    var region: String
    /// `csc-` and 17 letters and digits.
    var id: String
    var settings: Settings

    var arn: String { Self.arn(account: account, region: region, id: id) }
    var isEnforced: Bool { settings.untrustedArtifact == Lambda.CodeSigningPolicy.enforce.rawValue }

    static func arn(account: String, region: String, id: String) -> String {
        "arn:\(FunctionKey.partition(of: region)):lambda:\(region):\(account):code-signing-config:\(id)"
    }

    static func makeID() -> String {
        let letters = Array("0123456789abcdef")
        var generator = SystemRandomNumberGenerator()
        return "csc-" + String((0..<17).map { _ in letters[Int.random(in: 0..<16, using: &generator)] })
    }

    var answer: Lambda.CodeSigningConfig {
        Lambda.CodeSigningConfig(
            codeSigningConfigId: id, codeSigningConfigArn: arn, description: settings.description,
            allowedPublishers: Lambda.AllowedPublishers(signingProfileVersionArns: settings.publishers),
            codeSigningPolicies: Lambda.CodeSigningPolicies(
                untrustedArtifactOnDeployment: Lambda.CodeSigningPolicy(rawValue: settings.untrustedArtifact)),
            lastModified: Timestamp.text(milliseconds: settings.lastModified))
    }
}

/// Which code signing configuration a function has.
struct FunctionCodeSigning: Attachment, Hashable {
    static let kind = "code-signing"

    /// The ARN of the configuration.
    var configuration: String
}

/// Code signing configurations in SQL. Every call runs inside the caller's transaction.
struct CodeSigningRepository {
    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    static let migrations = [
        Migration(
            component: "lambda-code-signing", number: 1,
            statements: [
                """
                CREATE TABLE lambda_code_signing_configs (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    id TEXT NOT NULL,
                    settings TEXT NOT NULL,
                    PRIMARY KEY (account, region, id)
                )
                """
            ])
    ]

    /// - Parameter arn: As the caller wrote it. Only the account's own configurations in the region are found.
    func find(_ arn: String, account: String, region: String) throws -> CodeSigningRecord? {
        guard let id = arn.split(separator: ":").last.map(String.init),
            arn == CodeSigningRecord.arn(account: account, region: region, id: id)
        else { return nil }
        return try connection.query(
            "SELECT * FROM lambda_code_signing_configs WHERE account = ? AND region = ? AND id = ?",
            [.text(account), .text(region), .text(id)]
        ).first.map(Self.record)
    }

    /// Configurations in the order of their ids, from the first after `id`.
    func list(account: String, region: String, after id: String, limit: Int) throws -> [CodeSigningRecord] {
        try connection.query(
            """
            SELECT * FROM lambda_code_signing_configs WHERE account = ? AND region = ? AND id > ? ORDER BY id LIMIT ?
            """, [.text(account), .text(region), .text(id), .integer(Int64(limit))]
        ).map(Self.record)
    }

    func save(_ record: CodeSigningRecord) throws {
        try connection.execute(
            """
            INSERT INTO lambda_code_signing_configs (account, region, id, settings) VALUES (?, ?, ?, ?)
            ON CONFLICT (account, region, id) DO UPDATE SET settings = excluded.settings
            """,
            [
                .text(record.account), .text(record.region), .text(record.id),
                .text(try FunctionRepository.json(record.settings)),
            ])
    }

    func delete(_ record: CodeSigningRecord) throws {
        try connection.execute(
            "DELETE FROM lambda_code_signing_configs WHERE account = ? AND region = ? AND id = ?",
            [.text(record.account), .text(record.region), .text(record.id)])
    }

    /// The functions that have a configuration, in the order of their names.
    func functions(of record: CodeSigningRecord) throws -> [FunctionKey] {
        try FunctionRepository(connection).attached(FunctionCodeSigning.self)
            .filter { $0.document.configuration == record.arn }.map(\.key).sorted { $0.name < $1.name }
    }

    func deleteAll() throws { try connection.execute("DELETE FROM lambda_code_signing_configs", []) }

    private static func record(_ row: SQLRow) throws -> CodeSigningRecord {
        CodeSigningRecord(
            account: try row.text("account"), region: try row.text("region"), id: try row.text("id"),
            settings: try FunctionRepository.value(CodeSigningRecord.Settings.self, try row.text("settings")))
    }
}
