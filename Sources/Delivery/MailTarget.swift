import AWSWire
import Glibc
package import Identity
import NIOCore
import Storage

/// Takes parcels for `mailto:` addresses: no mail leaves the machine, each letter becomes a file.
///
/// A file is a whole letter (RFC 5322, `.eml`) and has the parcel's id as its name.
package struct MailTarget: DeliveryTarget {
    private let directory: String
    private let sender: String
    /// Milliseconds since 1970.
    private let clock: @Sendable () -> Int64
    private let queue = BlockingQueue(label: "apus.mail")

    /// - Parameter directory: Made when the first letter comes.
    package init(
        directory: String, sender: String = "AWS Notifications <no-reply@sns.amazonaws.com>",
        clock: @escaping @Sendable () -> Int64
    ) {
        self.directory = directory
        self.sender = sender
        self.clock = clock
    }

    package func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        let letter = letter(parcel)
        let path = "\(directory)/\(parcel.id).eml"
        do {
            try await queue.run { [directory] in try Self.write(letter, to: path, in: directory) }
        } catch {
            throw DeliveryFailure(code: "MailUnwritable", message: "\(error)", isFinal: false)
        }
    }

    package func check(_: String, from _: ServiceCaller) async throws(DeliveryFailure) {}

    private func letter(_ parcel: Parcel) -> ByteBuffer {
        var headers = [
            ("From", sender), ("To", String(parcel.target.dropFirst("mailto:".utf8.count))),
            ("Date", SigV4Time(secondsSince1970: clock() / 1000).http), ("Message-ID", "<\(parcel.id)@apus>"),
            ("MIME-Version", "1.0"), ("Content-Transfer-Encoding", "8bit"),
        ]
        for (name, attribute) in parcel.attributes.sorted(by: { $0.key < $1.key }) {
            if case .text(let value) = attribute.value { headers.append((name, value)) }
        }
        var letter = ByteBuffer()
        for (name, value) in headers { letter.writeString("\(name): \(Self.line(value))\r\n") }
        letter.writeStaticString("\r\n")
        letter.writeImmutableBuffer(parcel.body)
        return letter
    }

    /// A header's value cannot begin another header.
    private static func line(_ value: String) -> String {
        String(String.UnicodeScalarView(value.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }

    private struct Failure: Error, CustomStringConvertible {
        var operation: String
        var errno: Int32
        var description: String { "\(operation): \(String(cString: strerror(errno)))" }
    }

    /// The letter is there as a whole or not at all, and on disk when this returns.
    private static func write(_ letter: ByteBuffer, to path: String, in directory: String) throws {
        if mkdir(directory, 0o700) != 0, errno != EEXIST { throw Failure(operation: "mkdir", errno: errno) }
        let part = path + ".part"
        let file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Failure(operation: "open", errno: errno) }
        defer { close(file) }
        var rest = letter.readableBytesView[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Failure(operation: "write", errno: errno) }
            rest = rest.dropFirst(count)
        }
        guard fsync(file) == 0 else { throw Failure(operation: "fsync", errno: errno) }
        guard rename(part, path) == 0 else { throw Failure(operation: "rename", errno: errno) }
    }
}
