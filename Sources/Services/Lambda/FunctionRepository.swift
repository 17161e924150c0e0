import FoundationEssentials
import Storage

/// Functions in SQL. Every call runs inside the caller's transaction; account and region are part of every key.
struct FunctionRepository {
    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    static let migrations = [
        Migration(
            component: "lambda", number: 1,
            statements: [
                """
                CREATE TABLE lambda_functions (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    name TEXT NOT NULL,
                    revision TEXT NOT NULL,
                    modified BIGINT NOT NULL,
                    state TEXT NOT NULL,
                    state_code TEXT,
                    state_reason TEXT,
                    update_status TEXT,
                    update_code TEXT,
                    update_reason TEXT,
                    unfinished INTEGER NOT NULL,
                    settings TEXT NOT NULL,
                    code TEXT NOT NULL,
                    code_size BIGINT NOT NULL,
                    serving TEXT,
                    serving_code TEXT,
                    reserved INTEGER,
                    tags TEXT NOT NULL,
                    PRIMARY KEY (account, region, name)
                )
                """,
                "CREATE INDEX lambda_functions_code ON lambda_functions (code)",
                "CREATE INDEX lambda_functions_serving_code ON lambda_functions (serving_code)",
                "CREATE INDEX lambda_functions_unfinished ON lambda_functions (unfinished)",
            ]),
        Migration(component: "lambda", number: 2, statements: versionsAndAliases),
        Migration(
            component: "lambda", number: 3,
            statements: ["ALTER TABLE lambda_functions ADD COLUMN creation BIGINT NOT NULL DEFAULT 0"]),
    ]

    func find(_ key: FunctionKey) throws -> FunctionRecord? {
        let rows = try connection.query(
            "SELECT * FROM lambda_functions WHERE account = ? AND region = ? AND name = ?", key.arguments)
        return try rows.first.map(Self.record)
    }

    /// Keeps a new function or what became of it.
    func save(_ record: FunctionRecord) throws {
        let columns = try Self.columns(of: record)
        let names = columns.map(\.name)
        let updates = names.dropFirst(3).map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        try connection.execute(
            """
            INSERT INTO lambda_functions (\(names.joined(separator: ", ")))
            VALUES (\(names.map { _ in "?" }.joined(separator: ", ")))
            ON CONFLICT (account, region, name) DO UPDATE SET \(updates)
            """, columns.map(\.value))
        try keepLayers(of: record.key, version: 0, [record.settings] + (record.serving.map { [$0] } ?? []))
    }

    /// Deletes a function with all that belongs to it.
    ///
    /// - Returns: Whether there was such a function.
    func delete(_ key: FunctionKey) throws -> Bool {
        for table in Self.belongings {
            try connection.execute(
                "DELETE FROM \(table) WHERE account = ? AND region = ? AND name = ?", key.arguments)
        }
        return try connection.execute(
            "DELETE FROM lambda_functions WHERE account = ? AND region = ? AND name = ?", key.arguments) > 0
    }

    func deleteAll() throws {
        for table in Self.belongings + ["lambda_functions"] { try connection.execute("DELETE FROM \(table)", []) }
    }

    /// Tables whose rows belong to functions.
    private static let belongings = ["lambda_versions", "lambda_aliases", "lambda_attachments", "lambda_layer_uses"]

    /// Functions in the order of their names, from the first after `name`.
    func list(account: String, region: String, after name: String, limit: Int) throws -> [FunctionRecord] {
        try connection.query(
            """
            SELECT * FROM lambda_functions WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?
            """, [.text(account), .text(region), .text(name), .integer(Int64(limit))]
        ).map(Self.record)
    }

    /// Every function of every account.
    func keys() throws -> [FunctionKey] {
        try connection.query("SELECT account, region, name FROM lambda_functions", []).map(FunctionKey.init)
    }

    /// Functions that the background worker owes a deployment.
    func unfinished() throws -> [FunctionKey] {
        try connection.query("SELECT account, region, name FROM lambda_functions WHERE unfinished = 1", [])
            .map(FunctionKey.init)
    }

    /// How many functions there are, and the bytes of the zip files of functions and layers.
    func usage(account: String, region: String) throws -> (functions: Int, codeBytes: Int) {
        let rows = try connection.query(
            """
            SELECT COALESCE(SUM(is_function), 0) AS functions, COALESCE(SUM(code_size), 0) AS bytes FROM (
                SELECT account, region, code_size, 1 AS is_function FROM lambda_functions
                UNION ALL SELECT account, region, code_size, 0 FROM lambda_versions
            ) AS code WHERE account = ? AND region = ?
            """, [.text(account), .text(region)])
        guard let row = rows.first else { return (0, 0) }
        let layers = try LayerRepository(connection).bytes(account: account, region: region)
        return (Int(try row.integer("functions")), Int(try row.integer("bytes")) + layers)
    }

    /// Every reservation there is.
    func reservations() throws -> [(key: FunctionKey, executions: Int)] {
        try connection.query(
            "SELECT account, region, name, reserved FROM lambda_functions WHERE reserved IS NOT NULL", []
        ).map { (try FunctionKey($0), Int(try $0.integer("reserved"))) }
    }

    /// The images that invocations run, each once.
    func servingImages() throws -> [FunctionImage] {
        let images = try connection.query(
            """
            SELECT serving AS settings FROM lambda_functions WHERE serving IS NOT NULL
            UNION SELECT settings FROM lambda_versions WHERE state = 'Active'
            """, []
        ).compactMap { try Self.value(FunctionSettings.self, try $0.text("settings")).image }
        return Array(Dictionary(images.map { ($0.tree, $0) }) { first, _ in first }.values)
    }

    /// The zip files that invocations run, and versions will, each once.
    func servingCode() throws -> [String] {
        try connection.query(
            """
            SELECT serving_code AS code FROM lambda_functions WHERE serving_code IS NOT NULL
            UNION SELECT code FROM lambda_versions WHERE state <> 'Failed'
            """, []
        ).map { try $0.text("code") }.filter { !FunctionImage.isTree($0) }
    }

    /// The runtimes of functions and versions that serve, each once.
    func servingRuntimes() throws -> Set<String> {
        struct Settings: Decodable { var runtime: String? }
        let rows = try connection.query(
            """
            SELECT serving AS settings FROM lambda_functions WHERE serving IS NOT NULL
            UNION ALL SELECT settings FROM lambda_versions WHERE state = 'Active'
            """, [])
        // An image has none.
        return Set(try rows.compactMap { try Self.value(Settings.self, $0.text("settings")).runtime }).subtracting([""])
    }

    /// Whether a function or a layer of the account has this code.
    func refers(toCode code: String, account: String) throws -> Bool {
        let functions = try connection.query(
            """
            SELECT 1 AS found FROM lambda_functions WHERE code = ? AND account = ?
            UNION ALL SELECT 1 FROM lambda_versions WHERE code = ? AND account = ? LIMIT 1
            """, [.text(code), .text(account), .text(code), .text(account)])
        return try !functions.isEmpty || layersRefer(to: code, account: account)
    }

    /// Whether any function or layer of any account has, or any function still runs, this code.
    func refers(toCode code: String) throws -> Bool {
        let functions = try connection.query(
            """
            SELECT 1 AS found FROM lambda_functions WHERE code = ? OR serving_code = ?
            UNION ALL SELECT 1 FROM lambda_versions WHERE code = ? LIMIT 1
            """, [.text(code), .text(code), .text(code)])
        return try !functions.isEmpty || layersRefer(to: code)
    }
}

extension FunctionKey {
    init(_ row: SQLRow) throws {
        self.init(account: try row.text("account"), region: try row.text("region"), name: try row.text("name"))
    }

    /// Account, region and name: how every key begins.
    var arguments: [SQLValue] { [.text(account), .text(region), .text(name)] }
}

extension FunctionRepository {
    private static func columns(of record: FunctionRecord) throws -> [(name: String, value: SQLValue)] {
        let state = encode(record.state)
        let update = encode(record.updateStatus)
        return [
            ("account", .text(record.key.account)), ("region", .text(record.key.region)),
            ("name", .text(record.key.name)),
            ("revision", .text(record.revisionID)), ("modified", .integer(record.lastModified)),
            ("state", .text(state.word)), ("state_code", text(state.reason?.code)),
            ("state_reason", text(state.reason?.text)),
            ("update_status", text(update.word)), ("update_code", text(update.reason?.code)),
            ("update_reason", text(update.reason?.text)),
            ("unfinished", .integer(record.isUnfinished ? 1 : 0)),
            ("settings", .text(try json(record.settings))), ("code", .text(record.settings.code)),
            ("code_size", .integer(Int64(record.settings.codeSize))),
            ("serving", text(try record.serving.map(json))), ("serving_code", text(record.serving?.code)),
            ("reserved", record.reservedConcurrency.map { .integer(Int64($0)) } ?? .null),
            ("tags", .text(try json(record.tags))), ("next_version", .integer(Int64(record.nextVersion))),
            ("creation", .integer(record.creation)),
        ]
    }

    private static func record(_ row: SQLRow) throws -> FunctionRecord {
        FunctionRecord(
            key: try FunctionKey(row), settings: try value(FunctionSettings.self, try row.text("settings")),
            serving: try row.optionalText("serving").map { try value(FunctionSettings.self, $0) },
            state: try state(row), updateStatus: try updateStatus(row), revisionID: try row.text("revision"),
            lastModified: try row.integer("modified"), tags: try value([String: String].self, try row.text("tags")),
            reservedConcurrency: row.optionalInteger("reserved").map { Int($0) },
            nextVersion: Int(try row.integer("next_version")), creation: try row.integer("creation"))
    }

    static func encode(_ state: FunctionRecord.State) -> (word: String, reason: StateReason?) {
        switch state {
        case .pending: ("Pending", nil)
        case .active: ("Active", nil)
        case .failed(let reason): ("Failed", reason)
        }
    }

    private static func encode(_ status: FunctionRecord.UpdateStatus) -> (word: String?, reason: StateReason?) {
        switch status {
        case .none: (nil, nil)
        case .inProgress: ("InProgress", nil)
        case .successful: ("Successful", nil)
        case .failed(let reason): ("Failed", reason)
        }
    }

    static func state(_ row: SQLRow) throws -> FunctionRecord.State {
        switch try row.text("state") {
        case "Pending": .pending
        case "Active": .active
        case "Failed": .failed(StateReason(code: try row.text("state_code"), text: try row.text("state_reason")))
        default: throw StorageError.unexpectedType(column: "state")
        }
    }

    private static func updateStatus(_ row: SQLRow) throws -> FunctionRecord.UpdateStatus {
        switch row.optionalText("update_status") {
        case nil: .none
        case "InProgress": .inProgress
        case "Successful": .successful
        case "Failed": .failed(StateReason(code: try row.text("update_code"), text: try row.text("update_reason")))
        default: throw StorageError.unexpectedType(column: "update_status")
        }
    }

    static func text(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}
