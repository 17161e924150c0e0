import AWSWire
import NIOCore
import Testing
import TestSupport

@Suite struct JSONValueTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: ByteBuffer(string: text)) }

    @Test func readsMembersAndElements() throws {
        let value = try parse(#" {"a":[1,{"b":"x"},[]],"c":null,"d":true,"e":{}} "#)
        #expect(value.kind == .object)
        #expect(value.members.map(\.name) == ["a", "c", "d", "e"])
        let list = try #require(value["a"])
        #expect(list.elements.map(\.kind) == [.number, .object, .array])
        #expect(list.elements[1]["b"]?.string == "x")
        #expect(value["c"]?.isNull == true)
        #expect(value["d"]?.bool == true)
        #expect(value["e"]?.members.isEmpty == true)
        #expect(value["missing"] == nil)
        #expect(value["a"]?["b"] == nil)
    }

    @Test func lastOfRepeatedMembersCounts() throws {
        #expect(try parse(#"{"a":1,"b":2,"a":3}"#)["a"]?.int == 3)
        #expect(try parse(#"{"\u0061":4}"#)["a"]?.int == 4)
    }

    @Test(arguments: [
        (#""""#, ""), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u00e9\u0000""#, "é\0"),
        (#""\ud83d\ude00!""#, "😀!"),
        (#""\ud83d""#, "\u{fffd}"), (#""\ude00\ud83d\u0041""#, "\u{fffd}\u{fffd}A"), ("\"é😀\"", "é😀"),
    ])
    func resolvesEscapes(text: String, expected: String) throws {
        #expect(try parse(text).string == expected)
    }

    @Test func readsNumbers() throws {
        #expect(try parse("9223372036854775807").int == .max)
        #expect(try parse("9223372036854775808").int == nil)
        #expect(try parse("3.0").int == 3)
        #expect(try parse("3e2").int == 300)
        #expect(try parse("3.5").int == nil)
        #expect(try parse("3.5").double == 3.5)
        #expect(try parse("1e999").double == nil)
        #expect(try parse(#""3""#).int == nil)
    }

    @Test func handsOutPlainBytesWithoutEscapes() throws {
        #expect(try parse(#""abc""#).withPlainBytes(Array.init) == Array("abc".utf8))
        #expect(try parse(#""a\u0062c""#).withPlainBytes(Array.init) == nil)
    }

    @Test func limitsDepth() throws {
        let text = String(repeating: "[", count: 101) + String(repeating: "]", count: 101)
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: ByteBuffer(string: text)) }
        #expect(try JSONValue(parsing: ByteBuffer(string: text), depthLimit: 101).kind == .array)
    }

    // MARK: Properties

    /// A document to write and to find again.
    private indirect enum Tree: Equatable {
        case null, bool(Bool), int(Int), double(Double), string(String), array([Tree]), object([String: Tree])

        static func random(depth: Int, using random: inout SeededGenerator) -> Tree {
            switch Int.random(in: 0..<(depth == 0 ? 5 : 7), using: &random) {
            case 0: return .null
            case 1: return .bool(.random(using: &random))
            case 2: return .int(Int(truncatingIfNeeded: random.next()) >> Int.random(in: 0..<64, using: &random))
            case 3: return .double(Double.random(in: -1e6...1e6, using: &random) + 0.1)
            case 4: return .string(text(using: &random))
            case 5:
                return .array(
                    (0..<Int.random(in: 0..<5, using: &random)).map { _ in .random(depth: depth - 1, using: &random) })
            default:
                var members: [String: Tree] = [:]
                for _ in 0..<Int.random(in: 0..<5, using: &random) {
                    members[text(using: &random)] = .random(depth: depth - 1, using: &random)
                }
                return .object(members)
            }
        }

        private static func text(using random: inout SeededGenerator) -> String {
            let scalars = Array("ab\"\\/\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}é\u{2028}漢😀".unicodeScalars)
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0..<14, using: &random) {
                text.append(scalars.randomElement(using: &random) ?? "x")
            }
            return String(text)
        }

        func write(to writer: inout JSONWriter) {
            switch self {
            case .null: writer.null()
            case .bool(let value): writer.bool(value)
            case .int(let value): writer.int(value)
            case .double(let value): writer.double(value)
            case .string(let value): writer.string(value)
            case .array(let values):
                writer.beginArray()
                for value in values { value.write(to: &writer) }
                writer.endArray()
            case .object(let members):
                writer.beginObject()
                for (name, value) in members {
                    writer.name(name)
                    value.write(to: &writer)
                }
                writer.endObject()
            }
        }

        func isEqual(to value: JSONValue) -> Bool {
            switch self {
            case .null: value.isNull
            case .bool(let bool): value.bool == bool
            case .int(let int): value.int == int
            case .double(let double): value.double == double
            case .string(let string): value.string.map { Array($0.utf8) } == Array(string.utf8)
            case .array(let trees):
                trees.count == value.elements.count && zip(trees, value.elements).allSatisfy { $0.isEqual(to: $1) }
            case .object(let members):
                members.count == value.members.count
                    && value.members.allSatisfy { name, value in members[name]?.isEqual(to: value) == true }
            }
        }
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        var random = SeededGenerator(seed: 1)
        for round in 0..<500 {
            let tree = Tree.random(depth: 4, using: &random)
            var writer = JSONWriter()
            tree.write(to: &writer)
            #expect(JSONSyntax.validate(writer.buffer) == nil)
            let value = try JSONValue(parsing: writer.buffer)
            #expect(tree.isEqual(to: value), "round \(round): \(writer.buffer.text)")
        }
    }

    /// Visits all that a value offers.
    private func walk(_ value: JSONValue) -> Int {
        var sum = 1 + (value.string?.utf8.count ?? 0) + (value.numberText?.utf8.count ?? 0) + (value.int == nil ? 0 : 1)
        sum += value.double == nil ? 0 : 1
        for (name, member) in value.members { sum += name.utf8.count + walk(member) }
        for element in value.elements { sum += walk(element) }
        return sum
    }

    @Test func damagedTextIsReadOrRefusedAlikeByReaderAndValidator() throws {
        var random = SeededGenerator(seed: 2)
        var accepted = 0
        for _ in 0..<400 {
            var writer = JSONWriter()
            Tree.random(depth: 4, using: &random).write(to: &writer)
            for _ in 0..<10 {
                let bytes = random.mutated(Array(writer.buffer.readableBytesView))
                let buffer = ByteBuffer(bytes: bytes)
                let error = JSONSyntax.validate(buffer)
                let value = try? JSONValue(parsing: buffer)
                #expect((error == nil) == (value != nil))
                if let error {
                    #expect((0...bytes.count).contains(error.offset) && error.line >= 1 && error.column >= 1)
                }
                if let value {
                    accepted += 1
                    #expect(walk(value) > 0)
                    #expect(String(validating: bytes, as: UTF8.self) != nil)
                }
            }
        }
        #expect(accepted > 100)
    }
}
