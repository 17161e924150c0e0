import AWSWire
import Storage

/// Published versions and aliases, and what else belongs to a function, in SQL.
extension FunctionRepository {
    static let versionsAndAliases = [
        "ALTER TABLE lambda_functions ADD COLUMN next_version INTEGER NOT NULL DEFAULT 1",
        """
        CREATE TABLE lambda_versions (
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            revision TEXT NOT NULL,
            modified BIGINT NOT NULL,
            state TEXT NOT NULL,
            state_code TEXT,
            state_reason TEXT,
            settings TEXT NOT NULL,
            code TEXT NOT NULL,
            code_size BIGINT NOT NULL,
            PRIMARY KEY (account, region, name, version)
        )
        """,
        "CREATE INDEX lambda_versions_code ON lambda_versions (code)",
        """
        CREATE TABLE lambda_aliases (
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            name TEXT NOT NULL,
            alias TEXT NOT NULL,
            version TEXT NOT NULL,
            revision TEXT NOT NULL,
            description TEXT NOT NULL,
            weights TEXT NOT NULL,
            PRIMARY KEY (account, region, name, alias)
        )
        """,
        """
        CREATE TABLE lambda_attachments (
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            name TEXT NOT NULL,
            qualifier TEXT NOT NULL,
            kind TEXT NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (account, region, name, qualifier, kind)
        )
        """,
        "CREATE INDEX lambda_attachments_kind ON lambda_attachments (kind, account, region)",
    ]

    // MARK: Versions

    /// - Parameter version: `$LATEST` or a number; anything else is no version.
    func find(_ key: FunctionKey, version: String) throws -> FunctionRecord? {
        if version == Version.latest { return try find(key) }
        guard let number = Version.number(version) else { return nil }
        return try connection.query(
            "SELECT * FROM lambda_versions WHERE account = ? AND region = ? AND name = ? AND version = ?",
            key.arguments + [.integer(Int64(number))]
        ).first.map(Self.version)
    }

    /// The function, version or alias's version that a qualifier names; nil names `$LATEST`.
    func find(_ target: FunctionTarget) throws -> FunctionRecord? {
        guard let qualifier = target.qualifier else { return try find(target.key) }
        if let record = try find(target.key, version: qualifier) { return record }
        return try alias(qualifier, of: target.key).flatMap { try find(target.key, version: $0.version) }
    }

    /// Published versions in the order of their numbers, from the first after `number`.
    func versions(of key: FunctionKey, after number: Int, limit: Int = .max) throws -> [FunctionRecord] {
        try connection.query(
            """
            SELECT * FROM lambda_versions WHERE account = ? AND region = ? AND name = ? AND version > ?
            ORDER BY version LIMIT ?
            """, key.arguments + [.integer(Int64(number)), .integer(Int64(limit))]
        ).map(Self.version)
    }

    /// Functions and their published versions, `$LATEST` first, in the order of their names, from the first after.
    ///
    /// - Parameters:
    ///   - name: Of the last function of the page before; empty for the first page.
    ///   - number: Of its version there; 0 is `$LATEST`.
    func listVersions(account: String, region: String, after name: String, _ number: Int, limit: Int) throws
        -> [FunctionRecord]
    {
        let rows = try connection.query(
            """
            SELECT name, version FROM (
                SELECT account, region, name, 0 AS version FROM lambda_functions
                UNION ALL SELECT account, region, name, version FROM lambda_versions
            ) AS entries
            WHERE account = ? AND region = ? AND (name > ? OR (name = ? AND version > ?))
            ORDER BY name, version LIMIT ?
            """,
            [
                .text(account), .text(region), .text(name), .text(name), .integer(Int64(number)),
                .integer(Int64(limit)),
            ])
        return try rows.compactMap { row in
            let key = FunctionKey(account: account, region: region, name: try row.text("name"))
            let number = try row.integer("version")
            return try find(key, version: number == 0 ? Version.latest : String(number))
        }
    }

    /// Keeps a published version or what became of it.
    func save(version record: FunctionRecord) throws {
        guard let number = Version.number(record.version) else { return }
        let state = Self.encode(record.state)
        try connection.execute(
            """
            INSERT INTO lambda_versions (account, region, name, version, revision, modified, state, state_code,
                state_reason, settings, code, code_size)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, name, version) DO UPDATE SET revision = excluded.revision,
                state = excluded.state, state_code = excluded.state_code, state_reason = excluded.state_reason
            """,
            record.key.arguments + [
                .integer(Int64(number)), .text(record.revisionID), .integer(record.lastModified), .text(state.word),
                Self.text(state.reason?.code), Self.text(state.reason?.text), .text(try Self.json(record.settings)),
                .text(record.settings.code), .integer(Int64(record.settings.codeSize)),
            ])
        try keepLayers(of: record.key, version: number, [record.settings])
    }

    /// Tells the versions that wait for a deployment what came of it; those with SnapStart wait on. It makes a new
    /// revision of each, as recorded in test_publish_version_on_create.
    func settleVersions(of function: FunctionRecord, failure: StateReason?) throws {
        for var version in try versions(of: function.key, after: 0) where version.state == .pending {
            guard version.settings.deployment == function.settings.deployment else { continue }
            if failure == nil, version.isSnapStart { continue }
            if let failure {
                version.notDeployed(failure, revisionID: RequestID.make())
            } else {
                version.deployed(revisionID: RequestID.make())
            }
            try save(version: version)
        }
    }

    /// - Returns: Whether there was such a version.
    func delete(_ key: FunctionKey, version number: Int) throws -> Bool {
        try detachAll(from: key, qualifier: String(number))
        try forgetLayers(of: key, version: number)
        return try connection.execute(
            "DELETE FROM lambda_versions WHERE account = ? AND region = ? AND name = ? AND version = ?",
            key.arguments + [.integer(Int64(number))]) > 0
    }

    static func version(_ row: SQLRow) throws -> FunctionRecord {
        let state = try state(row)
        let settings = try value(FunctionSettings.self, try row.text("settings"))
        let status: FunctionRecord.UpdateStatus =
            switch state {
            case .pending: .none
            case .active: .successful
            case .failed(let reason): .failed(reason)
            }
        return FunctionRecord(
            key: try FunctionKey(row), version: String(try row.integer("version")), settings: settings,
            serving: state == .active ? settings : nil, state: state, updateStatus: status,
            revisionID: try row.text("revision"), lastModified: try row.integer("modified"), tags: [:])
    }

    // MARK: Aliases

    func alias(_ name: String, of key: FunctionKey) throws -> AliasRecord? {
        try connection.query(
            "SELECT * FROM lambda_aliases WHERE account = ? AND region = ? AND name = ? AND alias = ?",
            key.arguments + [.text(name)]
        ).first.map(Self.alias)
    }

    /// Aliases in the order of their names, from the first after `name`.
    ///
    /// - Parameter version: Only those that point to it first; nil for all.
    func aliases(of key: FunctionKey, version: String?, after name: String = "", limit: Int = .max) throws
        -> [AliasRecord]
    {
        try connection.query(
            """
            SELECT * FROM lambda_aliases WHERE account = ? AND region = ? AND name = ? AND alias > ?
                AND (? IS NULL OR version = ?) ORDER BY alias LIMIT ?
            """, key.arguments + [.text(name), Self.text(version), Self.text(version), .integer(Int64(limit))]
        ).map(Self.alias)
    }

    func save(_ alias: AliasRecord) throws {
        try connection.execute(
            """
            INSERT INTO lambda_aliases (account, region, name, alias, version, revision, description, weights)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, name, alias) DO UPDATE SET version = excluded.version,
                revision = excluded.revision, description = excluded.description, weights = excluded.weights
            """,
            alias.key.arguments + [
                .text(alias.name), .text(alias.version), .text(alias.revisionID), .text(alias.description),
                .text(try Self.json(alias.weights)),
            ])
    }

    /// - Returns: Whether there was such an alias.
    func delete(_ key: FunctionKey, alias name: String) throws -> Bool {
        try detachAll(from: key, qualifier: name)
        return try connection.execute(
            "DELETE FROM lambda_aliases WHERE account = ? AND region = ? AND name = ? AND alias = ?",
            key.arguments + [.text(name)]) > 0
    }

    private static func alias(_ row: SQLRow) throws -> AliasRecord {
        AliasRecord(
            key: try FunctionKey(row), name: try row.text("alias"), version: try row.text("version"),
            weights: try value([String: Double].self, try row.text("weights")),
            description: try row.text("description"), revisionID: try row.text("revision"))
    }
}
