import NIOHTTP1

extension SigV4 {
    /// The canonical request of a signature version 4, byte for byte.
    ///
    /// - Parameters:
    ///   - signedHeaders: lower-case names in the order in which the signature lists them.
    ///   - payload: the payload's hash in hex, or the word that stands for it.
    static func canonicalRequest(
        _ request: Request, service: String, signedHeaders: [String], payload: String
    ) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(1_024)
        output += request.method.rawValue.utf8
        output.append(newline)
        appendPath(request.path, service: service, to: &output)
        output.append(newline)
        appendQuery(request.query, to: &output)
        output.append(newline)
        for name in signedHeaders {
            output += name.utf8
            output.append(UInt8(ascii: ":"))
            appendHeader(request.headers[name], to: &output)
            output.append(newline)
        }
        output.append(newline)
        output += signedHeaders.joined(separator: ";").utf8
        output.append(newline)
        output += payload.utf8
        return output
    }

    static func stringToSign(time: SigV4Time, scope: Scope, canonicalRequest: [UInt8]) -> [UInt8] {
        Array("\(algorithm)\n\(time.basic)\n\(scope)\n\(hash(canonicalRequest))".utf8)
    }

    private static let newline = UInt8(ascii: "\n")

    /// S3 signs the path with each segment encoded once. Everybody else signs the path that goes over the wire, with
    /// empty and dot segments resolved, encoded once more.
    private static func appendPath(_ path: String, service: String, to output: inout [UInt8]) {
        guard service != "s3" else {
            PercentEncoding.append(decode(path.isEmpty ? "/".utf8 : path.utf8), keepingSlashes: true, to: &output)
            return
        }
        var segments: [Substring.UTF8View] = []
        for segment in path[...].utf8.split(separator: UInt8(ascii: "/")) where !segment.elementsEqual(".".utf8) {
            if segment.elementsEqual("..".utf8) {
                _ = segments.popLast()
            } else {
                segments.append(segment)
            }
        }
        output.append(UInt8(ascii: "/"))
        for (index, segment) in segments.enumerated() {
            if index > 0 { output.append(UInt8(ascii: "/")) }
            PercentEncoding.append(segment, to: &output)
        }
        if !segments.isEmpty, path.utf8.last == UInt8(ascii: "/") { output.append(UInt8(ascii: "/")) }
    }

    private static func appendQuery(_ query: String?, to output: inout [UInt8]) {
        guard let query, !query.isEmpty else { return }
        var pairs: [(name: [UInt8], value: [UInt8])] = []
        for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            var name: [UInt8] = []
            var value: [UInt8] = []
            if let first = halves.first { PercentEncoding.append(decode(first), to: &name) }
            if halves.count == 2 { PercentEncoding.append(decode(halves[1]), to: &value) }
            if name.elementsEqual("X-Amz-Signature".utf8) { continue }
            pairs.append((name, value))
        }
        pairs.sort { left, right in
            left.name == right.name
                ? left.value.lexicographicallyPrecedes(right.value)
                : left.name.lexicographicallyPrecedes(right.name)
        }
        for (index, pair) in pairs.enumerated() {
            if index > 0 { output.append(UInt8(ascii: "&")) }
            output += pair.name
            output.append(UInt8(ascii: "="))
            output += pair.value
        }
    }

    /// Appends the values joined by commas, each without outer white space and with runs of it inside made one space.
    private static func appendHeader(_ values: [String], to output: inout [UInt8]) {
        for (index, value) in values.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            var words = value.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).makeIterator()
            if let first = words.next() { output += first }
            while let word = words.next() {
                output.append(0x20)
                output += word
            }
        }
    }
}
