import AWSWire
import Glibc
import Linux

/// The root key pair of a data directory, with where its server listens: `name=value` lines, mode 0600.
struct CredentialsFile {
    var accessKeyID: String
    var secretAccessKey: String
    var account: String
    var region: String
    var endpoint: String

    /// - Throws: ``DataDirectoryError`` when there is no such file, it may not be read, or it lacks a value.
    static func read(in directory: String) throws(DataDirectoryError) -> CredentialsFile {
        let path = directory + "/credentials"
        let values = parse(try contents(of: path))
        guard let id = values["access_key_id"], let secret = values["secret_access_key"],
            let account = values["account"], let region = values["region"], let endpoint = values["endpoint"]
        else { throw .badCredentials(path: path) }
        return CredentialsFile(
            accessKeyID: id, secretAccessKey: secret, account: account, region: region, endpoint: endpoint)
    }

    /// Replaces the file in one step; it is on disk when this returns.
    func write(in directory: String) throws(DataDirectoryError) {
        let path = directory + "/credentials"
        let temporary = path + ".new"
        let text = """
            access_key_id=\(accessKeyID)
            secret_access_key=\(secretAccessKey)
            account=\(account)
            region=\(region)
            endpoint=\(endpoint)

            """
        unlink(temporary)
        let number = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw .cannotUse(path: path, errno: errno) }
        let file = Descriptor(owning: number)
        let written = Array(text.utf8).withUnsafeBytes { Glibc.write(file.number, $0.baseAddress, $0.count) }
        guard written == text.utf8.count, fsync(file.number) == 0, rename(temporary, path) == 0 else {
            throw .cannotUse(path: path, errno: errno)
        }
    }

    /// A new pair: an id that tells its account, and 40 random characters in the alphabet that AWS uses.
    static func makeKey(of account: AccountID) -> (accessKeyID: String, secretAccessKey: String) {
        func random(_ count: Int, from alphabet: String) -> String {
            let letters = Array(alphabet)
            var generator = SystemRandomNumberGenerator()
            return String((0..<count).compactMap { _ in letters.randomElement(using: &generator) })
        }
        let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        return (
            AccessKeyID.make(account: account.digits),
            random(40, from: upper + upper.lowercased() + "0123456789/+")
        )
    }

    private static func parse(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            values[String(line[..<equals])] = String(line[line.index(after: equals)...])
        }
        return values
    }

    private static func contents(of path: String) throws(DataDirectoryError) -> String {
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw .noCredentials(path: path, errno: errno) }
        let file = Descriptor(owning: number)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(file.number, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw .noCredentials(path: path, errno: errno) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
