package import NIOCore

/// Takes the segment documents of sampled traces. Implemented by the tracing service; called on event loops, so it only
/// buffers.
package protocol TraceSink: Sendable {
    /// - Parameter document: One segment or subsegment in JSON, perhaps from a function: from anybody.
    func record(_ document: ByteBuffer, account: String, region: String)
}
