import AWSWire
import Fleet
import NIOCore

/// What came of an asynchronous invocation, as destinations and dead-letter queues are told:
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
struct OutcomeRecord: Sendable {
    var event: AsyncEvent
    var condition: AsyncRetryPolicy.Condition
    /// `$LATEST` or a number.
    var version: String
    /// Nil when the function has not been given the event in this try.
    var response: InvocationOutcome?
    /// Milliseconds since 1970.
    var now: Int64

    /// The record that destinations get: the members and their order are those recorded in LocalStack's
    /// test_lambda_destinations.
    var document: ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("version")
        writer.string("1.0")
        writer.name("timestamp")
        writer.string(Timestamp.text(milliseconds: now).dropLast(5) + "Z")
        writer.name("requestContext")
        writer.beginObject()
        writer.name("requestId")
        writer.string(event.id.request)
        writer.name("functionArn")
        writer.string(event.function.arn(qualifier: event.target.qualifier ?? Version.latest))
        writer.name("condition")
        writer.string(condition.rawValue)
        writer.name("approximateInvokeCount")
        writer.int(event.failures + (response == nil ? 0 : 1))
        writer.endObject()
        writer.name("requestPayload")
        writer.raw(event.payload)
        if let response { write(response, to: &writer) }
        writer.endObject()
        return writer.buffer
    }

    private func write(_ response: InvocationOutcome, to writer: inout JSONWriter) {
        writer.name("responseContext")
        writer.beginObject()
        writer.name("statusCode")
        writer.int(200)
        writer.name("executedVersion")
        writer.string(version)
        if let functionError = response.functionError {
            writer.name("functionError")
            writer.string(functionError)
        }
        writer.endObject()
        writer.name("responsePayload")
        if response.payload.readableBytes == 0 {
            writer.null()
        } else if JSONSyntax.validate(response.payload) == nil {
            writer.raw(response.payload)
        } else {
            writer.string(String(buffer: response.payload))
        }
    }

    /// The `ErrorCode` that a dead-letter queue is told: 200 where the function has answered, as recorded in
    /// test_dead_letter_queue.
    var errorCode: Int {
        if response != nil { return 200 }
        return event.setback?.code ?? (condition == .recursiveInvocation ? 400 : 429)
    }

    /// The `ErrorMessage` that a dead-letter queue is told: the first 1 KB.
    var errorMessage: String {
        guard let response else {
            switch condition {
            case .recursiveInvocation: return Lineage.message
            default: return event.setback?.message ?? "Rate Exceeded."
            }
        }
        let message = (try? JSONValue(parsing: response.payload))?["errorMessage"]?.string
        return Self.prefix(message ?? String(buffer: response.payload), bytes: 1024)
    }

    /// As many whole characters as have room.
    private static func prefix(_ text: String, bytes: Int) -> String {
        if text.utf8.count <= bytes { return text }
        var end = text.startIndex
        for index in text.indices {
            let next = text.index(after: index)
            if text.utf8.distance(from: text.startIndex, to: next) > bytes { break }
            end = next
        }
        return String(text[..<end])
    }
}
