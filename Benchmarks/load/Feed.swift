import ArgumentParser
import Glibc

/// A Runtime API that costs next to nothing: one blocking connection, the same event over and over, every answer taken.
/// Prints its port, a line when the first request came, and how many answers came in the time given; then waits for its
/// end.
struct Feed: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Feed one runtime with events and count its answers.")

    @Option(help: "Seconds from the first request on.") var seconds = 1.5

    func run() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard bound else { throw ValidationError("cannot listen on 127.0.0.1: \(String(cString: strerror(errno)))") }
        print(UInt16(bigEndian: address.sin_port))
        flush()
        let runtime = accept(listener, nil, nil)
        var one: Int32 = 1
        setsockopt(runtime, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        print(try answer(runtime))
        flush()
        // The runtime waits for an answer until somebody ends it.
        pause()
    }

    /// Serves until the time is up; the answers until then.
    private func answer(_ runtime: Int32) throws -> Int {
        let body = "{\"name\": \"Apus\"}"
        let event = Array(
            """
            HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nlambda-runtime-aws-request-id: \
            8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\nlambda-runtime-deadline-ms: 9999999999999\r\n\
            lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:alone\r\n\
            content-length: \(body.utf8.count)\r\n\r\n\(body)
            """.utf8)
        let accepted = Array("HTTP/1.1 202 Accepted\r\ncontent-length: 16\r\n\r\n{\"status\":\"OK\"}\n".utf8)
        let next = Array("GET /2018-06-01/runtime/invocation/next ".utf8)
        var request = [UInt8](repeating: 0, count: 65536)
        var answers = 0
        var end: Double?
        while true {
            // What comes is one segment of a few hundred bytes: an answer, a request for the next event, or both.
            let count = read(runtime, &request, request.count)
            guard count > 0 else { throw ValidationError("the runtime ended") }
            let now = monotonic()
            if end == nil {
                end = now + seconds
                print("began")
                flush()
            }
            if let end, now > end { return answers }
            let isAnswer = request[0] == UInt8(ascii: "P")
            if isAnswer { answers += 1 }
            let asks = request[..<count].firstRange(of: next) != nil
            let answer = (isAnswer ? accepted : []) + (asks ? event : [])
            guard write(runtime, answer, answer.count) == answer.count else {
                throw ValidationError("the runtime takes nothing")
            }
        }
    }

    private func monotonic() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
