import Linux

/// What the host calls its own, seen through sockets that were made in its namespace before the launcher left it.
struct NetworkHost: ~Copyable {
    /// Readable when links, addresses or routes of the host changed.
    var changes: NetlinkSocket
    private var queries: NetlinkConnection<NetlinkSocket>

    /// Must be made in the host's network namespace. Listens before it is asked first: no change falls in between.
    init() throws(NetworkError) {
        let changes = try netlink { () throws(NetlinkError) in try NetlinkSocket(groups: Rtnetlink.hostGroups) }
        let queries = try netlink { () throws(NetlinkError) in try NetlinkConnection() }
        self.changes = changes
        self.queries = queries
    }

    mutating func routes() throws(NetworkError) -> [Rtnetlink.Route] {
        do { return try queries.dump(Rtnetlink.dumpRoutes()).compactMap { Rtnetlink.Route($0) } } catch {
            throw NetworkError(error)
        }
    }

    /// Every network whose packets the host takes for itself. The local routes say more than the list of addresses:
    /// loopback, broadcast addresses and whole ranges that were made local are among them.
    static func networks(in routes: [Rtnetlink.Route]) -> [IPv4Network] {
        Set(routes.filter { $0.kind == .local || $0.kind == .broadcast }.map(\.destination)).sorted()
    }
}
