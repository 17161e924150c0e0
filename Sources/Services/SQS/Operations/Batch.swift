import AWSWire
import SQSModel

/// What batches have in common: their entries succeed and fail one by one.
struct Batch {
    private(set) var failed: [SQS.BatchResultErrorEntry] = []

    var failures: [SQS.BatchResultErrorEntry]? { failed.isEmpty ? nil : failed }

    mutating func fail(_ id: String, _ error: AWSError) {
        failed.append(
            SQS.BatchResultErrorEntry(
                id: id, senderFault: error.fault == .client, code: error.entryCode, message: error.message))
    }

    /// - Parameter name: Of the entries' shape.
    /// - Throws: `EmptyBatchRequest`, `TooManyEntriesInBatchRequest`, `InvalidBatchEntryId`,
    ///   `BatchEntryIdsNotDistinct`.
    static func check<Entry>(
        _ entries: [Entry]?, _ id: (Entry) -> String, _ name: String, _ quotas: SQSQuotas
    ) throws(AWSError) -> [Entry] {
        guard let entries, !entries.isEmpty else {
            throw SQSError.emptyBatchRequest(message: "There should be at least one \(name) in the request.")
        }
        guard entries.count <= quotas.batchEntries else {
            throw SQSError.tooManyEntriesInBatchRequest(
                message: "Maximum number of entries per request are \(quotas.batchEntries). You have sent "
                    + "\(entries.count).")
        }
        var ids: Set<String> = []
        for entry in entries {
            let id = id(entry)
            let isPlain = id.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
            guard isPlain, (1...80).contains(id.utf8.count) else {
                throw SQSError.invalidBatchEntryId(
                    message: "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It "
                        + "can be at most 80 letters long.")
            }
            guard ids.insert(id).inserted else {
                throw SQSError.batchEntryIdsNotDistinct(message: "Id \(id) repeated.")
            }
        }
        return entries
    }
}
