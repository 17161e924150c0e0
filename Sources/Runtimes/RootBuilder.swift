package import Sandbox

/// Makes the root file systems of sandboxes from this host's.
package struct RootBuilder: Sendable {
    /// Prepended to every path that is looked at on the host; empty but in tests.
    private let host: String
    let files: RuntimeFiles

    package init(files: RuntimeFiles, host: String = "") {
        self.files = files
        self.host = host
    }

    /// The user that functions run as on AWS; inside the sandbox's user namespace.
    package static let userName = "sbx_user1051"
    package static let userID = 993
    package static let groupID = 990

    /// Where AWS keeps the interpreter: a link to its real place.
    package static let language = "/var/lang"

    /// What the server compiled for its bootstraps.
    package static let compiled = "/var/compiled"

    /// Programs and libraries of the system.
    private static let systemDirectories = [
        "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/share/zoneinfo",
        "/usr/share/ca-certificates",
    ]
    /// What the system's libraries and programs read of `/etc`: no file that names users, keys or hosts.
    private static let configuration = [
        "/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ssl/cert.pem",
        "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust/extracted",
        "/etc/crypto-policies/back-ends", "/etc/mime.types",
    ]
    /// Links to `/usr` on a merged system, directories of their own elsewhere.
    private static let topLevel = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]

    /// The root of functions that bring their own executable.
    package func provided() -> RootTemplate { template(name: ResolvedRuntime.providedRoot, binds: [], links: []) }

    /// The root of functions that `interpreter` runs.
    package func root(for interpreter: Interpreter) -> RootTemplate {
        // Environments have a /tmp of their own, and functions' layers at /opt: both lie over what the host has there.
        let isHidden = ["/tmp/", "/opt/"].contains { interpreter.prefix.hasPrefix($0) }
        if isHidden, let prefix = HostFile.resolve(host + interpreter.prefix) {
            var root = template(name: Self.name(of: interpreter), binds: [], links: [])
            root.binds.append(.init(source: prefix, target: Self.language))
            return root
        }
        var paths = interpreterPaths(interpreter)
        for directory in interpreter.packageDirectories where !Self.covered(directory, by: paths) {
            paths.append(directory)
        }
        return template(
            name: Self.name(of: interpreter), binds: paths.filter { !Self.covered($0, by: Self.systemDirectories) },
            links: [.init(path: Self.language, target: interpreter.prefix)])
    }

    /// The name of an interpreter's root: `python3.12`, `nodejs20`.
    static func name(of interpreter: Interpreter) -> String {
        switch interpreter.language {
        case .python: "python3.\(interpreter.line)"
        case .node: "nodejs\(interpreter.line)"
        case .dotnet: "dotnet\(interpreter.line)"
        case .java: "java\(interpreter.line)"
        case .ruby: "ruby\(interpreter.line / 10).\(interpreter.line % 10)"
        case .powershell: "powershell\(interpreter.line)"
        }
    }

    /// The whole prefix of an interpreter that has one to itself; of a shared one (`/usr`, `/usr/local`) what belongs
    /// to the interpreter.
    private func interpreterPaths(_ interpreter: Interpreter) -> [String] {
        let prefix = interpreter.prefix
        let configuration = interpreter.language == .java ? javaConfiguration(prefix) : []
        guard ["/usr", "/usr/local", "/opt"].contains(prefix) else { return [prefix] + configuration }
        var paths = [prefix + "/" + interpreter.executable]
        switch interpreter.language {
        case .python:
            let stem = "python3.\(interpreter.line)"
            paths.append(prefix + "/lib/" + stem)
            let libraries = HostFile.list(host + prefix + "/lib").filter { $0.hasPrefix("lib" + stem) }
            paths += libraries.map { prefix + "/lib/" + $0 }
        case .node:
            // Debian's Node.js keeps modules that are part of it outside of the executable.
            paths += [prefix + "/lib/node_modules", prefix + "/share/nodejs"]
        case .java: paths += configuration
        case .ruby:
            let libraries = HostFile.list(host + prefix + "/lib").filter { $0.hasPrefix("libruby") }
            paths += [prefix + "/lib/ruby"] + libraries.map { prefix + "/lib/" + $0 }
        case .dotnet: paths += [prefix + "/host", prefix + "/shared"]
        // Always a directory to itself.
        case .powershell: break
        }
        return paths
    }

    /// Distributions keep the settings that are part of a Java below `/etc/java-17-openjdk` and link to them.
    private func javaConfiguration(_ prefix: String) -> [String] {
        var found: [String] = []
        for name in ["lib/jvm.cfg", "conf/net.properties", "lib/net.properties", "lib/amd64/jvm.cfg"] {
            guard let real = HostFile.resolve(host + prefix + "/" + name)?.dropFirst(host.count),
                real.hasPrefix("/etc/java"), let slash = real.lastIndex(of: "/")
            else { continue }
            let directory = String(real[..<slash])
            if !Self.covered(directory, by: found) { found.append(directory) }
        }
        return found
    }

    private func template(name: String, binds: [String], links: [RootTemplate.Symlink]) -> RootTemplate {
        var links = links
        var paths = Self.systemDirectories
        for directory in Self.topLevel {
            if let target = HostFile.linkTarget(host + directory) {
                links.append(.init(path: directory, target: target))
            } else {
                paths.append(directory)
            }
        }
        links.append(.init(path: "/etc/localtime", target: "/usr/share/zoneinfo/UTC"))
        var found = (paths + Self.configuration + binds).compactMap(bind)
        found.append(.init(source: files.directory, target: "/var/runtime"))
        if let compiled = files.compiled { found.append(.init(source: compiled, target: Self.compiled)) }
        return RootTemplate(name: name, binds: found, files: Self.files, symlinks: links, directories: [])
    }

    /// A path at the same place inside, if it is there at all. The source has its links resolved, as mounting wants it.
    private func bind(_ path: String) -> RootTemplate.Bind? {
        HostFile.resolve(host + path).map { .init(source: $0, target: path) }
    }

    private static func covered(_ path: String, by directories: [String]) -> Bool {
        directories.contains { path == $0 || path.hasPrefix($0 + "/") }
    }

    /// `/etc/resolv.conf` is the launcher's, which knows where names are resolved.
    private static let files: [RootTemplate.File] = [
        file(
            "/etc/passwd",
            """
            root:x:0:0:root:/root:/sbin/nologin
            nobody:x:65534:65534:Nobody:/:/sbin/nologin
            \(userName):x:\(userID):\(groupID)::/home/\(userName):/sbin/nologin
            """),
        file("/etc/group", "root:x:0:\nnobody:x:65534:\n\(userName):x:\(groupID):"),
        file("/etc/hosts", "127.0.0.1 localhost sandbox sandbox.localdomain"),
        file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns"),
        file("/etc/os-release", "NAME=\"Apus\"\nID=apus\nPRETTY_NAME=\"Apus\""),
    ]

    private static func file(_ path: String, _ text: String) -> RootTemplate.File {
        .init(path: path, contents: Array((text + "\n").utf8))
    }
}
