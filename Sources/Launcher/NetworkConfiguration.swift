/// How the sandboxes' network shall be.
package struct NetworkConfiguration: Sendable, Hashable {
    /// How far a function may reach at most. What a host cannot give is left out: see ``NetworkPool/weaknesses``.
    package enum Reach: Int, Sendable, Hashable, Comparable {
        /// Only its own Runtime API.
        case runtimeAPI
        /// Apus's endpoint besides.
        case endpoint
        /// And what lies beyond this machine.
        case internet

        package static func < (left: Reach, right: Reach) -> Bool { left.rawValue < right.rawValue }
    }

    /// The port of Apus's endpoint at ``NetworkPool/endpointAddress``.
    package var endpointPort: UInt16
    /// Namespaces kept ready: at least 1.
    package var spares: Int
    package var reach: Reach
    /// Where programs (`slirp4netns`, `nft`) are looked for.
    package var programDirectories: [String]

    package init(
        endpointPort: UInt16 = 4566, spares: Int = 4, reach: Reach = .internet,
        programDirectories: [String] = Self.systemDirectories
    ) {
        self.endpointPort = endpointPort
        self.spares = max(1, spares)
        self.reach = reach
        self.programDirectories = programDirectories
    }

    package static let systemDirectories = [
        "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin",
    ]
}
