import Storage
import FoundationEssentials

/// Accounts in SQL. Every call runs inside the caller's transaction.
struct AccountStore {
    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    static let migrations = [
        Migration(
            component: "iam", number: 1,
            statements: [
                """
                CREATE TABLE iam_accounts (
                    account TEXT NOT NULL PRIMARY KEY,
                    revision BIGINT NOT NULL
                )
                """,
                """
                CREATE TABLE iam_records (
                    account TEXT NOT NULL,
                    kind TEXT NOT NULL,
                    name TEXT NOT NULL,
                    document TEXT NOT NULL,
                    PRIMARY KEY (account, kind, name)
                )
                """,
                """
                CREATE TABLE iam_uses (
                    account TEXT NOT NULL,
                    id TEXT NOT NULL,
                    used BIGINT NOT NULL,
                    region TEXT NOT NULL,
                    service TEXT NOT NULL,
                    PRIMARY KEY (account, id)
                )
                """,
            ])
    ]

    /// The accounts that have anything.
    func accounts() throws -> [String] {
        try connection.query("SELECT account FROM iam_accounts ORDER BY account", []).map { try $0.text("account") }
    }

    /// 0 for an account that never had anything.
    func revision(of account: String) throws -> Int64 {
        try connection.query("SELECT revision FROM iam_accounts WHERE account = ?", [.text(account)]).first?
            .integer("revision") ?? 0
    }

    func load(_ id: String) throws -> Account {
        var account = Account(id: id)
        account.revision = try revision(of: id)
        try load(into: &account.users, of: id)
        try load(into: &account.groups, of: id)
        try load(into: &account.roles, of: id)
        try load(into: &account.policies, of: id)
        try load(into: &account.profiles, of: id)
        try load(into: &account.keys, of: id)
        try load(into: &account.providers, of: id)
        try load(into: &account.settings, of: id)
        return account
    }

    /// Stores what has changed under the next revision.
    func save(_ account: inout Account) throws {
        account.revision += 1
        try connection.execute(
            """
            INSERT INTO iam_accounts (account, revision) VALUES (?, ?)
            ON CONFLICT (account) DO UPDATE SET revision = excluded.revision
            """, [.text(account.id), .integer(account.revision)])
        try save(&account.users, of: account.id)
        try save(&account.groups, of: account.id)
        try save(&account.roles, of: account.id)
        try save(&account.policies, of: account.id)
        try save(&account.profiles, of: account.id)
        try save(&account.keys, of: account.id)
        try save(&account.providers, of: account.id)
        try save(&account.settings, of: account.id)
    }

    /// Deletes everything of everybody. Revisions stay, so that nobody takes what they hold for what is stored.
    func deleteAll() throws {
        try connection.execute("DELETE FROM iam_records", [])
        try connection.execute("DELETE FROM iam_uses", [])
        try connection.execute("UPDATE iam_accounts SET revision = revision + 1", [])
    }

    private func load<Row>(into table: inout Table<Row>, of account: String) throws {
        let rows = try connection.query(
            "SELECT document FROM iam_records WHERE account = ? AND kind = ?", [.text(account), .text(Row.kind)])
        let decoder = JSONDecoder()
        for row in rows {
            table.load(try decoder.decode(Row.self, from: Data(try row.text("document").utf8)))
        }
    }

    private func save<Row>(_ table: inout Table<Row>, of account: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        for name in table.changed {
            let key: [SQLValue] = [.text(account), .text(Row.kind), .text(name)]
            guard let row = table.row(changed: name) else {
                try connection.execute("DELETE FROM iam_records WHERE account = ? AND kind = ? AND name = ?", key)
                continue
            }
            let document = String(decoding: try encoder.encode(row), as: UTF8.self)
            try connection.execute(
                """
                INSERT INTO iam_records (account, kind, name, document) VALUES (?, ?, ?, ?)
                ON CONFLICT (account, kind, name) DO UPDATE SET document = excluded.document
                """, key + [.text(document)])
        }
        table.settle()
    }
}
