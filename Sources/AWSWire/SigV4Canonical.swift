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
            appendHeader(name, of: request.headers, to: &output)
            output.append(newline)
        }
        output.append(newline)
        for (index, name) in signedHeaders.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ";")) }
            output += name.utf8
        }
        output.append(newline)
        output += payload.utf8
        return output
    }

    static func stringToSign(time: SigV4Time, scope: Scope, canonicalRequest: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(192)
        for part in [
            algorithm, "\n", time.basic, "\n", scope.day, "/", scope.region, "/", scope.service, "/", terminator, "\n",
            hash(canonicalRequest),
        ] { text += part.utf8 }
        return text
    }

    private static let newline = UInt8(ascii: "\n")

    /// S3 signs the path with each segment encoded once. Everybody else signs the path that goes over the wire, with
    /// empty and dot segments resolved, encoded once more.
    private static func appendPath(_ path: String, service: String, to output: inout [UInt8]) {
        guard service != "s3" else {
            PercentEncoding.append(decode(path.isEmpty ? "/".utf8 : path.utf8), keepingSlashes: true, to: &output)
            return
        }
        if isPlain(path) { return PercentEncoding.append(path.utf8, keepingSlashes: true, to: &output) }
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

    /// Whether a path has no segment that is empty or begins with a dot, but for the last, which may be empty.
    private static func isPlain(_ path: String) -> Bool {
        var isAfterSlash = false
        for byte in path.utf8 {
            if isAfterSlash, byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".") { return false }
            isAfterSlash = byte == UInt8(ascii: "/")
        }
        return path.utf8.first == UInt8(ascii: "/")
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

    /// Appends a header's values joined by commas, each without outer white space and with runs of it inside made one
    /// space.
    private static func appendHeader(_ name: String, of headers: HTTPHeaders, to output: inout [UInt8]) {
        var isFirst = true
        for (other, value) in headers where isSameHeader(name, other) {
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            var isBetween = false
            var isInside = false
            for byte in value.utf8 {
                if byte == 0x20 || byte == 0x09 {
                    isBetween = isInside
                } else {
                    if isBetween { output.append(0x20) }
                    isBetween = false
                    isInside = true
                    output.append(byte)
                }
            }
        }
    }

    /// Whether two names are the same header's: the case of letters of ASCII makes no difference.
    private static func isSameHeader(_ one: String, _ other: String) -> Bool {
        one.utf8.count == other.utf8.count
            && zip(one.utf8, other.utf8).allSatisfy { one, other in
                one == other || (one | 0x20 == other | 0x20 && (0x61...0x7A).contains(one | 0x20))
            }
    }
}
