import AWSWire
import Glibc
import Logging

/// The files that are shipped: `YYYY-MM-DD.jsonl`, one record a line, appended to only.
///
/// Lines rather than CloudTrail's gzip files of `{"Records":[…]}`, for that is what shippers follow (Vector, Fluent
/// Bit, Filebeat), a record is there as soon as it is written, and `jq` and `grep` read it as it is. A file is opened
/// for each batch, so whoever moves it away does no harm.
struct AuditFiles: Sendable {
    struct Failure: Error, Sendable {
        var operation: String
        var path: String
        var code: Int32

        var metadata: Logger.Metadata {
            ["path": "\(path)", "operation": "\(operation)", "errno": "\(code)"]
        }
    }

    let directory: String
    /// Days that files are kept.
    let days: Int
    /// Bytes of all files; the oldest make room.
    var capacity = 10 << 30

    private static let suffix = ".jsonl"

    /// Appends lines to the file of a day, whole or not at all.
    ///
    /// - Parameters:
    ///   - day: `YYYY-MM-DD`.
    ///   - isUrgent: The lines are on disk when this returns.
    /// - Returns: The size of the file then.
    func append(_ lines: [UInt8], day: String, isUrgent: Bool) throws(Failure) -> Int {
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw Failure(operation: "mkdir", path: directory, code: errno)
        }
        let path = path(day)
        let descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Failure(operation: "open", path: path, code: errno) }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        var last: UInt8 = 0
        // What a machine's end cut off stays by itself.
        if end > 0, pread(descriptor, &last, 1, end - 1) == 1, last != UInt8(ascii: "\n") {
            try write([UInt8(ascii: "\n")], to: descriptor, path)
        }
        do throws(Failure) {
            try write(lines, to: descriptor, path)
            if isUrgent, fdatasync(descriptor) != 0 { throw Failure(operation: "fdatasync", path: path, code: errno) }
        } catch {
            // They come again.
            ftruncate(descriptor, end)
            throw error
        }
        return Int(lseek(descriptor, 0, SEEK_END))
    }

    /// The lines of a day's file behind so many bytes, without one that was cut off, and the size of the file.
    ///
    /// - Parameters:
    ///   - start: The whole file is read where it is smaller: it was moved away and begun anew.
    ///   - limit: How many bytes are read at most, of the end.
    func lines(of day: String, after start: Int, limit: Int) throws(Failure) -> (lines: [Substring], size: Int) {
        let path = path(day)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Failure(operation: "open", path: path, code: errno) }
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        let begin = max(size < start ? 0 : start, size - limit)
        var bytes = [UInt8](repeating: 0, count: max(0, size - begin))
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes { all in
                pread(descriptor, all.baseAddress.map { $0 + count }, all.count - count, begin + count)
            }
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw Failure(operation: "read", path: path, code: errno) }
            guard read > 0 else { break }
            count += read
        }
        return (String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n"), size)
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { all in
                Glibc.write(descriptor, all.baseAddress.map { $0 + written }, all.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure(operation: "write", path: path, code: errno) }
            written += count
        }
    }

    /// Deletes the files of days that are over for longer than ``days``, and the oldest of too many bytes.
    func expire(now: Int64) {
        let oldest = Self.day(of: now - Int64(days) * 86_400)
        var files = names().map { ($0, size(of: $0)) }
        var total = files.reduce(0) { $0 + $1.1 }
        while let (name, size) = files.first, files.count > 1, name < oldest || total > capacity {
            unlink("\(directory)/\(name)")
            total -= size
            files.removeFirst()
        }
    }

    /// `YYYY-MM-DD`.
    static func day(of time: Int64) -> String { String(SigV4Time(secondsSince1970: time).extended.prefix(10)) }

    /// The days that have a file, the oldest first.
    var allDays: [String] { names().map { String($0.dropLast(Self.suffix.utf8.count)) } }

    private func path(_ day: String) -> String { "\(directory)/\(day)\(Self.suffix)" }

    func size(ofDay day: String) -> Int { size(of: "\(day)\(Self.suffix)") }

    /// Our files, the oldest first.
    private func names() -> [String] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let day = name.utf8.dropLast(Self.suffix.utf8.count)
            let isDay = day.count == 10 && day.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
            if isDay, name.hasSuffix(Self.suffix) { names.append(name) }
        }
        return names.sorted()
    }

    private func size(of name: String) -> Int {
        var status = stat()
        return lstat("\(directory)/\(name)", &status) == 0 ? Int(status.st_size) : 0
    }
}
