import AWSWire
import Testing
import TestSupport

@testable import LogsService

/// Pages put together are the whole, whatever their size.
@Suite struct PageTests {
    private struct Event: Hashable {
        var stream: String
        var time: Int64
        var message: String
    }

    /// Events of some streams, many in the same millisecond, in the order in which pages must show them.
    private func fill(_ rig: Rig, seed: UInt64, count: Int = 150) -> [Event] {
        var random = SeededGenerator(seed: seed)
        var events: [Event] = []
        for index in 0..<count {
            let event = Event(
                stream: ["a1", "a2", "b"].randomElement(using: &random) ?? "a1",
                time: Int64.random(in: 0..<20, using: &random),
                message: "\(["red", "green", "blue"].randomElement(using: &random) ?? "") \(index)")
            events.append(event)
            rig.append([event.message], stream: event.stream, at: event.time)
        }
        let order = events.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        return order.map(\.element)
    }

    @Test(arguments: [1, 2, 7, 64, 150, 10_000])
    func filtered(limit: Int) async throws {
        let rig = try Rig()
        let events = fill(rig, seed: UInt64(limit))
        let cases: [(fields: String, wanted: (Event) -> Bool)] = [
            ("", { _ in true }),
            (#","logStreamNames":["b"]"#, { $0.stream == "b" }),
            (#","logStreamNames":["b","a2"]"#, { $0.stream != "a1" }),
            (#","logStreamNamePrefix":"a","filterPattern":"red""#, { $0.stream != "b" && $0.message.hasPrefix("red") }),
            (#","startTime":\#(Rig.start + 5),"endTime":\#(Rig.start + 9)"#, { (5...9).contains($0.time) }),
            (#","filterPattern":"nothing""#, { _ in false }),
        ]
        for (fields, wanted) in cases {
            var messages: [String] = []
            var ids: [String] = []
            var token: String?
            repeat {
                let next = token.map { #","nextToken":"\#($0)""# } ?? ""
                let page = try await rig.call(
                    "FilterLogEvents", #"{"logGroupName":"/aws/lambda/f","limit":\#(limit)\#(fields)\#(next)}"#)
                let shown = page["events"]?.elements ?? []
                #expect(shown.count <= limit)
                messages += shown.compactMap { $0["message"]?.string }
                ids += shown.compactMap { $0["eventId"]?.string }
                token = page["nextToken"]?.string
            } while token != nil
            #expect(messages == events.filter(wanted).map(\.message), "\(fields)")
            #expect(ids == ids.sorted() && Set(ids).count == ids.count)
        }
    }

    /// A page of one stream.
    private struct StreamPage: Equatable {
        var messages: [String]
        var forward: String
        var backward: String
    }

    private func get(_ rig: Rig, _ fields: String) async throws -> StreamPage {
        let page = try await rig.call(
            "GetLogEvents", #"{"logGroupName":"/aws/lambda/f","logStreamName":"a1",\#(fields)}"#)
        return StreamPage(
            messages: page["events"]?.elements.compactMap { $0["message"]?.string } ?? [],
            forward: page["nextForwardToken"]?.string ?? "", backward: page["nextBackwardToken"]?.string ?? "")
    }

    /// API reference, GetLogEvents: at the end of the stream the token that was passed in comes back.
    @Test(arguments: [1, 3, 64, 10_000])
    func ofAStream(limit: Int) async throws {
        let rig = try Rig()
        let events = fill(rig, seed: 99).filter { $0.stream == "a1" }.map(\.message)

        var page = try await get(rig, #""startFromHead":true,"limit":\#(limit)"#)
        #expect(page.messages == Array(events.prefix(limit)))
        var all = page.messages
        var pages = [page]
        while true {
            let next = try await get(rig, #""startFromHead":true,"limit":\#(limit),"nextToken":"\#(page.forward)""#)
            all += next.messages
            if next.forward == page.forward {
                #expect(next.messages.isEmpty)
                // From the end, back is the last page again.
                let back = try await get(rig, #""limit":\#(limit),"nextToken":"\#(next.backward)""#)
                #expect(back.messages == Array(events.suffix(limit)))
                break
            }
            page = next
            pages.append(page)
        }
        #expect(all == events)
        // Back and forth is where one was.
        for (one, two) in zip(pages, pages.dropFirst()) {
            let back = try await get(rig, #""limit":\#(limit),"nextToken":"\#(two.backward)""#)
            #expect(back == one)
        }

        page = try await get(rig, #""limit":\#(limit)"#)
        #expect(page.messages == Array(events.suffix(limit)))
        all = page.messages
        while true {
            let next = try await get(rig, #""limit":\#(limit),"nextToken":"\#(page.backward)""#)
            all = next.messages + all
            if next.backward == page.backward { break }
            page = next
        }
        #expect(all == events)
    }

    @Test func aStreamCanBeFollowed() async throws {
        let rig = try Rig()
        rig.append(["1"], stream: "a1")
        // Nothing is in the range yet.
        let empty = try await get(rig, #""startFromHead":true,"startTime":\#(Rig.start + 1)"#)
        #expect(empty.messages.isEmpty)
        rig.append(["2"], stream: "a1", at: 1)
        let next = try await get(rig, #""startFromHead":true,"nextToken":"\#(empty.forward)""#)
        #expect(next.messages == ["2"])
        let back = try await get(rig, #""nextToken":"\#(next.backward)""#)
        #expect(back.messages == ["1"])
    }

    /// API reference: a page is at most 1 MB.
    @Test func pagesHoldOneMegabyte() async throws {
        let rig = try Rig()
        let line = String(repeating: "x", count: 200_000)
        rig.append(Array(repeating: line, count: 12), stream: "a1")
        #expect(try await get(rig, #""startFromHead":true"#).messages.count == 5)
        #expect(try await get(rig, #""limit":10000"#).messages.count == 5)
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"/aws/lambda/f"}"#).count == 5)
    }

    /// A search goes on by tokens, even when it finds nothing for long.
    @Test func searchesAreBounded() async throws {
        let rig = try Rig()
        let count = PageBudget.searchedEvents + 10
        rig.append((0..<count).map { "\($0)" } + ["needle"])
        let body = #"{"logGroupName":"/aws/lambda/f","filterPattern":"needle""#
        let first = try await rig.call("FilterLogEvents", body + "}")
        #expect(first["events"]?.elements.isEmpty == true)
        let token = try #require(first["nextToken"]?.string)
        let second = try await rig.call("FilterLogEvents", body + #","nextToken":"\#(token)"}"#)
        #expect(second["events"]?.elements.count == 1 && second["nextToken"] == nil)
    }

    @Test(arguments: ["LogStreamName", "LastEventTime"], ["false", "true"])
    func ofStreams(order: String, descending: String) async throws {
        let rig = try Rig()
        let names = (0..<23).map { "s\($0)" }
        for (index, name) in names.enumerated() { rig.append(["x"], stream: name, at: Int64(index * 7 % 5)) }
        for limit in [1, 4, 23, 50] {
            var listed: [JSONValue] = []
            var token: String?
            repeat {
                let next = token.map { #","nextToken":"\#($0)""# } ?? ""
                let page = try await rig.call(
                    "DescribeLogStreams",
                    #"{"logGroupName":"/aws/lambda/f","limit":\#(limit),"orderBy":"\#(order)","descending":\#(descending)\#(next)}"#
                )
                let streams = page["logStreams"]?.elements ?? []
                #expect(!streams.isEmpty && streams.count <= limit)
                listed += streams
                token = page["nextToken"]?.string
            } while token != nil
            var seen = listed.compactMap { $0["logStreamName"]?.string }
            #expect(Set(seen) == Set(names) && seen.count == names.count)
            var times = listed.compactMap { $0["lastEventTimestamp"]?.int }
            if descending == "true" {
                seen.reverse()
                times.reverse()
            }
            #expect(order == "LogStreamName" ? seen == seen.sorted() : times == times.sorted())
        }
    }

    @Test func ofGroups() async throws {
        let rig = try Rig()
        let names = (0..<250).map { "g\($0)" }.sorted()
        for name in names { rig.append(["x"], group: name) }
        for (fields, wanted) in [
            ("", names), (#","logGroupNamePrefix":"g1""#, names.filter { $0.hasPrefix("g1") }),
            (#","logGroupNamePattern":"9""#, names.filter { $0.contains("9") }),
            (#","logGroupIdentifiers":["g7","g3","none"]"#, ["g3", "g7"]),
        ] {
            var seen: [String] = []
            var token: String?
            repeat {
                let next = token.map { #","nextToken":"\#($0)""# } ?? ""
                let page = try await rig.call("DescribeLogGroups", #"{"limit":7\#(fields)\#(next)}"#)
                seen += page["logGroups"]?.elements.compactMap { $0["logGroupName"]?.string } ?? []
                token = page["nextToken"]?.string
            } while token != nil
            #expect(seen == wanted)
        }
    }
}
