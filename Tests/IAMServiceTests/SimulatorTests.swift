import AWSWire
import IAMModel
import NIOCore
import Policies
import Testing

@testable import IAMService

/// The simulator's work is that of the page that was asked for, whatever a request lists.
@Suite struct SimulatorTests {
    @Test func onlyThePageIsSimulated() async throws {
        let harness = try await Harness()
        // Nine million results in all.
        let lists = (1...3_000).flatMap { index in
            [
                ("ActionNames.member.\(index)", "s3:A\(index)"),
                ("ResourceArns.member.\(index)", "arn:aws:s3:::b\(index)"),
            ]
        }
        var marker: String?
        var seen: [String] = []
        for _ in 0..<2 {
            let answer = try await harness.call(
                "SimulateCustomPolicy",
                [("PolicyInputList.member.1", Harness.policy), ("MaxItems", "2")] + lists
                    + (marker.map { [("Marker", $0)] } ?? []))
            seen += answer.split(separator: "<EvalResourceName>").dropFirst().map { String($0.prefix { $0 != "<" }) }
            marker = answer.element("Marker")
        }
        // Each result names its resource twice: by itself, and among those of its resources.
        #expect(seen.filter { $0.hasSuffix("b1") }.count == 2 && seen.filter { $0.hasSuffix("b4") }.count == 2)
        #expect(Set(seen).count == 4 && marker != nil)
    }

    @Test func computedPagesGoOnWhereTheLastEnded() throws {
        var seen: [Int] = []
        var marker: String?
        repeat {
            let page = try Page(count: 25, marker: marker, limit: 10) { $0 }
            seen += page.elements
            marker = page.marker
        } while marker != nil
        #expect(seen == Array(0..<25))
        #expect(try Page(count: 1_000, marker: nil, limit: nil) { $0 }.elements.count == 100)
        for wrong in ["%", Base64.encode(Array("-1".utf8)), Base64.encode(Array("26".utf8))] {
            #expect(throws: AWSError.self) { try Page(count: 25, marker: wrong, limit: nil) { $0 } }
        }
    }

    /// Once through the text, however many statements it has.
    @Test func positionsOfManyStatements() throws {
        let statement = #"{"Effect":"Allow","Action":"a:b","Resource":"*"}"#
        let count = 20_000
        let text = #"{"Statement":[\#n"# + Array(repeating: statement, count: count).joined(separator: ",\n") + "]}"
        let places = PolicyDocument.statementPositions(in: ByteBuffer(string: text))
        #expect(places.count == count)
        let last = places[count - 1]
        #expect(last.start.line == count + 1 && last.start.column == 2)
        #expect(last.end.line == count + 1 && last.end.column == statement.utf8.count + 1)
    }
}
