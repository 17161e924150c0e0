import AWSWire
import NIOHTTP1
import Testing
import TestSupport

@Suite struct RouteTableTests {
    private let table = RouteTable<String>([
        ("GET", "/things", "list"), ("POST", "/things", "create"), ("GET", "/things/{Name}", "get"),
        ("GET", "/things/{Name}/parts/{Part}", "part"), ("GET", "/things/special", "special"),
        ("GET", "/files/{Key+}", "file"),
        ("PUT", "/things/special/only?x=1", "only"),
    ])

    @Test(arguments: [
        ("GET", "/things", "list"), ("GET", "/things/", "list"), ("POST", "/things", "create"),
        ("GET", "/things/a", "get"),
        ("GET", "/things/a/", "get"), ("GET", "/things/a/parts/b", "part"), ("GET", "/things/special", "special"),
        ("GET", "/things/special/parts/x", "part"), ("GET", "/files/a/b/c", "file"),
        ("PUT", "/things/special/only", "only"),
    ])
    func finds(method: String, path: String, operation: String) {
        #expect(table.match(HTTPMethod(rawValue: method), path)?.operation == operation)
    }

    @Test(arguments: [
        ("DELETE", "/things"), ("GET", "/"), ("GET", ""), ("GET", "/thing"), ("GET", "/things/a/parts"),
        ("GET", "/things//parts/b"),
        ("GET", "/files"), ("GET", "/things/%zz"), ("GET", "/things/a/parts/b/c"),
    ])
    func findsNothing(method: String, path: String) {
        #expect(table.match(HTTPMethod(rawValue: method), path) == nil)
    }

    @Test func decodesLabelsAfterSplitting() {
        let part = table.match(.GET, "/things/arn%3Aaws%3Ax%2Fy/parts/b+c")
        #expect(part?.labels["Name"] == "arn:aws:x/y")
        #expect(part?.labels["Part"] == "b+c")
        #expect(part?.labels["Other"] == nil)
        #expect(table.match(.GET, "/files/a/b%20c")?.labels["Key"] == "a/b c")
    }

    @Test func survivesDamagedPaths() {
        var random = SeededGenerator(seed: 6)
        for _ in 0..<2000 {
            let path = String(decoding: random.mutated(Array("/things/arn%3Aaws/parts/b".utf8)), as: UTF8.self)
            let found = table.match(.GET, path)
            #expect(found == nil || ["list", "get", "part", "special", "file"].contains(found?.operation))
        }
    }
}
