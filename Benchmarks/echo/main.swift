import Glibc

// A native custom runtime that answers every invocation with its payload: the least that a function can cost. It speaks
// the Runtime API over one blocking keep-alive connection and uses nothing but the C library.

/// A buffered blocking connection to the Runtime API.
struct Connection {
    private let socket: Int32
    private var buffer: [UInt8] = []

    init(host: String, port: UInt16) {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { exit(1) }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { write(socket, $0.baseAddress?.advanced(by: sent), bytes.count - sent) }
            guard count > 0 else { exit(1) }
            sent += count
        }
    }

    /// One answer: its head and its body.
    mutating func receive() -> (head: ArraySlice<UInt8>, body: ArraySlice<UInt8>) {
        var end = headEnd()
        while end == nil {
            fill()
            end = headEnd()
        }
        let headLength = end ?? 0
        let length = header("content-length", in: buffer[..<headLength]).map(decimal) ?? 0
        while buffer.count < headLength + length { fill() }
        let answer = (buffer[..<headLength], buffer[headLength..<headLength + length])
        buffer = Array(buffer[(headLength + length)...])
        return answer
    }

    private mutating func fill() {
        let before = buffer.count
        let chunk = 8192
        buffer.append(contentsOf: repeatElement(0, count: chunk))
        let count = buffer.withUnsafeMutableBytes { read(socket, $0.baseAddress?.advanced(by: before), chunk) }
        guard count > 0 else { exit(0) }
        buffer.removeLast(chunk - count)
    }

    private func headEnd() -> Int? {
        guard buffer.count >= 4 else { return nil }
        for index in 3..<buffer.count
        where buffer[index] == 10 && buffer[index - 1] == 13 && buffer[index - 2] == 10 && buffer[index - 3] == 13 {
            return index + 1
        }
        return nil
    }
}

/// A header's value; `name` in lower case.
func header(_ name: StaticString, in head: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    name.withUTF8Buffer { name in
        for line in head.split(separator: 10) where line.count > name.count && line[line.startIndex + name.count] == 58
        {
            guard zip(line, name).allSatisfy({ ($0 >= 65 && $0 <= 90 ? $0 | 32 : $0) == $1 }) else { continue }
            return line.dropFirst(name.count + 1).drop { $0 == 32 }.dropLast()
        }
        return nil
    }
}

func decimal(_ digits: ArraySlice<UInt8>) -> Int { digits.reduce(0) { $0 * 10 + Int($1) - 48 } }

guard let api = getenv("AWS_LAMBDA_RUNTIME_API").map({ String(cString: $0) }), let colon = api.firstIndex(of: ":"),
    let port = UInt16(api[api.index(after: colon)...])
else { exit(1) }
var connection = Connection(host: String(api[..<colon]), port: port)
let next = Array("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: \(api)\r\n\r\n".utf8)
let start = Array("POST /2018-06-01/runtime/invocation/".utf8)
let middle = Array("/response HTTP/1.1\r\nHost: \(api)\r\nContent-Length: ".utf8)
while true {
    connection.send(next)
    let (head, payload) = connection.receive()
    guard let id = header("lambda-runtime-aws-request-id", in: head) else { exit(1) }
    connection.send(start + id + middle + Array("\(payload.count)\r\n\r\n".utf8) + payload)
    _ = connection.receive()
}
