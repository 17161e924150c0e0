import Crypto
package import NIOCore

extension SigV4 {
    /// What the signatures of an aws-chunked body's chunks begin with.
    package struct ChunkSeed: Sendable {
        var key: SigningKey
        var time: SigV4Time
        var scope: Scope
        /// The request's own signature.
        var signature: String

        package init(key: SigningKey, time: SigV4Time, scope: Scope, signature: String) {
            self.key = key
            self.time = time
            self.scope = scope
            self.signature = signature
        }

        /// The signature of the chunk that follows the one with the signature `previous`.
        package func signature(ofChunk data: ByteBuffer, after previous: String) -> String {
            key.sign(text(ofChunk: data, after: previous))
        }

        func text(ofChunk data: ByteBuffer, after previous: String) -> [UInt8] {
            let head = "\(SigV4.algorithm)-PAYLOAD\n\(time.basic)\n\(scope)\n\(previous)\n"
            return Array("\(head)\(SigV4.emptyPayloadHash)\n\(SigV4.hash(data))".utf8)
        }

        func text(ofTrailer trailer: [UInt8], after previous: String) -> [UInt8] {
            let head = "\(SigV4.algorithm)-TRAILER\n\(time.basic)\n\(scope)\n\(previous)\n"
            return Array("\(head)\(SigV4.hash(trailer))".utf8)
        }
    }

    /// The longest line of framing that is read: a chunk's size and signature, or one trailer.
    private static let longestFramingLine = 16_384

    /// Takes aws-chunked framing off a whole body: `HEX[;chunk-signature=…]CRLF data CRLF …`, an empty chunk, trailers.
    ///
    /// - Parameters:
    ///   - decodedLength: the value of `x-amz-decoded-content-length`, which the data must have if there is one.
    ///   - seed: verifies the chunks' signatures; nil takes them, or their absence, unseen.
    /// - Throws: ``SigV4Failure/mismatch`` for a signature that is not right, `IncompleteSignatureException` for
    ///   framing that cannot be read.
    package static func unframe(_ body: ByteBuffer, decodedLength: String?, seed: ChunkSeed?) throws(SigV4Failure)
        -> ByteBuffer
    {
        var input = body
        var output = ByteBuffer()
        output.reserveCapacity(body.readableBytes)
        var previous = seed?.signature ?? ""
        while true {
            let line = try framingLine(of: &input)
            let (size, signature) = try chunkHead(line)
            guard var data = input.readSlice(length: size) else { throw malformedChunks }
            if let seed {
                guard let signature, seed.key.isValid(signature, of: seed.text(ofChunk: data, after: previous)) else {
                    throw .mismatch
                }
                previous = signature
            }
            if size == 0 { break }
            output.writeBuffer(&data)
            guard try framingLine(of: &input).isEmpty else { throw malformedChunks }
        }
        try checkTrailers(of: &input, seed: seed, previous: previous)
        if let decodedLength, Int(decodedLength) != output.readableBytes { throw malformedChunks }
        return output
    }

    private static var malformedChunks: SigV4Failure {
        SigV4Failure(.incompleteSignature, "The aws-chunked body is not well-formed.")
    }

    /// The next line without its CRLF; the rest of the input when that has none.
    private static func framingLine(of input: inout ByteBuffer) throws(SigV4Failure) -> [UInt8] {
        let view = input.readableBytesView.prefix(longestFramingLine)
        guard let end = view.firstIndex(of: UInt8(ascii: "\n")) else {
            guard input.readableBytes < longestFramingLine else { throw malformedChunks }
            return input.readBytes(length: input.readableBytes) ?? []
        }
        guard var line = input.readBytes(length: end - view.startIndex + 1) else { throw malformedChunks }
        line.removeLast()
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }

    private static func chunkHead(_ line: [UInt8]) throws(SigV4Failure) -> (size: Int, signature: String?) {
        let parts = line.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard let digits = parts.first, (1...8).contains(digits.count), digits.first != UInt8(ascii: "+"),
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0
        else { throw malformedChunks }
        let prefix = Array("chunk-signature=".utf8)
        let signature = parts.dropFirst().first { $0.starts(with: prefix) }
        return (size, signature.map { String(decoding: $0.dropFirst(prefix.count), as: UTF8.self) })
    }

    /// Reads `name:value` lines up to the end. Signed trailers are checked when the body brings their signature.
    private static func checkTrailers(of input: inout ByteBuffer, seed: ChunkSeed?, previous: String)
        throws(SigV4Failure)
    {
        var trailer: [UInt8] = []
        var signature: String?
        while input.readableBytes > 0 {
            let line = try framingLine(of: &input)
            if line.isEmpty { continue }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw malformedChunks }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = trimmed(line[(colon + 1)...])
            if name == "x-amz-trailer-signature" {
                signature = String(decoding: value, as: UTF8.self)
            } else {
                trailer += name.utf8
                trailer.append(UInt8(ascii: ":"))
                trailer += value
                trailer.append(UInt8(ascii: "\n"))
            }
        }
        guard let seed, !trailer.isEmpty || signature != nil else { return }
        guard let signature, seed.key.isValid(signature, of: seed.text(ofTrailer: trailer, after: previous)) else {
            throw .mismatch
        }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        let start = bytes.drop(while: isSpace)
        guard let last = start.lastIndex(where: { !isSpace($0) }) else { return [] }
        return start[...last]
    }
}
