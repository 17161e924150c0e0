import AWSWire
import NIOHTTP1

/// How requests for one service are known without their credential scope.
package struct RouteHint: Sendable {
    package var signingName: String
    /// First labels of a host name: `lambda` of `lambda.eu-west-1.amazonaws.com`.
    package var hosts: [String]
    /// What `X-Amz-Target` begins with.
    package var targets: [String]
    /// What the path begins with.
    package var paths: [String]

    package init(signingName: String, hosts: [String] = [], targets: [String] = [], paths: [String] = []) {
        self.signingName = signingName
        self.hosts = hosts
        self.targets = targets
        self.paths = paths
    }

    package static let standard = [
        RouteHint(
            signingName: "lambda", hosts: ["lambda"],
            paths: [
                "/2014-11-13/", "/2015-03-31/", "/2016-08-19/", "/2017-03-31/", "/2017-10-31/", "/2018-10-31/",
                "/2019-09-25/", "/2019-09-30/", "/2020-04-22/", "/2020-06-30/", "/2021-07-20/", "/2021-10-31/",
                "/2021-11-15/", "/2024-08-31/",
            ]),
        RouteHint(signingName: "logs", hosts: ["logs", "stream-logs", "streaming-logs"], targets: ["Logs_20140328."]),
        RouteHint(signingName: "sqs", hosts: ["sqs", "queue"], targets: ["AmazonSQS."]),
        RouteHint(
            signingName: "monitoring", hosts: ["monitoring"], targets: ["GraniteServiceVersion20100801."],
            paths: ["/service/GraniteServiceVersion20100801/"]),
        RouteHint(signingName: "iam", hosts: ["iam"]),
        RouteHint(signingName: "sts", hosts: ["sts"]),
        RouteHint(signingName: "sns", hosts: ["sns"]),
        RouteHint(
            signingName: "cloudtrail", hosts: ["cloudtrail"],
            targets: ["com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."]),
    ]
}

/// The services that run here, and which of them a request is for.
struct ServiceDirectory: Sendable {
    private let services: [String: any AWSWire.Service]
    private let hints: [RouteHint]

    init(services: [any AWSWire.Service], hints: [RouteHint]) {
        self.services = Dictionary(services.map { ($0.signingName, $0) }, uniquingKeysWith: { first, _ in first })
        self.hints = hints
    }

    /// Signing names in alphabetical order.
    var names: [String] { services.keys.sorted() }
    var all: [any AWSWire.Service] { names.compactMap { services[$0] } }

    subscript(signingName: String) -> (any AWSWire.Service)? { services[signingName] }

    /// The service that a request's target names: by `X-Amz-Target`, else by the path, else by the host.
    func target(of request: SigV4.Request) -> String? {
        if let target = request.headers.first(name: "x-amz-target") {
            return hints.first { $0.targets.contains(where: target.hasPrefix) }?.signingName
        }
        if let hint = hints.first(where: { $0.paths.contains(where: request.path.hasPrefix) }) {
            return hint.signingName
        }
        guard let label = request.headers.first(name: "host")?.split(separator: ".").first else { return nil }
        return hints.first { $0.hosts.contains { $0.utf8.elementsEqual(label.lowercased().utf8) } }?.signingName
    }

    func unknown(_ name: String?) -> AWSError {
        let subject = name.map { "The service '\($0)' does not run here" } ?? "The request names no service"
        return AWSError(
            code: "UnknownOperationException",
            message: "\(subject). Running services: \(names.joined(separator: ", ")).", status: 404)
    }
}
