import Linux
import Sandbox
import Synchronization
import Testing

@testable import Launcher

#if canImport(Glibc)
    import Glibc
#endif

/// Really starts sandboxes, on the host that the tests run on.
@Suite(.serialized, .enabled(if: TestHost.obstacle == nil, "\(TestHost.obstacle ?? "")"))
struct SandboxSuite {
    @Test func runsACommandAsTheUserOfAWS() async throws {
        let host = try await TestHost.start()
        let run = try await host.run("id; pwd; hostname; echo $GREETING", environment: ["GREETING=hello there"])
        await host.stop()
        #expect(run.exit.cause == .exited(status: 0))
        #expect(run.output == """
            uid=993(sbx_user1051) gid=993(sbx_user1051) groups=993(sbx_user1051)
            /var/task
            apus
            hello there

            """)
    }
}
