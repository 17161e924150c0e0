import AWSWire
import Glibc
import Identity
import NIOCore
import Storage
import Synchronization
import TestSupport
import Testing

@testable import CloudTrailService

/// What a start takes up of the run before, which may have ended anywhere.
@Suite struct StartTests {
    /// Runs until the files are written, and ends before the store has committed.
    private func killed(
        in directory: TemporaryDirectory, leavesMarks: Bool = false, _ events: (Rig) -> [AuditEvent]
    ) async throws {
        let boxes = Mutex<TrailTests.Failing?>(nil)
        let rig = try Rig(in: directory) { database in
            let failing = TrailTests.Failing(database)
            boxes.withLock { $0 = failing }
            return failing
        }
        try #require(boxes.withLock { $0 }).fails.withLock { $0 = true }
        for event in events(rig) { rig.record(event) }
        await rig.service.trail.flush()
        #expect(try await rig.database.read { try TrailTables($0).marks() }.isEmpty == !leavesMarks)
    }

    private func count(_ rig: Rig) async throws -> Int { try await rig.database.read { try TrailTables($0).count() } }

    @Test func whatAKillLeftInTheFilesOnlyIsTakenUpOnce() async throws {
        let directory = TemporaryDirectory()
        try await killed(in: directory) { [$0.logs("CreateLogGroup"), $0.iam("Action=CreateUser&UserName=ann")] }
        let second = try Rig(in: directory)
        await second.service.trail.flush()
        second.record(second.logs("DeleteLogGroup"))
        #expect(try await second.names() == ["DeleteLogGroup", "CreateUser", "CreateLogGroup"])
        let user = #"{"LookupAttributes":[{"AttributeKey":"ResourceName","AttributeValue":"ann"}]}"#
        #expect(try await second.names(user) == ["CreateUser"])
        #expect(second.lines().count == 3)
        let third = try Rig(in: directory)
        await third.service.trail.flush()
        #expect(try await count(third) == 3 && third.lines().count == 3)
    }

    @Test func whatComesBeforeTheFirstLookIsNotTakenTwice() async throws {
        let directory = TemporaryDirectory()
        try await killed(in: directory) { [$0.logs("CreateLogGroup")] }
        let second = try Rig(in: directory)
        second.record(second.logs("DeleteLogGroup"))
        #expect(try await second.names() == ["DeleteLogGroup", "CreateLogGroup"])
        #expect(second.lines().count == 2)
    }

    @Test func theNextDayIsTakenUpToo() async throws {
        let directory = TemporaryDirectory()
        let first = try Rig(in: directory)
        first.record(first.logs("CreateLogGroup"))
        await first.service.trail.flush()
        directory.write("audit/2026-01-02.jsonl", "")
        let boxes = Mutex<TrailTests.Failing?>(nil)
        let rig = try Rig(in: directory) { database in
            let failing = TrailTests.Failing(database)
            boxes.withLock { $0 = failing }
            return failing
        }
        try #require(boxes.withLock { $0 }).fails.withLock { $0 = true }
        rig.record(rig.logs("CreateLogStream"))
        rig.clock.now += 86_400
        rig.record(rig.logs("DeleteLogGroup"))
        await rig.service.trail.flush()
        #expect(rig.lines("2026-01-02").count == 1)
        let last = try Rig(in: directory)
        #expect(try await last.names() == ["DeleteLogGroup", "CreateLogStream", "CreateLogGroup"])
    }

    @Test func aResetHistoryStaysForgotten() async throws {
        let directory = TemporaryDirectory()
        try await killed(in: directory) { [$0.logs("CreateLogGroup")] }
        let second = try Rig(in: directory)
        second.record(second.logs("DeleteLogGroup"))
        try await second.service.reset()
        let third = try Rig(in: directory)
        #expect(try await third.names().isEmpty)
        #expect(third.lines().count == 2)
    }

    @Test func whatIsNoRecordIsLeftAlone() async throws {
        let directory = TemporaryDirectory()
        try await killed(in: directory) { [$0.logs("CreateLogGroup")] }
        let path = "audit/2026-01-01.jsonl"
        let line = try Rig(in: directory).lines()[0]
        let data = line.replacing(#""managementEvent":true"#, with: #""managementEvent":false"#)
        directory.write(path, "{}\n\(data)\nnonsense\n[1]\n\(line)\n" + #"{"eventVersion":"1."#)
        let rig = try Rig(in: directory)
        #expect(try await rig.names() == ["CreateLogGroup"])
    }

    @Test func aFileThatWasBegunAnewIsReadFromItsBeginning() async throws {
        let directory = TemporaryDirectory()
        let first = try Rig(in: directory)
        first.record(first.logs("CreateLogGroup"))
        first.record(first.logs("CreateLogStream"))
        await first.service.trail.flush()
        unlink(directory.path + "/audit/2026-01-01.jsonl")
        try await killed(in: directory, leavesMarks: true) { [$0.logs("DeleteLogGroup")] }
        #expect(try await Rig(in: directory).names() == ["DeleteLogGroup", "CreateLogStream", "CreateLogGroup"])
    }

    @Test func noMoreIsReadThanMayWait() async throws {
        let directory = TemporaryDirectory()
        try await killed(in: directory) { [$0.logs("CreateLogGroup"), $0.logs("DeleteLogGroup")] }
        var limits = AuditTrail.Limits()
        limits.bytes = try Rig(in: directory).lines()[1].utf8.count + 10
        #expect(try await Rig(in: directory, limits: limits).names() == ["DeleteLogGroup"])
    }

    @Test func aRecordThatIsReadIsWhatWasWritten() throws {
        let rig = try Rig()
        func principal(_ kind: Principal.Kind, _ id: String) -> Principal {
            let session = Principal.Session(issued: Rig.start, expires: Rig.start + 3600)
            return Principal(kind, account: .standard, arn: "arn:x", id: id, accessKeyID: "ASIA", session: session)
        }
        let principals = [
            Rig.root, principal(.user(name: "ann"), "AIDA"), principal(.assumedRole(role: "r", session: "s"), "AROA:s"),
            principal(.federated(name: "bob"), "000000000000:bob"), .anonymous(.standard),
        ]
        let events =
            principals.map { rig.iam("Action=CreateUser&UserName=eve", by: $0) } + [
                rig.iam("Action=ListUsers", status: 403, isAuthenticated: false), rig.logs("CreateLogGroup"),
                rig.iam("Action=AttachUserPolicy&PolicyArn=arn:aws:iam::aws:policy/X&UserName=eve"),
            ]
        for event in events {
            var call = try #require(event.service.audited(event.request))
            if call.eventSource == "iam.amazonaws.com" {
                call.resources = AuditedCall.Resource.ofIdentities { [call] in call.parameters[$0]?.text }
            }
            let written = AuditRecord(event, call, directory: EmptyDirectory())
            let read = try #require(AuditRecord(reading: written.document))
            #expect(read.id == written.id)
            #expect(read.time == written.time)
            #expect(read.document == written.document)
            #expect(read.account == written.account)
            #expect(read.region == written.region)
            #expect(read.name == written.name)
            #expect(read.source == written.source)
            #expect(read.isReadOnly == written.isReadOnly)
            #expect(read.isManagement == written.isManagement)
            #expect(read.hasFailed == written.hasFailed)
            #expect(read.userName == written.userName)
            #expect(read.accessKeyID == written.accessKeyID)
            #expect(read.resources == written.resources)
        }
    }
}
