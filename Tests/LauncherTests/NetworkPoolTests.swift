import CLinux
import Glibc
import Linux
import Sandbox
import Testing

@testable import Launcher

private typealias Host = NetworkTestHost
private typealias Socket = NetworkTestSocket

/// Children of a process, by proc(5).
private func children(of process: Int32) -> [Int32] {
    let file = open("/proc/\(process)/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard let tasks = fdopendir(file) else { return [] }
    defer { closedir(tasks) }
    var found: [Int32] = []
    while let entry = readdir(tasks) {
        let task = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        let list = open("/proc/\(process)/task/\(task)/children", O_RDONLY | O_CLOEXEC)
        guard list >= 0 else { continue }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = max(0, read(list, &bytes, bytes.count))
        close(list)
        found += bytes[..<count].split(separator: 32).compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
    }
    return found
}

/// The pool's own behaviour: what is left when parts of the host are missing, and how it comes to its end.
@Suite(.serialized, NetworkTestNeeds.root) struct NetworkPoolTests {
    @Test func sparesAreMadeOneByOneAndNeverUsedTwice() async {
        await #expect(processExitsWith: .success) {
            _ = try Host()
            let pool = try NetworkPool.start(NetworkConfiguration(spares: 3, reach: .endpoint))
            var calls = 0
            while pool.wantsRefill {
                pool.refill()
                calls += 1
            }
            // The first came with the start.
            #expect(calls == 2)
            var seen: Set<String> = []
            for _ in 0..<8 {
                let network = try pool.acquire()
                #expect(seen.insert(network.address).inserted)
                pool.release(network)
            }
            #expect(pool.wantsRefill)
        }
    }

    @Test func withoutTheProgramsTheEndpointIsStillThere() async {
        await #expect(processExitsWith: .success) {
            let host = try Host()
            let service = try inside(host.world) { Socket.listening(.stream, port: 80) }
            let pool = try NetworkPool.start(NetworkConfiguration(programDirectories: []))
            #expect(pool.weaknesses == [.noInternet])
            #expect(pool.shortcoming == NetworkError(operation: "slirp4netns", reason: "not installed"))
            #expect(pool.nameserver == nil)
            #expect(pool.wayOutSocket == -1)
            let first = try pool.acquire()
            let second = try pool.acquire()
            let other = try second.run { Socket.listening(.stream, port: 8080) }
            #expect(try first.connect(NetworkPlan.router, 4566) == .connected)
            #expect(Socket.accept(on: pool.endpointListener)?.from.description == first.address)
            // Not forwarded, neither outwards nor to the neighbour: there is no route, and forwarding is off.
            #expect(try first.run { Socket(.stream).connect(Host.publicAddress, 80, patience: 200) } != .connected)
            let neighbour = NetworkPlan.address(slot: second.slot)
            #expect(try first.run { Socket(.stream).connect(neighbour, 8080, patience: 200) } != .connected)
            #expect(service.accept(patience: 0) == nil)
            #expect(other.accept(patience: 0) == nil)
        }
    }

    @Test func withoutLinksTheRuntimeAPIIsStillThere() async {
        await #expect(processExitsWith: .success) {
            _ = try Host()
            let pool = try NetworkPool.start(NetworkConfiguration(reach: .runtimeAPI))
            #expect(pool.weaknesses == [])
            #expect(pool.endpointListener == -1)
            let network = try pool.acquire()
            #expect(try network.connect(IPv4Address(127, 0, 0, 1), 9001) == .connected)
            #expect(Socket.accept(on: network.runtimeAPIListener) != nil)
            #expect(try network.connect(NetworkPlan.router, 4566) == .refused(errno: ENETUNREACH))
        }
    }

    @Test(NetworkTestNeeds.wayOut) func aKilledWayOutComesBackAndEndsWithThePool() async {
        await #expect(processExitsWith: .success) {
            let host = try Host()
            let service = try inside(host.world) { Socket.listening(.stream, port: 80) }
            var attendant: Int32 = 0
            do {
                let pool = try NetworkPool.start(NetworkConfiguration())
                attendant = try #require(children(of: getpid()).first)
                let slirp = try #require(children(of: attendant).first)
                let before = try pool.acquire()
                kill(slirp, SIGKILL)
                // Its end, then the readiness of the new one.
                for _ in 0..<2 {
                    #expect(apus_network_wait(pool.wayOutSocket, 10_000) == 1)
                    pool.wayOutChanged()
                }
                #expect(pool.weaknesses == [])
                #expect(try before.connect(Host.publicAddress, 80) == .connected)
                #expect(service.accept() != nil)
            }
            var status: Int32 = 0
            #expect(waitpid(attendant, &status, 0) == attendant)
            #expect(status == 0)
        }
    }

    @Test(NetworkTestNeeds.wayOut) func aLostAttendantIsAWeakness() async {
        await #expect(processExitsWith: .success) {
            _ = try Host()
            let pool = try NetworkPool.start(NetworkConfiguration())
            let attendant = try #require(children(of: getpid()).first)
            kill(attendant, SIGKILL)
            #expect(apus_network_wait(pool.wayOutSocket, 10_000) == 1)
            pool.wayOutChanged()
            #expect(pool.weaknesses == [.noInternet])
            #expect(pool.wayOutSocket == -1)
            #expect(try pool.acquire().connect(NetworkPlan.router, 4566) == .connected)
        }
    }

    @Test(NetworkTestNeeds.wayOut) func anOrdinaryUserHasTheSame() async {
        await #expect(processExitsWith: .success) {
            let host = try Host()
            let service = try inside(host.world) { Socket.listening(.stream, port: 80) }
            // Only a single-threaded process can change its user namespace.
            let child = Host.fork()
            guard child == 0 else {
                var status: Int32 = -1
                while waitpid(child, &status, 0) < 0 && errno == EINTR {}
                #expect(status == 0)
                #expect(service.accept()?.from == Host.hostAddress)
                return
            }
            exit(ordinaryUser())
        }
    }
}

/// Becomes an ordinary user with a user namespace; answers the step that failed, 0 for none.
private func ordinaryUser() -> Int32 {
    guard setgroups(0, nil) == 0, setgid(65534) == 0, setuid(65534) == 0 else {
        return 1
    }
    // A process that changed its user does not own its /proc files until it may dump core again (PR_SET_DUMPABLE).
    guard Host.prctl(4, 1, 0, 0, 0) == 0, Host.unshare(0x1000_0000) == 0 else { return 2 }  // CLONE_NEWUSER
    for (name, text) in [("setgroups", "deny"), ("uid_map", "0 65534 1"), ("gid_map", "0 65534 1")] {
        let file = open("/proc/self/\(name)", O_WRONLY | O_CLOEXEC)
        guard write(file, text, text.utf8.count) == text.utf8.count else { return 3 }
        close(file)
    }
    guard let pool = try? NetworkPool.start(NetworkConfiguration()), pool.weaknesses == [] else { return 4 }
    guard let environment = try? pool.acquire() else { return 5 }
    guard (try? environment.connect(NetworkPlan.router, 4566)) == .connected else { return 6 }
    guard (try? environment.connect(Host.publicAddress, 80)) == .connected else { return 7 }
    guard (try? environment.connect(Host.hostAddress, 80)) == .refused(errno: EHOSTUNREACH) else { return 8 }
    return 0
}
