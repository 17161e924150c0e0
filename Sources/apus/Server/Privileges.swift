import Glibc

/// Gives up root in the process that faces the network. The launcher, started before, keeps what sandboxes need.
enum Privileges {
    /// Whom the server becomes.
    struct Identity: Sendable, Equatable {
        var user: uid_t
        var group: gid_t
    }

    /// - Returns: nil when the process is not root's, so that there is nothing to give up.
    /// - Throws: ``PrivilegesError`` when `name` is no user, or is root.
    static func identity(user name: String?, dataDirectory: String) throws(PrivilegesError) -> Identity? {
        guard geteuid() == 0 else { return nil }
        if let name {
            guard let entry = getpwnam(name) else { throw .noSuchUser(name) }
            guard entry.pointee.pw_uid != 0 else { throw .root(name) }
            return Identity(user: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
        }
        var status = stat()
        if lstat(dataDirectory, &status) == 0, status.st_uid != 0 {
            return Identity(user: status.st_uid, group: status.st_gid)
        }
        if let entry = getpwnam("apus"), entry.pointee.pw_uid != 0 {
            return Identity(user: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
        }
        // The range from which systemd gives services their dynamic users; a free one needs no entry in the user table.
        for id in uid_t(63466)...65519 where getpwuid(id) == nil && getgrgid(id) == nil {
            return Identity(user: id, group: id)
        }
        throw .noSuchUser("apus")
    }

    /// Hands a directory and what lies directly in it to `identity`. Done as root before any function ran, on entries
    /// that are not links.
    static func give(_ path: String, to identity: Identity) throws(PrivilegesError) {
        guard lchown(path, identity.user, identity.group) == 0 else { throw .failed("chown \(path)", errno) }
        guard let directory = opendir(path) else { throw .failed("opendir \(path)", errno) }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            // What root runs at the next start must stay root's, and so must the say about who is trusted.
            let kept = [".", "..", DataDirectory.runtimes, DataDirectory.signingProfiles]
            if kept.contains(name) { continue }
            guard lchown("\(path)/\(name)", identity.user, identity.group) == 0 else {
                throw .failed("chown \(path)/\(name)", errno)
            }
        }
    }

    /// Becomes `identity` for good, in every thread, without any capability and without a way back.
    static func drop(to identity: Identity) throws(PrivilegesError) {
        guard setgroups(0, nil) == 0 else { throw .failed("setgroups", errno) }
        guard setgid(identity.group) == 0 else { throw .failed("setgid", errno) }
        guard setuid(identity.user) == 0 else { throw .failed("setuid", errno) }
        guard setuid(0) != 0 else { throw .failed("setuid: root came back", 0) }
        try verifyThreads(identity)
    }

    /// Every thread has changed: the C library tells each of those that it knows of, and none may be missing.
    private static func verifyThreads(_ identity: Identity) throws(PrivilegesError) {
        guard let tasks = opendir("/proc/self/task") else { throw .failed("opendir /proc/self/task", errno) }
        defer { closedir(tasks) }
        while let entry = readdir(tasks) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.first != "." else { continue }
            guard let text = try? LocalFile.read("/proc/self/task/\(name)/status") else { continue }
            let users = String(decoding: text, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("Uid:") }
            let wanted = Array(repeating: "\(identity.user)", count: 4)
            guard users?.dropFirst(4).split(separator: "\t").map(String.init) == wanted else {
                throw .failed("thread \(name) kept its user", 0)
            }
        }
    }
}

/// Why root could not be given up; the server does not start then.
enum PrivilegesError: Error, CustomStringConvertible {
    case noSuchUser(String)
    case root(String)
    case failed(String, Int32)

    var description: String {
        switch self {
        case .noSuchUser(let name): "There is no user \(name) to run the server as."
        case .root(let name): "\(name) is root: the server would keep the privileges that it is to give up."
        case .failed(let step, let code): "Cannot give up root: \(step): \(String(cString: strerror(code)))."
        }
    }
}
