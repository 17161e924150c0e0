/// What a scan of JSON text tells of: nothing, when the scan only validates, or every token, when it builds a document.
protocol JSONSink {
    /// An object or array begins at the byte `offset`.
    mutating func open(_ kind: JSONKind, at offset: Int)
    /// The innermost open object or array ends before the byte `end`.
    mutating func close(before end: Int)
    /// A scalar, or the name of a member. `bytes` leaves the quotes of a string out.
    mutating func scalar(_ kind: JSONKind, _ bytes: Range<Int>, escaped: Bool)
}

/// The sorts of JSON value.
package enum JSONKind: UInt8, Sendable, Hashable {
    case null, `false`, `true`, number, string, array, object
}

/// A sink that keeps nothing.
struct NoSink: JSONSink {
    mutating func open(_: JSONKind, at _: Int) {}
    mutating func close(before _: Int) {}
    mutating func scalar(_: JSONKind, _: Range<Int>, escaped _: Bool) {}
}

/// One strict pass over RFC 8259 text: no recursion, and no allocation of its own.
struct JSONScanner<Sink: JSONSink> {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0
    /// One bit for each open container, the innermost last: set for an object.
    private var containers = InlineArray<16, UInt64>(repeating: 0)
    private var depth = 0
    private let depthLimit: Int
    var sink: Sink

    /// - Parameter depthLimit: How deep containers may nest; at most 1,000.
    init(_ bytes: UnsafeRawBufferPointer, depthLimit: Int, sink: Sink) {
        precondition((1...JSONSyntax.maximumDepth).contains(depthLimit))
        self.bytes = bytes
        self.depthLimit = depthLimit
        self.sink = sink
    }

    /// Reads exactly one value with white space around it.
    mutating func run() -> JSONFault? {
        while true {
            skipSpaces()
            var next = scanValue()
            if case .end = next { next = afterValue() }
            switch next {
            case .value: continue
            case .end: return nil
            case .fault(let fault): return fault
            }
        }
    }

    private enum Next {
        /// Another value follows.
        case value
        /// What was being read is complete.
        case end
        case fault(JSONFault)

        init(_ fault: JSONFault?) { self = fault.map(Next.fault) ?? .end }
    }

    /// Reads a scalar or an empty container whole, or goes into a container up to its first value.
    private mutating func scanValue() -> Next {
        guard at < bytes.count else { return .fault(fault(.endOfInput)) }
        switch bytes[at] {
        case UInt8(ascii: "{"), UInt8(ascii: "["): return openContainer()
        case UInt8(ascii: "\""): return Next(scanString())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return Next(scanNumber())
        default: return Next(scanLiteral())
        }
    }

    /// Closes what ends here and finds out whether another value follows.
    private mutating func afterValue() -> Next {
        while true {
            skipSpaces()
            if depth == 0 { return at == bytes.count ? .end : .fault(fault(.trailing)) }
            guard at < bytes.count else { return .fault(fault(.endOfInput)) }
            switch (bytes[at], isInObject) {
            case (UInt8(ascii: ","), true):
                at += 1
                skipSpaces()
                if let fault = scanName() { return .fault(fault) }
                return .value
            case (UInt8(ascii: ","), false):
                at += 1
                return .value
            case (UInt8(ascii: "}"), true), (UInt8(ascii: "]"), false):
                at += 1
                depth -= 1
                sink.close(before: at)
            case (UInt8(ascii: "]"), _), (UInt8(ascii: "}"), _): return .fault(fault(.mismatchedClose))
            case (_, true): return .fault(fault(.expectedCommaInObject))
            case (_, false): return .fault(fault(.expectedCommaInArray))
            }
        }
    }

    private var isInObject: Bool {
        let top = depth - 1
        return containers[top >> 6] & (1 << UInt64(top & 63)) != 0
    }

    private mutating func openContainer() -> Next {
        guard depth < depthLimit else { return .fault(fault(.tooDeep(depthLimit))) }
        let kind: JSONKind = bytes[at] == UInt8(ascii: "{") ? .object : .array
        sink.open(kind, at: at)
        let mask: UInt64 = 1 << UInt64(depth & 63)
        if kind == .object { containers[depth >> 6] |= mask } else { containers[depth >> 6] &= ~mask }
        depth += 1
        at += 1
        skipSpaces()
        if at < bytes.count, bytes[at] == (kind == .object ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            at += 1
            depth -= 1
            sink.close(before: at)
            return .end
        }
        if kind == .object { return scanName().map(Next.fault) ?? .value }
        if at < bytes.count, bytes[at] == UInt8(ascii: "}") { return .fault(fault(.mismatchedClose)) }
        return .value
    }

    /// Reads a member's name and the colon behind it.
    private mutating func scanName() -> JSONFault? {
        guard at < bytes.count else { return fault(.endOfInput) }
        guard bytes[at] == UInt8(ascii: "\"") else { return fault(.expectedName) }
        if let fault = scanString() { return fault }
        skipSpaces()
        guard at < bytes.count else { return fault(.endOfInput) }
        guard bytes[at] == UInt8(ascii: ":") else { return fault(.expectedColon) }
        at += 1
        return nil
    }

    private mutating func skipSpaces() {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x0a, 0x0d, 0x09: at += 1
            default: return
            }
        }
    }

    private func fault(_ reason: JSONFault.Reason) -> JSONFault { JSONFault(reason: reason, offset: at) }
    private func fault(_ reason: JSONFault.Reason, at offset: Int) -> JSONFault {
        JSONFault(reason: reason, offset: offset)
    }
}

// MARK: Scalars

extension JSONScanner {
    private mutating func scanString() -> JSONFault? {
        at += 1
        let start = at
        var escaped = false
        while true {
            skipPlainWords()
            guard at < bytes.count else { return fault(.endOfString) }
            switch bytes[at] {
            case UInt8(ascii: "\""):
                sink.scalar(.string, start..<at, escaped: escaped)
                at += 1
                return nil
            case UInt8(ascii: "\\"):
                escaped = true
                if let fault = scanEscape() { return fault }
            case 0..<0x20: return fault(.controlCharacter(bytes[at]))
            case 0x20..<0x80: at += 1
            default: if let fault = scanMultibyte() { return fault }
            }
        }
    }

    /// Skips eight bytes at a time while none of them ends or interrupts a string: no quote, backslash, control
    /// character or byte past ASCII.
    private mutating func skipPlainWords() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while bytes.count - at >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5c)
            let found =
                ((word &- (ones &* 0x20)) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
                | word
            if found & highs != 0 { return }
            at += 8
        }
    }

    private mutating func scanEscape() -> JSONFault? {
        guard at + 1 < bytes.count else { return fault(.endOfString, at: bytes.count) }
        switch bytes[at + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at += 2
        case UInt8(ascii: "u"):
            for index in at + 2..<at + 6 {
                guard index < bytes.count else { return fault(.endOfString, at: bytes.count) }
                guard hexValue(bytes[index]) != nil else { return fault(.badHex(bytes[index]), at: index) }
            }
            at += 6
        default: return fault(.badEscape(bytes[at + 1]), at: at + 1)
        }
        return nil
    }

    /// Checks one UTF-8 sequence of two to four bytes: no overlong form, no surrogate, nothing past U+10FFFF.
    private mutating func scanMultibyte() -> JSONFault? {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch bytes[at] {
        case 0xc2...0xdf: length = 2
        case 0xe0: (length, second) = (3, 0xa0...0xbf)
        case 0xed: (length, second) = (3, 0x80...0x9f)
        case 0xe1...0xef: length = 3
        case 0xf0: (length, second) = (4, 0x90...0xbf)
        case 0xf1...0xf3: length = 4
        case 0xf4: (length, second) = (4, 0x80...0x8f)
        default: return fault(.utf8Start(bytes[at]))
        }
        for index in at + 1..<at + length {
            guard index < bytes.count else { return fault(.endOfString, at: bytes.count) }
            let allowed = index == at + 1 ? second : 0x80...0xbf
            guard allowed.contains(bytes[index]) else { return fault(.utf8Middle(bytes[index]), at: index) }
        }
        at += length
        return nil
    }

    private mutating func scanNumber() -> JSONFault? {
        let start = at
        if bytes[at] == UInt8(ascii: "-") { at += 1 }
        let integer = at
        guard skipDigits() else { return numberFault(.noDigitAfterMinus) }
        if bytes[integer] == UInt8(ascii: "0"), at - integer > 1 { return fault(.leadingZero, at: integer) }
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            guard skipDigits() else { return numberFault(.noDigitAfterPoint) }
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: "e") || bytes[at] == UInt8(ascii: "E") {
            at += 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
            guard skipDigits() else { return numberFault(.noDigitInExponent) }
        }
        sink.scalar(.number, start..<at, escaped: false)
        return nil
    }

    /// - Returns: Whether there was at least one digit.
    private mutating func skipDigits() -> Bool {
        let start = at
        while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) { at += 1 }
        return at > start
    }

    private func numberFault(_ reason: JSONFault.Reason) -> JSONFault { fault(at < bytes.count ? reason : .endOfInput) }

    private mutating func scanLiteral() -> JSONFault? {
        let start = at
        switch bytes[at] {
        case UInt8(ascii: "t"): return scanLiteral("true", .true, start)
        case UInt8(ascii: "f"): return scanLiteral("false", .false, start)
        case UInt8(ascii: "n"): return scanLiteral("null", .null, start)
        default: return fault(isIdentifier(bytes[at]) ? .token : .expectedValue)
        }
    }

    private mutating func scanLiteral(_ word: StaticString, _ kind: JSONKind, _ start: Int) -> JSONFault? {
        let end = start + word.utf8CodeUnitCount
        for index in start..<end {
            guard index < bytes.count, bytes[index] == word.utf8Start[index - start] else { return fault(.token) }
        }
        if end < bytes.count, isIdentifier(bytes[end]) { return fault(.token) }
        at = end
        sink.scalar(kind, start..<end, escaped: false)
        return nil
    }
}

/// Whether a byte belongs to a word that is no JSON token: an ASCII letter, digit, `_` or `$`.
func isIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "$"):
        true
    default: false
    }
}

/// The value of one hexadecimal digit of either case.
func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
