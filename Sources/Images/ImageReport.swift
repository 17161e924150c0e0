/// The programs of this machine that container images need, for `apus doctor`. It changes nothing.
package struct ImageReport: Sendable, Hashable {
    package struct Program: Sendable, Hashable {
        package var name: String
        /// Where it is; nil when it is not installed.
        package var path: String?
        /// What does not work without it.
        package var consequence: String
        /// The command that installs it; nil when it is there.
        package var remedy: String? { path == nil ? "sudo apt-get install \(name)" : nil }
    }

    package var programs: [Program]

    /// Looks at the machine, where ``HostTool`` does.
    package init() { self.init(find: HostTool.find) }

    init(find: (String) -> String?) {
        programs = [
            Program(name: "umoci", path: find("umoci"), consequence: "functions cannot be made from images"),
            Program(name: "skopeo", path: find("skopeo"), consequence: "images come from layouts only, not registries"),
        ]
    }
}
