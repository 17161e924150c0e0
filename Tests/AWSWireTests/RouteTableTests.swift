import AWSWire
import NIOHTTP1
import Testing
import TestSupport

@Suite struct RouteTableTests {
    private let table = RouteTable<String>([
        ("GET", "/things", "list"), ("POST", "/things", "create"), ("GET", "/things/{Name}", "get"),
        ("GET", "/things/{Name}/parts/{Part}", "part"), ("GET", "/things/special", "special"),
        ("GET", "/files/{Key+}", "file"),
        ("GET", "/parts", "parts"), ("GET", "/parts?find=Part", "find"), ("GET", "/parts?find=Part&deep", "deep"),
        ("PUT", "/parts?deep", "put"),
    ])

    @Test(arguments: [
        ("GET", "/things", "list"), ("GET", "/things/", "list"), ("POST", "/things", "create"),
        ("GET", "/things/a", "get"),
        ("GET", "/things/a/", "get"), ("GET", "/things/a/parts/b", "part"), ("GET", "/things/special", "special"),
        ("GET", "/things/special/parts/x", "part"), ("GET", "/files/a/b/c", "file"),
    ])
    func finds(method: String, path: String, operation: String) {
        #expect(table.match(HTTPMethod(rawValue: method), path)?.operation == operation)
    }

    /// As AWS tells ListLayers (`GET /layers`) from GetLayerVersionByArn (`GET /layers?find=LayerVersion`), and S3 its
    /// operations on one bucket.
    @Test(
        arguments: [
            (nil, "parts"), ("", "parts"), ("find=part", "parts"), ("Find=Part", "parts"), ("find=Part", "find"),
            ("a=b&find=Part&c", "find"), ("xfind=Part", "parts"), ("find=Partx", "parts"), ("find=Part&deep", "deep"),
            ("deep=&find=Part", "deep"), ("deep=1&find=Part", "find"), ("deep", "parts"), ("&&", "parts"),
        ] as [(String?, String)])
    func findsByTheQuery(query: String?, operation: String) {
        #expect(table.match(.GET, "/parts", query: query)?.operation == operation)
    }

    @Test func findsNothingWithoutARequiredParameter() {
        #expect(table.match(.PUT, "/parts") == nil)
        #expect(table.match(.PUT, "/parts", query: "deep")?.operation == "put")
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
