// A function in Swift: a program that asks the Runtime API for events over plain sockets.
// Those who can download packages use https://github.com/awslabs/swift-aws-lambda-runtime instead.

import FoundationEssentials
import Glibc

struct Event: Decodable {
    var name: String?
}

struct Answer: Encodable {
    var statusCode = 200
    var body: String
}

func handle(_ event: Event) throws -> Answer {
    let name = event.name ?? "world"
    print("Greeting", name)
    return Answer(body: "Hello, \(name)")
}

/// One request to the Runtime API: the answer's head and body.
func call(_ method: String, _ path: String, _ body: Data = Data()) -> (head: String, body: Data) {
    guard let api = getenv("AWS_LAMBDA_RUNTIME_API").map({ String(cString: $0) }), let colon = api.lastIndex(of: ":"),
        let port = UInt16(api[api.index(after: colon)...])
    else { fatalError("This program runs as an AWS Lambda function.") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, String(api[..<colon]), &address.sin_addr)
    let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(connection) }
    let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { fatalError("The Runtime API does not answer.") }
    let head =
        "\(method) /2018-06-01/runtime/invocation/\(path) HTTP/1.1\r\nHost: \(api)\r\nConnection: close\r\n"
        + "Content-Length: \(body.count)\r\n\r\n"
    var request = Data(head.utf8) + body
    while !request.isEmpty {
        let count = request.withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
        guard count > 0 else { fatalError("The Runtime API does not listen.") }
        request = Data(request.dropFirst(count))
    }
    var answer = Data()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = read(connection, &chunk, chunk.count), count > 0 { answer += chunk[..<count] }
    let end = answer.firstRange(of: Data("\r\n\r\n".utf8)) ?? answer.endIndex..<answer.endIndex
    return (String(decoding: answer[..<end.lowerBound], as: UTF8.self), Data(answer[end.upperBound...]))
}

/// A header's value; `name` in lower case.
func header(_ name: String, in head: String) -> String {
    for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix(name + ":") {
        return String(line.dropFirst(name.count + 1).drop { $0 == " " })
    }
    fatalError("The answer has no header \(name).")
}

setvbuf(stdout, nil, _IOLBF, 0)
while true {
    let next = call("GET", "next")
    let id = header("lambda-runtime-aws-request-id", in: next.head)
    do {
        let answer = try handle(JSONDecoder().decode(Event.self, from: next.body))
        _ = call("POST", "\(id)/response", try JSONEncoder().encode(answer))
    } catch {
        let problem = ["errorMessage": "\(error)", "errorType": "\(type(of: error))"]
        _ = call("POST", "\(id)/error", try JSONEncoder().encode(problem))
    }
}
