import Dispatch
import Glibc
import Storage
import Testing
import TestSupport

private let schema = Migration(
    component: "crash", number: 1, statements: ["CREATE TABLE acknowledged (name TEXT PRIMARY KEY, blob TEXT NOT NULL)"]
)

private func openStores(_ directory: String) throws -> (SQLiteDatabase, BlobStore) {
    let database = try SQLiteDatabase(path: directory + "/crash.db", durability: .durable, migrations: [schema])
    return (database, try BlobStore(directory: directory + "/blobs"))
}

private func die(after microseconds: Int) {
    let deadline = DispatchTime.now() + .microseconds(microseconds)
    DispatchQueue(label: "killer").asyncAfter(deadline: deadline) { kill(getpid(), SIGKILL) }
}

/// Writes blobs and rows until it is killed, and notes in a file of its own what was acknowledged.
///
/// - Parameter rest: How many microseconds are left from the first note on; nil: somebody else kills.
private func writeForEver(_ directory: String, prefix: String, rest: Int? = nil) async throws {
    let notes = open(directory + "/notes", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    let (database, blobs) = try openStores(directory)
    try await withThrowingTaskGroup { group in
        for writer in 0..<4 {
            group.addTask {
                for number in 0... {
                    let name = "\(prefix)-\(writer)-\(number)"
                    let bytes = Array(repeating: UInt8(truncatingIfNeeded: number), count: 70_000) + Array(name.utf8)
                    let blob = try await blobs.put(bytes)
                    try await database.write { connection in
                        _ = try connection.execute(
                            "INSERT INTO acknowledged VALUES (?, ?)", [.text(name), .text(blob.hex)])
                    }
                    let note = Array("\(name)\n".utf8)
                    precondition(write(notes, note, note.count) == note.count)
                    if let rest { die(after: rest) }
                }
            }
        }
        try await group.waitForAll()
    }
}

@Suite struct CrashTests {
    /// SQLite's and rename's guarantees, taken at their word: whatever was acknowledged is there, nothing is torn.
    @Test func beingKilledAnywhereLosesNothingThatWasAcknowledged() async throws {
        let directory = TemporaryDirectory()
        var generator = SeededGenerator(seed: 42)
        for round in 0..<12 {
            let path = directory.path
            // From the first instants, in which the stores are made, to the midst of writing, however slow that is.
            let isEarly = round < 6
            let microseconds = Int.random(in: 0...(round < 4 ? 8_000 : 60_000), using: &generator)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    path = path as String, isEarly = isEarly as Bool, microseconds = microseconds as Int,
                    prefix = "\(round)" as String,
                ] in
                if isEarly { die(after: microseconds) }
                try await writeForEver(path, prefix: prefix, rest: isEarly ? nil : microseconds)
            }
            let noted = String(decoding: readFile(directory.file("notes")), as: UTF8.self)
                .split(separator: "\n").map(String.init)
            let (database, blobs) = try openStores(directory.path)
            let rows = try await database.read { try $0.query("SELECT name, blob FROM acknowledged", []) }
            let kept = try Set(rows.map { try $0.text("name") })
            #expect(Set(noted).subtracting(kept).isEmpty, "round \(round): acknowledged, but lost")
            for row in rows {
                let id = try #require(try BlobID(row.text("blob")))
                #expect(try await blobs.read(id).count > 70_000)
            }
            // Reading compares each one with its name.
            for id in try await blobs.all() { _ = try await blobs.read(id) }
            try database.close()
            #expect(isEarly || noted.contains { $0.hasPrefix("\(round)-") })
        }
    }
}
