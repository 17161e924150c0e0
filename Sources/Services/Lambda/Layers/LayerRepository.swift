import FoundationEssentials
import Storage

/// Layers in SQL. Every call runs inside the caller's transaction; account and region are part of every key.
struct LayerRepository {
    private let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    static let migrations = [
        Migration(
            component: "lambda-layers", number: 1,
            statements: [
                // A layer stays when its last version goes: no number is used twice.
                """
                CREATE TABLE lambda_layers (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    name TEXT NOT NULL,
                    next_version BIGINT NOT NULL,
                    tags TEXT NOT NULL,
                    PRIMARY KEY (account, region, name)
                )
                """,
                // Runtimes and architectures have a comma before and after each.
                """
                CREATE TABLE lambda_layer_versions (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    name TEXT NOT NULL,
                    version BIGINT NOT NULL,
                    description TEXT NOT NULL,
                    license TEXT,
                    runtimes TEXT,
                    architectures TEXT,
                    code TEXT NOT NULL,
                    code_size BIGINT NOT NULL,
                    created BIGINT NOT NULL,
                    policy TEXT,
                    PRIMARY KEY (account, region, name, version)
                )
                """,
                "CREATE INDEX lambda_layer_versions_code ON lambda_layer_versions (code)",
                // What functions have: the digest of each layer's zip file, and the merged tree with its parts.
                """
                CREATE TABLE lambda_layer_uses (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    name TEXT NOT NULL,
                    version BIGINT NOT NULL,
                    content TEXT NOT NULL,
                    parts TEXT,
                    PRIMARY KEY (account, region, name, version, content)
                )
                """,
                "CREATE INDEX lambda_layer_uses_content ON lambda_layer_uses (content)",
            ]),
        Migration(
            component: "lambda-layers", number: 2,
            statements: ["ALTER TABLE lambda_layer_versions ADD COLUMN signature TEXT"]),
    ]

    // MARK: Versions

    /// Keeps a new version.
    ///
    /// - Parameter make: Gets the version's number.
    func publish(_ key: LayerKey, _ make: (_ version: Int) -> LayerVersionRecord) throws -> LayerVersionRecord {
        let rows = try connection.query(
            "SELECT next_version FROM lambda_layers WHERE account = ? AND region = ? AND name = ?", key.arguments)
        let version = Int(try rows.first?.integer("next_version") ?? 1)
        try connection.execute(
            """
            INSERT INTO lambda_layers (account, region, name, next_version, tags) VALUES (?, ?, ?, ?, '{}')
            ON CONFLICT (account, region, name) DO UPDATE SET next_version = excluded.next_version
            """, key.arguments + [.integer(Int64(version + 1))])
        let record = make(version)
        try connection.execute(
            """
            INSERT INTO lambda_layer_versions (account, region, name, version, description, license, runtimes,
                architectures, code, code_size, created, signature, policy)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)
            """,
            key.arguments + [
                .integer(Int64(version)), .text(record.description), Self.text(record.license),
                Self.text(record.runtimes.map(Self.list)), Self.text(record.architectures.map(Self.list)),
                .text(record.code), .integer(Int64(record.codeSize)), .integer(record.created),
                Self.text(try record.signature.map(Self.json)),
            ])
        return record
    }

    func find(_ key: LayerKey, version: Int) throws -> LayerVersionRecord? {
        try connection.query(
            """
            SELECT * FROM lambda_layer_versions WHERE account = ? AND region = ? AND name = ? AND version = ?
            """, key.arguments + [.integer(Int64(version))]
        ).first.map(Self.record)
    }

    /// - Returns: The digest of its code; nil when there is no such version.
    func delete(_ key: LayerKey, version: Int) throws -> String? {
        guard let record = try find(key, version: version) else { return nil }
        try connection.execute(
            "DELETE FROM lambda_layer_versions WHERE account = ? AND region = ? AND name = ? AND version = ?",
            key.arguments + [.integer(Int64(version))])
        return record.code
    }

    func set(policy: LayerPolicy?, of key: LayerKey, version: Int) throws {
        try connection.execute(
            """
            UPDATE lambda_layer_versions SET policy = ?
            WHERE account = ? AND region = ? AND name = ? AND version = ?
            """, [Self.text(try policy.map(Self.json))] + key.arguments + [.integer(Int64(version))])
    }

    func deleteAll() throws {
        for table in ["lambda_layers", "lambda_layer_versions"] {
            try connection.execute("DELETE FROM \(table)", [])
        }
    }

    // MARK: Lists

    /// What a list is restricted to.
    struct Filter {
        var runtime: String?
        var architecture: String?

        fileprivate var condition: String {
            (runtime == nil ? "" : " AND runtimes LIKE ?") + (architecture == nil ? "" : " AND architectures LIKE ?")
        }
        /// An underscore stands for any character, which makes no two names of runtimes or architectures alike.
        fileprivate var arguments: [SQLValue] {
            [runtime, architecture].compactMap { value in value.map { .text("%,\($0),%") } }
        }
    }

    /// Versions of a layer, the latest first, from the first before `version`.
    func versions(of key: LayerKey, before version: Int, _ filter: Filter, limit: Int) throws -> [LayerVersionRecord] {
        try connection.query(
            """
            SELECT * FROM lambda_layer_versions WHERE account = ? AND region = ? AND name = ? AND version < ?
            \(filter.condition) ORDER BY version DESC LIMIT ?
            """, key.arguments + [.integer(Int64(version))] + filter.arguments + [.integer(Int64(limit))]
        ).map(Self.record)
    }

    /// The latest version of each layer that passes, in the order of the layers' names, from the first after `name`.
    func latest(account: String, region: String, after name: String, _ filter: Filter, limit: Int) throws
        -> [LayerVersionRecord]
    {
        try connection.query(
            """
            SELECT versions.* FROM lambda_layer_versions AS versions JOIN (
                SELECT name, MAX(version) AS version FROM lambda_layer_versions
                WHERE account = ? AND region = ? AND name > ? \(filter.condition)
                GROUP BY name ORDER BY name LIMIT ?
            ) AS latest ON versions.name = latest.name AND versions.version = latest.version
            WHERE versions.account = ? AND versions.region = ? ORDER BY versions.name
            """,
            [.text(account), .text(region), .text(name)] + filter.arguments
                + [.integer(Int64(limit)), .text(account), .text(region)]
        ).map(Self.record)
    }

    /// Bytes of the zip files of all versions.
    func bytes(account: String, region: String) throws -> Int {
        let rows = try connection.query(
            """
            SELECT COALESCE(SUM(code_size), 0) AS bytes FROM lambda_layer_versions WHERE account = ? AND region = ?
            """, [.text(account), .text(region)])
        return Int(try rows.first?.integer("bytes") ?? 0)
    }

    // MARK: Tags

    /// - Returns: nil when there is no such layer, or no version of it any more.
    func tags(of key: LayerKey) throws -> [String: String]? {
        try connection.query(
            """
            SELECT tags FROM lambda_layers AS layers WHERE account = ? AND region = ? AND name = ? AND EXISTS (
                SELECT 1 FROM lambda_layer_versions AS versions WHERE versions.account = layers.account
                AND versions.region = layers.region AND versions.name = layers.name)
            """, key.arguments
        ).first.map { try Self.value([String: String].self, try $0.text("tags")) }
    }

    func set(tags: [String: String], of key: LayerKey) throws {
        try connection.execute(
            "UPDATE lambda_layers SET tags = ? WHERE account = ? AND region = ? AND name = ?",
            [.text(try Self.json(tags))] + key.arguments)
    }
}

extension LayerRepository {
    private static func record(_ row: SQLRow) throws -> LayerVersionRecord {
        LayerVersionRecord(
            key: LayerKey(
                account: try row.text("account"), region: try row.text("region"), name: try row.text("name")),
            version: Int(try row.integer("version")), description: try row.text("description"),
            license: row.optionalText("license"), runtimes: row.optionalText("runtimes").map(list),
            architectures: row.optionalText("architectures").map(list), code: try row.text("code"),
            codeSize: Int(try row.integer("code_size")), created: try row.integer("created"),
            signature: try row.optionalText("signature").map { try value(CodeSignature.self, $0) },
            policy: try row.optionalText("policy").map { try value(LayerPolicy.self, $0) })
    }

    private static func list(_ names: [String]) -> String { names.reduce(",") { $0 + $1 + "," } }

    private static func list(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

    private static func text(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func value<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}

extension LayerKey {
    fileprivate var arguments: [SQLValue] { [.text(account), .text(region), .text(name)] }
}
