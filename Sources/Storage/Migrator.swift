import Crypto
import GRDB

/// Brings a database's schema to what this program knows, or refuses to touch it.
struct Migrator {
    private let migrations: [Migration]

    /// - Throws: `.migrationOrder` when a component's numbers are not 1, 2, 3, …
    init(migrations: [Migration]) throws(StorageError) {
        var last: [String: Int] = [:]
        for migration in migrations {
            let expected = last[migration.component, default: 0] + 1
            guard migration.number == expected else {
                throw .migrationOrder(component: migration.component, expected: expected, found: migration.number)
            }
            last[migration.component] = expected
        }
        self.migrations = migrations
    }

    /// Checks what the database has applied, then applies the rest, each migration in a transaction of its own.
    func run(on pool: DatabasePool) throws(StorageError) {
        var sql = ""
        do {
            try pool.writeWithoutTransaction { connection in
                sql = """
                    CREATE TABLE IF NOT EXISTS apus_migrations (
                        component TEXT NOT NULL, number INTEGER NOT NULL, checksum TEXT NOT NULL,
                        PRIMARY KEY (component, number)
                    )
                    """
                try connection.execute(sql: sql)
                let pending = try self.pending(applied: Self.applied(on: connection))
                for migration in pending {
                    try connection.inTransaction(.immediate) {
                        for statement in migration.statements {
                            sql = statement
                            try connection.execute(sql: statement)
                        }
                        sql = "INSERT INTO apus_migrations (component, number, checksum) VALUES (?, ?, ?)"
                        try connection.execute(
                            sql: sql, arguments: [migration.component, migration.number, migration.checksum])
                        return .commit
                    }
                }
            }
        } catch {
            throw StorageError(error, sql: sql)
        }
    }

    fileprivate struct Key: Hashable {
        var component: String
        var number: Int
    }

    /// Checksums by migration.
    private static func applied(on connection: GRDB.Database) throws -> [Key: String] {
        let rows = try Row.fetchAll(connection, sql: "SELECT component, number, checksum FROM apus_migrations")
        return Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (Key(component: row["component"], number: row["number"]), row["checksum"])
            })
    }

    private func pending(applied: [Key: String]) throws(StorageError) -> [Migration] {
        var unknown = applied
        var pending: [Migration] = []
        var behind: Set<String> = []
        for migration in migrations {
            guard let checksum = unknown.removeValue(forKey: migration.key) else {
                behind.insert(migration.component)
                pending.append(migration)
                continue
            }
            guard checksum == migration.checksum, !behind.contains(migration.component) else {
                throw .migrationChanged(component: migration.component, number: migration.number)
            }
        }
        // The lowest one names the first version that this program lacks.
        let newer = unknown.keys.min { ($0.component, $0.number) < ($1.component, $1.number) }
        if let newer { throw .newerSchema(component: newer.component, number: newer.number) }
        return pending
    }
}

extension Migration {
    fileprivate var key: Migrator.Key { Migrator.Key(component: component, number: number) }

    /// SHA-256 over the statements, each closed by a NUL that no statement holds, in hex.
    fileprivate var checksum: String {
        var hash = SHA256()
        for statement in statements {
            hash.update(data: Array(statement.utf8))
            hash.update(data: [0])
        }
        return BlobID(digest: hash.finalize()).hex
    }
}
