package import NIOCore

/// What a runtime said about the invocation that it was given.
package enum RuntimeReport: Sendable {
    /// The function's result, as the runtime sent it.
    case response(ByteBuffer)
    /// The runtime's error document, as it sent it, and the type from its `Lambda-Runtime-Function-Error-Type` header.
    case error(ByteBuffer, type: RuntimeErrorType)
    /// The response did not fit. The runtime got a 413.
    case tooLarge
    /// The response named a response mode that does not exist. The runtime got a 400.
    case invalidResponseMode
    /// The response went out in parts, so many bytes in all.
    case streamed(StreamEnd, bytes: Int)
}

/// How a response ended that went out in parts.
package enum StreamEnd: Sendable {
    case complete
    /// The runtime ended it with an error, in trailers: the error's document, empty when it sent none.
    case error(ByteBuffer, type: RuntimeErrorType)
    /// It became larger than it may. The runtime got a 413.
    case tooLarge(limit: Int)
    /// The runtime's connection ended in the middle of it.
    case truncated
}

/// The type of an error as log lines and metrics show it.
package struct RuntimeErrorType: Sendable, Hashable {
    package var name: String

    /// Takes what the runtime claims: `Runtime.` or `Function.` and a capitalised word, anything else is
    /// `Function.Unknown` or `Runtime.Unknown` (as Lambda's runtime interface emulator does it).
    package init(claimed: String?) {
        let claimed = claimed ?? ""
        let isFunction = claimed.hasPrefix("Function.")
        let word = claimed.utf8.drop { $0 != UInt8(ascii: ".") }.dropFirst()
        let isWord =
            word.count >= 2 && word.count <= 128 && word.first.map { (0x41...0x5A).contains($0) } == true
            && word.allSatisfy { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
        if isWord, isFunction || claimed.hasPrefix("Runtime.") {
            name = claimed
        } else {
            name = isFunction ? "Function.Unknown" : "Runtime.Unknown"
        }
    }
}

/// Hears what the runtime in one execution environment does. Called on the server's event loop.
package protocol RuntimeAPIDelegate: AnyObject, Sendable {
    /// The runtime waits for an invocation: its initialisation, or what it did after the last response, is over.
    func runtimeBecameReady()
    /// The runtime begins to answer the current invocation in parts, which is told only where they are wanted.
    func runtimeBeganResponse(contentType: String?)
    /// The runtime sent a part of its response.
    ///
    /// - Returns: false when its connection is to be read no further until ``RuntimeAPIServer/resumeResponse()``.
    func runtimeSent(_ part: ByteBuffer) -> Bool
    /// The runtime answered the current invocation. Called before the runtime gets its own answer.
    func runtimeReported(_ report: RuntimeReport)
    /// And now it has it: what follows from the report keeps nobody waiting any more.
    func runtimeWasAnswered()
    /// The runtime could not initialise. It usually ends by itself right after.
    func runtimeFailedToInitialise(document: ByteBuffer, type: RuntimeErrorType)
    /// The runtime has initialised, has run what is to run before a snapshot, and waits to be restored.
    func runtimeAwaitsRestore()
    /// What is to run after a restoration has failed. The runtime usually ends by itself right after.
    func runtimeFailedToRestore(document: ByteBuffer, type: RuntimeErrorType)
    /// The credentials of whoever has this token, as a JSON document; nil when it is not the environment's.
    func credentials(for token: String) -> ByteBuffer?
    /// One of the runtime's connections ended.
    func runtimeConnectionClosed()
    /// All external extensions have registered: the runtime may be started. Not called when there are none.
    func extensionsRegistered()
    /// An extension wants telemetry from now on.
    func extensionSubscribed(_ name: String, _ subscription: TelemetrySubscription)
}

extension RuntimeAPIDelegate {
    package func runtimeWasAnswered() {}
    package func runtimeAwaitsRestore() {}
    package func runtimeFailedToRestore(document: ByteBuffer, type: RuntimeErrorType) {}
    package func credentials(for token: String) -> ByteBuffer? { nil }
    package func extensionsRegistered() {}
    package func extensionSubscribed(_ name: String, _ subscription: TelemetrySubscription) {}
}

/// What a hostile runtime may use at most.
package struct RuntimeAPILimits: Sendable {
    /// Bytes of a response: 6 MiB and 100 bytes, Lambda's limit for buffered responses.
    package var responseBytes = 6 * 1024 * 1024 + 100
    /// Bytes of a response that goes out in parts: 200 MiB, Lambda's limit for those.
    package var streamedBytes = 200 * 1024 * 1024
    /// Bytes of one request's body before the connection is cut, past `responseBytes` read only to be thrown away.
    package var discardedBytes = 64 * 1024 * 1024
    /// Bytes of what an extension sends.
    package var extensionRequestBytes = 64 * 1024
    /// Open connections; a further one is closed at once.
    package var connections = 16
    /// Parts of pipelined requests held back while one is being answered; past them the connection is cut.
    package var pipelinedParts = 8
    /// Bytes of one header field, and of all of a request's.
    package var headerFieldBytes = 16 * 1024
    package var headerBytes = 64 * 1024
    package var headerFields = 100

    package init() {}

    /// The longest body of a request that is taken.
    func bytes(of route: RuntimeAPIRoute) -> Int {
        if case .extension = route { extensionRequestBytes } else { responseBytes }
    }
}
