import AWSWire
import Delivery
import Identity
import NIOCore
import NIOHTTP1
import Storage
import Synchronization

@testable import LambdaService

extension Harness {
    /// Has the workers that run asynchronous invocations run for as long as `body` does.
    func dispatching<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await service.queue.prepare()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await service.runEvents() }
            group.addTask { try await outbox.run() }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// Time passes.
    func advance(seconds: Int64) {
        clock.advance(by: seconds * 1000)
        service.wakeEvents()
    }

    func event(_ name: String, _ body: String = "{}", headers: HTTPHeaders = [:], query: String? = nil) async throws
        -> Answer
    {
        var headers = headers
        headers.add(name: "X-Amz-Invocation-Type", value: "Event")
        return try await send(
            .POST, "/2015-03-31/functions/\(name)/invocations", query: query, headers: headers, body: body)
    }

    /// How many events the store has.
    func queued() async throws -> Int { try await service.queue.count() }
}

/// Keeps what is delivered.
final class FakeTarget: DeliveryTarget {
    private let taken = Mutex<[Parcel]>([])

    var parcels: [Parcel] { taken.withLock { $0 } }

    func check(_: String, from _: ServiceCaller) async throws(DeliveryFailure) {}

    func deliver(_ parcel: Parcel) async throws(DeliveryFailure) { taken.withLock { $0.append(parcel) } }
}
