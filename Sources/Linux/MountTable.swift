/// One line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
package struct MountEntry: Sendable, Hashable {
    /// The directory of the mounted file system that is seen.
    package var root: String
    package var mountPoint: String
    package var type: String
    package var source: String
    package var options: [String]
    package var superOptions: [String]

    /// Nil for a line that is none.
    package init?(line: Substring) {
        // A source may be empty.
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        // After six fixed fields come any number of optional ones, ended by a lone dash.
        guard fields.count >= 10, let dash = fields[6...].firstIndex(of: "-"), dash + 3 < fields.count else {
            return nil
        }
        self.root = MountEntry.unescape(fields[3])
        self.mountPoint = MountEntry.unescape(fields[4])
        self.options = fields[5].split(separator: ",").map(String.init)
        self.type = String(fields[dash + 1])
        self.source = MountEntry.unescape(fields[dash + 2])
        self.superOptions = fields[dash + 3].split(separator: ",").map(String.init)
    }

    package static func parse(_ text: String) -> [MountEntry] {
        text.split(separator: "\n").compactMap { MountEntry(line: $0) }
    }

    /// Space, tab, line feed and backslash are written as three octal digits after a backslash.
    private static func unescape(_ field: Substring) -> String {
        let bytes = Array(field.utf8)
        guard bytes.contains(UInt8(ascii: "\\")) else { return String(field) }
        var plain: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), index + 3 < bytes.count,
                let code = UInt8(String(decoding: bytes[index + 1...index + 3], as: UTF8.self), radix: 8)
            {
                plain.append(code)
                index += 4
            } else {
                plain.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }
}
