import AWSWire
import NIOCore
import NIOHTTP1

/// The Lambda and Logs calls that the commands make.
extension APIClient {
    private static let functions = "/2015-03-31/functions"

    private static func path(_ name: String, _ rest: String = "") -> String {
        "\(functions)/\(PercentEncoding.encode(name))\(rest)"
    }

    /// A function's configuration; nil when there is no such function.
    func configuration(of name: String) async throws -> JSONValue? {
        do {
            return try await call(.GET, Self.path(name, "/configuration")).json
        } catch ClientError.refused(code: "ResourceNotFoundException", _, _) {
            return nil
        }
    }

    func createFunction(_ body: ByteBuffer) async throws {
        _ = try await call(.POST, Self.functions, headers: ["content-type": "application/json"], body: body)
    }

    func updateCode(of name: String, _ body: ByteBuffer) async throws {
        _ = try await call(.PUT, Self.path(name, "/code"), headers: ["content-type": "application/json"], body: body)
    }

    func updateConfiguration(of name: String, _ body: ByteBuffer) async throws {
        _ = try await call(
            .PUT, Self.path(name, "/configuration"), headers: ["content-type": "application/json"], body: body)
    }

    /// Waits until the function is active and no update is under way.
    ///
    /// - Throws: ``ClientError/usage(_:)`` when it failed, or is not ready within a minute.
    func waitUntilReady(_ name: String) async throws {
        for _ in 0..<600 {
            let configuration = try await configuration(of: name)
            let state = configuration?["State"]?.string ?? "missing"
            let update = configuration?["LastUpdateStatus"]?.string ?? "Successful"
            if state == "Active", update == "Successful" { return }
            if state == "Failed" || update == "Failed" {
                let reason =
                    configuration?["StateReason"]?.string ?? configuration?["LastUpdateStatusReason"]?.string ?? ""
                throw ClientError.usage("\(name) is \(state), its update \(update): \(reason)")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw ClientError.usage("\(name) was not ready within a minute.")
    }

    func invoke(_ name: String, payload: ByteBuffer, tail: Bool) async throws -> Answer {
        try await call(
            .POST, Self.path(name, "/invocations"), headers: tail ? ["X-Amz-Log-Type": "Tail"] : [:], body: payload)
    }

    /// Every function of the account and region, page by page.
    func listFunctions() async throws -> [JSONValue] {
        var found: [JSONValue] = []
        var marker: String?
        repeat {
            let query = marker.map { "?Marker=" + PercentEncoding.encode($0) } ?? ""
            let page = try await call(.GET, "\(Self.functions)/\(query)").json
            found += page?["Functions"]?.elements ?? []
            marker = page?["NextMarker"]?.string
        } while marker != nil
        return found
    }

    /// One page of a log group's events.
    ///
    /// - Parameters:
    ///   - from: milliseconds since 1970.
    ///   - token: of the page before.
    /// - Returns: nil when the group does not exist yet.
    func filterLogEvents(group: String, from: Int, token: String?) async throws -> JSONValue? {
        var body = JSONWriter()
        body.beginObject()
        body.name("logGroupName")
        body.string(group)
        body.name("startTime")
        body.int(from)
        if let token {
            body.name("nextToken")
            body.string(token)
        }
        body.endObject()
        do {
            return try await call(
                .POST, service: "logs", "/",
                headers: [
                    "content-type": "application/x-amz-json-1.1", "x-amz-target": "Logs_20140328.FilterLogEvents",
                ],
                body: body.buffer
            ).json
        } catch ClientError.refused(code: "ResourceNotFoundException", _, _) {
            return nil
        }
    }
}
