import AWSWire
import SQSModel
import Storage

extension SQSService {
    func deleteMessage(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.DeleteMessageRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .deleteMessage, request)
        if let error = try await delete([input.receiptHandle], from: queue)[0] { throw error }
        return nil
    }

    func deleteMessageBatch(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.DeleteMessageBatchRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .deleteMessageBatch, request)
        let entries = try Batch.check(input.entries, \.id, "DeleteMessageBatchRequestEntry", quotas)
        var batch = Batch()
        var successes: [SQS.DeleteMessageBatchResultEntry] = []
        for (entry, error) in zip(entries, try await delete(entries.map(\.receiptHandle), from: queue)) {
            if let error {
                batch.fail(entry.id, error)
            } else {
                successes.append(SQS.DeleteMessageBatchResultEntry(id: entry.id))
            }
        }
        return SQS.DeleteMessageBatchResult(
            successful: successes.isEmpty ? nil : successes, failed: batch.failures)
    }

    /// Deletes what handles name. A handle of an earlier receipt deletes what is not in flight by a later one, and
    /// succeeds anyway: except in FIFO queues, where one whose time is over fails.
    ///
    /// - Returns: What stood against each; nil for success.
    func delete(_ handles: [String], from queue: Queue) async throws -> [AWSError?] {
        let now = clock.milliseconds()
        let (errors, groups) = try await database.write { connection in
            var groups: Set<String> = []
            let errors = try handles.map { text -> AWSError? in
                guard let handle = ReceiptHandle(text), handle.queue == queue.id else { return .invalidHandle(text) }
                let messages = MessageTable(connection)
                guard let state = try messages.state(of: handle.message, in: queue.id) else { return nil }
                let isLatest = state.receives == handle.receives
                if queue.isFIFO, !isLatest || state.visibleAt <= now { return .expiredHandle(text) }
                guard isLatest || state.visibleAt <= now else { return nil }
                try messages.delete(handle.message)
                if let group = state.group, queue.isFIFO { groups.insert(group) }
                return nil
            }
            for group in groups { try GroupTable(connection).refresh(group, of: queue.id) }
            return (errors, groups)
        }
        queue.meters.deleted(errors.count { $0 == nil }, at: now)
        // The next of the group can be had.
        if !groups.isEmpty { queue.came(groups.count) }
        return errors
    }

    // MARK: Visibility

    func changeMessageVisibility(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.ChangeMessageVisibilityRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .changeMessageVisibility, request)
        let change = (handle: input.receiptHandle, timeout: input.visibilityTimeout)
        if let error = try await changeVisibility([change], in: queue)[0] { throw error }
        return nil
    }

    func changeMessageVisibilityBatch(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.ChangeMessageVisibilityBatchRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .changeMessageVisibilityBatch, request)
        let entries = try Batch.check(input.entries, \.id, "ChangeMessageVisibilityBatchRequestEntry", quotas)
        var batch = Batch()
        var successes: [SQS.ChangeMessageVisibilityBatchResultEntry] = []
        let changes = entries.map { (handle: $0.receiptHandle, timeout: $0.visibilityTimeout ?? 0) }
        for (entry, error) in zip(entries, try await changeVisibility(changes, in: queue)) {
            if let error {
                batch.fail(entry.id, error)
            } else {
                successes.append(SQS.ChangeMessageVisibilityBatchResultEntry(id: entry.id))
            }
        }
        return SQS.ChangeMessageVisibilityBatchResult(
            successful: successes.isEmpty ? nil : successes, failed: batch.failures)
    }

    /// Sets anew for how long messages in flight are out of sight. For one whose time is over already it changes
    /// nothing: test_change_message_visibility_after_visibility_timeout_expiration.
    ///
    /// - Parameter timeout: Seconds from now.
    private func changeVisibility(
        _ changes: [(handle: String, timeout: Int)], in queue: Queue
    ) async throws -> [AWSError?] {
        let now = clock.milliseconds()
        let (errors, times) = try await database.write { connection in
            var groups: Set<String> = []
            var times: [Int64] = []
            let errors = try changes.map { change -> AWSError? in
                guard (0...43_200).contains(change.timeout) else {
                    return .invalidParameter(
                        "VisibilityTimeout", change.timeout, "VisibilityTimeout must be an integer between 0 and 43200")
                }
                guard let handle = ReceiptHandle(change.handle), handle.queue == queue.id else {
                    return .invalidHandle(change.handle)
                }
                let messages = MessageTable(connection)
                // A standard queue takes the handle of an earlier receipt, too.
                guard let state = try messages.state(of: handle.message, in: queue.id),
                    !queue.isFIFO || state.receives == handle.receives
                else {
                    return .invalidParameter(
                        "ReceiptHandle", change.handle,
                        "Message does not exist or is not available for visibility timeout change.")
                }
                guard state.visibleAt > now else { return nil }
                let visibleAt = now + Int64(change.timeout) * 1000
                try messages.setVisibility(handle.message, at: visibleAt)
                times.append(visibleAt)
                if let group = state.group, queue.isFIFO { groups.insert(group) }
                return nil
            }
            for group in groups { try GroupTable(connection).refresh(group, of: queue.id) }
            return (errors, times)
        }
        let visible = times.count { $0 <= now }
        if visible > 0 { queue.came(visible) }
        if let next = times.filter({ $0 > now }).min() { queue.hub.expect(at: next) }
        return errors
    }
}
