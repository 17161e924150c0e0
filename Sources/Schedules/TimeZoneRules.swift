import FoundationEssentials
import Synchronization

/// How far the clocks of a place are from UTC, and since when.
package struct TimeZoneRules: Sendable, Hashable {
    struct Transition: Sendable, Hashable {
        /// Seconds since 1970.
        var instant: Int64
        /// Seconds east of UTC, from then on.
        var offset: Int64
    }

    package static let utc = TimeZoneRules(first: 0, transitions: [])

    /// Before all transitions.
    private let first: Int64
    private let transitions: [Transition]

    init(first: Int64, transitions: [Transition]) {
        self.first = first
        self.transitions = transitions
    }

    // MARK: Time

    /// Seconds east of UTC at an instant.
    package func offset(at instant: Int64) -> Int64 {
        let next = place(after: instant)
        return next == 0 ? first : transitions[next - 1].offset
    }

    /// When clocks show a time, the first time; nil when they leave it out.
    ///
    /// - Parameter shown: What ``CivilTime/seconds`` says of the time.
    package func instant(of shown: Int64) -> Int64? {
        // Nowhere have clocks been further from UTC than that.
        let margin: Int64 = 26 * 3_600
        let range = place(after: shown - margin)..<place(after: shown + margin)
        let offsets = [offset(at: shown - margin)] + transitions[range].map(\.offset)
        return offsets.map { shown - $0 }.filter { $0 + offset(at: $0) == shown }.min()
    }

    /// The place of the first transition after an instant.
    private func place(after instant: Int64) -> Int {
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].instant <= instant { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Names

    /// Where the system keeps the zones of the IANA's database.
    private static let folder = "/usr/share/zoneinfo"
    /// Those that were asked for: there are only so many.
    private static let known = Mutex<[String: TimeZoneRules]>([:])

    /// - Parameter name: As the IANA's database has it: `Europe/Berlin`.
    /// - Returns: nil when the system has no such zone.
    package init?(named name: String) {
        if name == "UTC" {
            self = .utc
            return
        }
        if let zone = Self.known.withLock({ $0[name] }) {
            self = zone
            return
        }
        guard Self.isName(name), let file = FileManager.default.contents(atPath: "\(Self.folder)/\(name)"),
            let zone = TimeZoneFile.read(Array(file))
        else { return nil }
        Self.known.withLock { $0[name] = zone }
        self = zone
    }

    /// Leaves out what leads out of the folder, and its copies that count leap seconds.
    private static func isName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return name.utf8.count <= 50 && parts[0] != "right" && parts[0] != "posix"
            && parts.allSatisfy { part in
                part.first?.isLetter == true
                    && part.utf8.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                            UInt8(ascii: "+"):
                            true
                        default: false
                        }
                    }
            }
    }
}
