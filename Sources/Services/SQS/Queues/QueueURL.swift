import AWSWire

/// Where SDKs send requests about a queue, and how requests name one.
enum QueueURL {
    /// The URL by which the client that asked reaches a queue.
    static func make(_ key: QueueKey, endpoint: String) -> String { "\(endpoint)/\(key.account)/\(key.name)" }

    /// The queue that a `QueueUrl` names. `http://HOST:PORT/ACCOUNT/NAME`, whatever the host; the hosts of AWS and of
    /// emulators (`sqs.REGION.…`, `REGION.queue.…`) say the region, too, as does a path `/queue/REGION/ACCOUNT/NAME`.
    /// A path or a name alone will do.
    ///
    /// - Throws: `InvalidAddress` for what names none.
    static func queue(_ url: String, _ request: ServiceRequest) throws(AWSError) -> QueueKey {
        // Nothing in it is of more than ASCII: other characters join with those before them.
        guard url.utf8.allSatisfy({ $0 < 0x80 }) else { throw .invalidAddress(url) }
        var host = ""
        var path = url[...]
        if let scheme = ["https://", "http://"].first(where: url.hasPrefix) {
            let rest = url.dropFirst(scheme.count)
            host = String(rest.prefix { $0 != "/" })
            path = rest.dropFirst(host.count)
        }
        path = path.prefix { $0 != "?" && $0 != "#" }
        let parts = path.split(separator: "/").map(String.init)
        var region = request.caller.region
        if let named = self.region(of: host) { region = named }
        if parts.count == 4, parts[0] == "queue" { region = parts[1] }
        if parts.count == 1, host.isEmpty, !url.hasPrefix("/") { return QueueKey(parts[0], of: request.caller) }
        guard parts.count == 2 || parts.count == 4 && parts[0] == "queue", let account = parts.dropLast().last,
            AccountID(account) != nil, let name = parts.last
        else { throw .invalidAddress(url) }
        return QueueKey(account: account, region: region, name: name)
    }

    /// `eu-west-1` of `sqs.eu-west-1.amazonaws.com` and of `eu-west-1.queue.amazonaws.com`.
    private static func region(of host: String) -> String? {
        let labels = host.split(separator: ".")
        guard labels.count > 2 else { return nil }
        let named = labels[0] == "sqs" ? labels[1] : labels[1] == "queue" ? labels[0] : nil
        guard let named, named.contains("-"), !named.contains(":") else { return nil }
        return String(named)
    }
}
