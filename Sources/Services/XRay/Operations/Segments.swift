import AWSWire
import NIOCore
import Storage
import XRayModel

extension XRayService {
    /// As many segments as AWS takes at a time.
    private static let segmentsPerRequest = 50

    /// AWS's words for too many: https://github.com/open-telemetry/opentelemetry-collector-contrib/pull/203
    func putTraceSegments(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try XRay.PutTraceSegmentsRequest(decoding: request)
        guard input.traceSegmentDocuments.count <= Self.segmentsPerRequest else {
            throw XRayError.invalidRequest(message: "Exceeding maximum segment count: \(Self.segmentsPerRequest)")
        }
        var segments: [SegmentDocument] = []
        var unprocessed: [XRay.UnprocessedTraceSegment] = []
        for text in input.traceSegmentDocuments {
            let document = ByteBuffer(string: text)
            do throws(SegmentDocument.Refusal) {
                let segment = try SegmentDocument(document)
                guard store.takes(segment.traceID) else { throw .traceID }
                segments.append(segment)
            } catch {
                unprocessed.append(
                    XRay.UnprocessedTraceSegment(
                        id: SegmentDocument.id(of: document), errorCode: error.rawValue, message: error.message))
            }
        }
        try await store.add(segments, of: request.owner)
        return XRay.PutTraceSegmentsResult(unprocessedTraceSegments: unprocessed).encode()
    }

    /// As many traces as AWS gives at a time.
    private static let tracesPerRequest = 5

    /// AWS has no pages here, in spite of the model: https://github.com/boto/boto3/issues/3924 has its words.
    func batchGetTraces(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try XRay.BatchGetTracesRequest(decoding: request)
        guard input.nextToken == nil else {
            throw XRayError.invalidRequest(message: "NextToken is currently not supported")
        }
        guard input.traceIds.count <= Self.tracesPerRequest else {
            throw XRayError.invalidRequest(message: "Exceeding maximum query size: \(Self.tracesPerRequest)")
        }
        await store.flush()
        let traces = try await database.read { [ids = input.traceIds, owner = request.owner] connection in
            try ids.compactMap { id in try Self.trace(id, of: owner, TraceTables(connection)) }
        }
        return XRay.BatchGetTracesResult(traces: traces, unprocessedTraceIds: []).encode()
    }

    /// - Returns: nil when there is no such trace: AWS then says nothing of it.
    private static func trace(_ id: String, of owner: TraceOwner, _ tables: TraceTables) throws -> XRay.Trace? {
        guard let record = try tables.trace(id, of: owner) else { return nil }
        let documents = try tables.documents(id, of: owner)
        let trace = Trace(id: id, documents: documents.map(\.text), account: owner.account)
        return XRay.Trace(
            id: id, duration: (trace.duration * 1000).rounded() / 1000, limitExceeded: record.isExceeded,
            segments: documents.map { XRay.Segment(id: $0.id, document: $0.text) })
    }
}
