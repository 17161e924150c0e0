import Glibc
import Linux

/// Where a server keeps everything. One server owns it at a time.
///
/// ```
/// apus.db            state (SQLite); logs.db, traces.db and audit.db likewise
/// metrics.db         samples of CloudWatch
/// events.db          events on their way: asynchronous invocations and what is delivered to other services
/// audit/             who did what: a file of JSON lines for each day (mode 0600)
/// blobs/             uploaded code, by SHA-256
/// code/              the same, unpacked: what environments see at /var/task; and unpacked container images
/// mail/              letters that SNS would have sent
/// images/            container images that the operator puts there, as OCI layouts
/// runtime/           the bootstraps of the managed runtimes
/// runtimes/          what `apus runtimes install` got
/// signing-profiles/  whose signed packages are trusted: the operator's
/// credentials        the root key (mode 0600)
/// variables.key      encrypts the functions' environment variables (mode 0600)
/// lock               held while a server runs
/// ```
struct DataDirectory: ~Copyable {
    let path: String
    private let lock: Descriptor

    /// The directory that `--data` or APUS_DATA chose, else `/var/lib/apus` for root and `~/.local/share/apus`
    /// (or below `$XDG_DATA_HOME`) for others.
    static func path(chosen: String?) throws(DataDirectoryError) -> String {
        let variables = Variables.current
        if let chosen = chosen ?? variables["APUS_DATA"] { return try absolute(chosen) }
        if geteuid() == 0 { return "/var/lib/apus" }
        if let base = variables["XDG_DATA_HOME"], base.hasPrefix("/") { return "\(base)/apus" }
        guard let home = variables["HOME"], home.hasPrefix("/") else { throw .noHome }
        return "\(home)/.local/share/apus"
    }

    /// The directory inside that has the signing profiles.
    static let signingProfiles = "signing-profiles"

    /// The directory inside that installed runtimes are in.
    static let runtimes = "runtimes"

    /// The directory inside that letters are put into.
    static let mail = "mail"

    /// Where `apus runtimes install` puts runtimes and the server finds them.
    static func runtimes(chosen: String?) throws(DataDirectoryError) -> String {
        try path(chosen: chosen) + "/" + runtimes
    }

    /// Makes the directory (mode 0700) where it is missing, and takes its lock.
    ///
    /// - Throws: ``DataDirectoryError`` when it cannot be made or another server holds it.
    init(opening path: String) throws(DataDirectoryError) {
        try Self.make(path)
        let descriptor = Glibc.open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .cannotUse(path: path, errno: errno) }
        let lock = Descriptor(owning: descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw .inUse(path: path) }
        self.path = path
        self.lock = lock
    }

    /// Gives the directory up: the next server may have it.
    consuming func unlock() {}

    /// Makes a directory and its missing parents.
    static func make(_ path: String) throws(DataDirectoryError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw .cannotUse(path: path, errno: errno)
        }
        let parent = String(path[..<slash])
        if access(parent, F_OK) != 0 { try makeParent(parent) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .cannotUse(path: path, errno: errno) }
    }

    /// Parents follow the umask: they are not ours alone.
    private static func makeParent(_ path: String) throws(DataDirectoryError) {
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            let parent = String(path[..<slash])
            if access(parent, F_OK) != 0 { try makeParent(parent) }
        }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .cannotUse(path: path, errno: errno) }
    }

    /// A path as it is from the root.
    static func absolute(_ path: String) throws(DataDirectoryError) -> String {
        if path.hasPrefix("/") { return path }
        guard let current = getcwd(nil, 0) else { throw .cannotUse(path: path, errno: errno) }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }
}

/// Why a data directory cannot be used.
enum DataDirectoryError: Error, CustomStringConvertible {
    case noHome
    case cannotUse(path: String, errno: Int32)
    case inUse(path: String)
    case noCredentials(path: String, errno: Int32)
    case badCredentials(path: String)

    var description: String {
        switch self {
        case .noHome: "HOME is not set: name a data directory with --data."
        case .cannotUse(let path, let code):
            "Cannot use the data directory \(path): \(String(cString: strerror(code)))."
        case .inUse(let path): "Another server is using the data directory \(path)."
        case .noCredentials(let path, let code):
            "Cannot read \(path): \(String(cString: strerror(code))). `apus serve` writes it on first start; name its data "
                + "directory with --data."
        case .badCredentials(let path): "\(path) is not a credentials file that `apus serve` wrote."
        }
    }
}
