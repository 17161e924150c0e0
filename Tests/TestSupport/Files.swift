package import Glibc

/// Makes or replaces a file, for its owner alone.
package func writeFile(_ path: String, _ bytes: [UInt8]) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0, write(file, bytes, bytes.count) == bytes.count else { fatalError("\(path): errno \(errno)") }
    close(file)
}

/// Waits until nobody has a file open for writing, which could not be executed (ETXTBSY): a process that another test
/// is about to start holds a copy of every descriptor until its exec. A lease for reading is granted to no other file.
package func waitUntilExecutable(_ path: String) {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { fatalError("\(path): errno \(errno)") }
    defer { close(file) }
    // F_SETLEASE, a GNU extension.
    let setLease: Int32 = 1024
    for _ in 0..<60_000 {
        if fcntl(file, setLease, F_RDLCK) == 0 {
            _ = fcntl(file, setLease, F_UNLCK)
            return
        }
        // Not every file system knows leases.
        guard errno == EAGAIN else { return }
        usleep(1000)
    }
}

/// What a file holds; nothing when it cannot be read.
package func readFile(_ path: String) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(file, &piece, piece.count), count > 0 { bytes += piece[..<count] }
    return bytes
}

/// What is at `path`, behind links; nil when there is nothing.
package func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
}
