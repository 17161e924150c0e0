import AWSWire
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// What all connections of a gateway share.
final class GatewayCore: Sendable {
    let reception: Reception
    let limits: GatewayLimits
    let timeouts: GatewayTimeouts
    let bodies: BodyBudget
    let threads: NIOThreadPool
    let date: DateHeader

    init(reception: Reception, configuration: GatewayConfiguration, threads: NIOThreadPool) {
        self.reception = reception
        self.threads = threads
        limits = configuration.limits
        timeouts = configuration.timeouts
        bodies = BodyBudget(bytes: configuration.limits.bufferedBodies)
        date = DateHeader(clock: configuration.clock)
    }

    static let overloaded = AWSError(
        code: "ServiceUnavailableException", message: "Too many requests are in flight.", status: 503, fault: .server)

    /// The largest body that is gathered. aws-chunked framing may come on top of the payload.
    func bodyLimit(of plan: Reception.Plan, _ head: RequestHead) -> Int {
        let declared = head.head.headers.first(name: "x-amz-content-sha256")
        guard case .chunks = SigV4.payload(declared: declared, otherwise: .body) else { return plan.limit.bytes }
        return plan.limit.bytes + plan.limit.bytes / 8 + 65_536
    }
}

/// The `Date` of answers, made once a second.
final class DateHeader: Sendable {
    private let clock: @Sendable () -> SigV4Time
    private let last = Mutex((time: SigV4Time(secondsSince1970: -1), text: ""))

    init(clock: @escaping @Sendable () -> SigV4Time) {
        self.clock = clock
    }

    func now() -> String {
        let time = clock()
        return last.withLock { last in
            if last.time != time { last = (time, time.http) }
            return last.text
        }
    }
}
