import AWSWire
import NIOCore
import NIOHTTP1
import Testing

import Identity

@testable import Gateway

/// To whom requests go, for whom they speak, and what errors look like.
@Suite struct ReceptionTests {
    private func get(_ rig: Rig, _ path: String, _ headers: String = "", method: String = "GET") throws -> Answer {
        rig.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n")
        return try #require(rig.answer())
    }

    private func authorization(_ key: String, _ region: String = "eu-west-1", _ service: String = "lambda") -> String {
        "Authorization: AWS4-HMAC-SHA256 Credential=\(key)/20000101/\(region)/\(service)/aws4_request, "
            + "SignedHeaders=host, Signature=0\r\n"
    }

    @Test func accountsAndRegionsWithoutAuthentication() throws {
        let keys = KeyStore(clock: { Rig.now })
        let minted = keys.issue(
            account: try #require(AccountID("111122223333")), region: "eu-north-1",
            roleARN: "arn:aws:iam::111122223333:role/service-role/worker", functionName: "hello")
        let rig = try Rig(keys: keys) {
            $0.account = AccountID("999999999999") ?? .standard
            $0.region = "sa-east-1"
        }
        var answer = try get(rig, "/2015-03-31/functions")
        #expect(answer.headers.first(name: "x-account") == "999999999999")
        #expect(answer.headers.first(name: "x-region") == "sa-east-1")
        #expect(answer.headers.first(name: "x-principal") == "arn:aws:iam::999999999999:root")
        answer = try get(rig, "/2015-03-31/functions", authorization("123456789012"))
        #expect(answer.headers.first(name: "x-account") == "123456789012")
        #expect(answer.headers.first(name: "x-region") == "eu-west-1")
        answer = try get(rig, "/2015-03-31/functions", authorization("test"))
        #expect(answer.headers.first(name: "x-account") == "999999999999")
        // Credentials that we made speak for their function, whatever the signature.
        answer = try get(rig, "/2015-03-31/functions", authorization(minted.accessKeyID))
        #expect(answer.headers.first(name: "x-account") == "111122223333")
        #expect(answer.headers.first(name: "x-kind")?.hasPrefix("assumedRole") == true)
        #expect(
            answer.headers.first(name: "x-principal") == "arn:aws:sts::111122223333:assumed-role/worker/hello")
        // A presigned URL names its key in the query.
        let credential = "X-Amz-Credential=210987654321%2F1%2Fus-west-2%2Flambda%2Faws4_request"
        answer = try get(rig, "/2015-03-31/functions?\(credential)")
        #expect(answer.headers.first(name: "x-account") == "210987654321")
        #expect(answer.headers.first(name: "x-region") == "us-west-2")
    }

    @Test func routing() throws {
        let rig = try Rig()
        #expect(try get(rig, "/x", authorization("test", "r", "logs")).headers.first(name: "x-service") == "logs")
        #expect(try get(rig, "/2017-03-31/tags/x").headers.first(name: "x-service") == "lambda")
        #expect(
            try get(rig, "/", "X-Amz-Target: Logs_20140328.DescribeLogGroups\r\n").headers.first(name: "x-service")
                == "logs")
        rig.send("GET / HTTP/1.1\r\nHost: logs.eu-west-1.localhost:4566\r\n\r\n")
        #expect(rig.answer()?.headers.first(name: "x-service") == "logs")
    }

    @Test func unknownService() throws {
        let rig = try Rig()
        let answer = try get(rig, "/x", authorization("test", "r", "braket"))
        #expect(answer.status == 404)
        #expect(answer.headers.first(name: "x-amzn-errortype") == "UnknownOperationException")
        #expect(
            answer.body == "{\"message\":\"The service 'braket' does not run here. Running services: lambda, logs.\"}")
        // Clients of the JSON-RPC services look for the code in the body.
        let json = try get(
            rig, "/", authorization("test", "r", "sqs") + "Content-Type: application/x-amz-json-1.0\r\n", method: "POST"
        )
        #expect(json.headers.first(name: "content-type") == "application/x-amz-json-1.0")
        #expect(json.body.hasPrefix("{\"__type\":\"UnknownOperationException\""))
        // Those of the services that take forms read XML.
        let form = try get(
            rig, "/",
            authorization("test", "r", "sts") + "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n",
            method: "POST")
        #expect(form.headers.first(name: "content-type") == "text/xml")
        #expect(form.body.contains("<Code>UnknownOperationException</Code>"))
    }

    @Test func errors() throws {
        let rig = try Rig()
        var answer = try get(rig, "/2015-03-31/missing")
        #expect(answer.status == 404)
        #expect(answer.headers.first(name: "x-amzn-errortype") == "ResourceNotFoundException")
        answer = try get(rig, "/2015-03-31/crash")
        #expect(answer.status == 500)
        #expect(answer.headers.first(name: "x-amzn-errortype") == "ServiceException")
        #expect(!answer.body.contains("Cause"))
        #expect(rig.isOpen)
    }

    @Test func authenticationErrorsFollowTheProtocol() throws {
        let rig = try Rig { $0.authentication = .on }
        // Lambda's answer to a request without a signature.
        var answer = try get(rig, "/2015-03-31/functions")
        #expect(answer.status == 403)
        #expect(answer.headers.first(name: "x-amzn-errortype") == "MissingAuthenticationTokenException")
        #expect(answer.body == "{\"message\":\"Missing Authentication Token\"}")
        // CloudWatch Logs'.
        answer = try get(rig, "/", "X-Amz-Target: Logs_20140328.DescribeLogGroups\r\n", method: "POST")
        #expect(answer.status == 400)
        #expect(answer.headers.first(name: "content-type") == "application/x-amz-json-1.1")
        #expect(
            answer.body
                == "{\"__type\":\"MissingAuthenticationTokenException\",\"message\":\"Missing Authentication Token\"}")
    }

    /// A page of another site can make a browser send simple requests to this machine.
    @Test func pagesOfOtherSites() throws {
        let rig = try Rig()
        let path = "/2015-03-31/functions"
        for origin in ["http://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.evil:80"] {
            #expect(try get(rig, path, "Origin: \(origin)\r\n").status == 403)
        }
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8080", "http://app.localhost"] {
            #expect(try get(rig, path, "Origin: \(origin)\r\n").status == 200)
        }
    }

    @Test func health() throws {
        let rig = try Rig { $0.authentication = .on }
        let answer = try get(rig, "/_apus/health")
        #expect(
            answer.body
                == "{\"status\":\"ok\",\"version\":\"1.2.3\",\"uptimeSeconds\":0,"
                + "\"services\":{\"lambda\":\"running\",\"logs\":\"running\"}}")
        #expect(answer.headers.first(name: "content-type") == "application/json")
    }

    /// Names of functions and queues are nothing for functions, nor for other machines.
    @Test func metricsAreForThisMachine() throws {
        for origin in [Reception.Origin.network, .functions] {
            let rig = try Rig(origin: origin) { $0.metrics = { "a 1\n" } }
            #expect(try get(rig, "/_apus/metrics").status == 404)
        }
        #expect(try get(try Rig { $0.authentication = .on }, "/_apus/metrics").status == 404)
    }

    /// It is there without authentication and on a loopback listener only.
    @Test func resetIsElsewhereNotFound() throws {
        let refused: [(Reception.Origin, GatewayConfiguration.Authentication, String)] = [
            (.network, .off, ""), (.functions, .off, ""), (.loopback, .on, ""),
            (.loopback, .off, "Origin: http://evil.example\r\n"),
            (.loopback, .off, "x-amz-sns-message-type: Notification\r\n"),
        ]
        for (origin, mode, headers) in refused {
            let rig = try Rig(origin: origin) { $0.authentication = mode }
            #expect(try get(rig, "/_apus/reset", headers, method: "POST").status == 404)
            #expect(rig.lambda.resetCount == 0)
        }
        let rig = try Rig()
        #expect(try get(rig, "/_apus/reset").status == 404)
        #expect(try get(rig, "/_apus/other").status == 404)
    }
}
