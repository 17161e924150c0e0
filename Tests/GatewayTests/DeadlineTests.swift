import NIOCore
import NIOHTTP1
import Testing

@testable import Gateway

/// What happens to clients that take their time. The clock is the embedded loop's.
@Suite struct DeadlineTests {
    @Test func idleConnectionsEnd() throws {
        let rig = try Rig()
        rig.advance(.seconds(119))
        #expect(rig.isOpen)
        rig.send("GET /2015-03-31/x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(rig.answer()?.status == 200)
        rig.advance(.seconds(119))
        #expect(rig.isOpen)
        rig.advance(.seconds(2))
        #expect(!rig.isOpen)
        #expect(rig.rest.isEmpty)
    }

    @Test func aHeadMustCome() throws {
        let rig = try Rig()
        rig.send("GET /2015")
        for _ in 0..<19 {
            rig.advance(.seconds(1))
            rig.send("0")
        }
        #expect(rig.isOpen)
        rig.advance(.seconds(2))
        #expect(rig.answer()?.status == 408)
        #expect(!rig.isOpen)
    }

    @Test func aBodyMustMakeProgress() throws {
        let rig = try Rig()
        rig.send("POST /2015-03-31/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n")
        for _ in 0..<3 {
            rig.send(String(repeating: "x", count: 1_024))
            rig.advance(.seconds(20))
            #expect(rig.isOpen)
        }
        rig.send(String(repeating: "x", count: 1_023))
        rig.advance(.seconds(20))
        #expect(rig.answer()?.status == 408)
        #expect(!rig.isOpen)
        #expect(rig.core.bodies.inUse == 0)
    }

    @Test func aServiceMayTakeItsTime() throws {
        let rig = try Rig()
        rig.send("GET /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        rig.advance(.hours(1))
        #expect(rig.isOpen)
        rig.lambda.release()
        #expect(rig.answer()?.status == 200)
        #expect(rig.isOpen)
    }

    @Test func quiescing() throws {
        var rig = try Rig()
        rig.tell(Connections.Quiesce())
        #expect(!rig.isOpen)
        rig = try Rig()
        rig.send("GET /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        rig.tell(Connections.Quiesce())
        #expect(rig.isOpen)
        rig.lambda.release()
        #expect(rig.answer()?.headers["connection"] == ["close"])
        #expect(!rig.isOpen)
    }
}
