import AWSWire
import FoundationEssentials

/// What an operator revoked: signatures by their jobs, and versions of profiles, from a time on.
struct Revocations: Sendable {
    private var jobs: Set<String> = []
    /// The seconds since 1970 from which on signatures do not count, by `NAME/VERSION`.
    private var versions: [String: Int] = [:]

    init() {}

    /// Reads the lines of a file, as ``SigningProfiles`` has them.
    ///
    /// - Parameter problems: Gets every line that is not understood.
    init(_ text: String, file: String, problems: inout [String]) {
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            if words.isEmpty { continue }
            if !add(words) {
                problems.append(
                    "\(file), line \(index + 1): neither signing-jobs/ID nor signing-profiles/NAME/VERSION [TIME]")
            }
        }
    }

    func cover(job: String, signed: Int, profile: String, version: String) -> Bool {
        jobs.contains(job) || versions["\(profile)/\(version)"].map { signed >= $0 } == true
    }

    /// - Returns: Whether the words of a line are understood.
    private mutating func add(_ words: [String]) -> Bool {
        let resource = ARN(words[0]).map(\.resource) ?? words[0]
        let parts = resource.split(separator: "/").map(String.init)
        switch (parts.first, parts.count, words.count) {
        case ("signing-jobs", 2, 1):
            guard PackageSignature.isJob(parts[1]) else { return false }
            jobs.insert(parts[1])
        case ("signing-profiles", 3, 1...2):
            guard SigningProfiles.isName(Substring(parts[1])), parts[2].utf8.count == 10 else { return false }
            var since = Int.min
            if words.count == 2 {
                guard let date = try? Date(words[1], strategy: .iso8601) else { return false }
                since = Int(date.timeIntervalSince1970)
            }
            let name = "\(parts[1])/\(parts[2])"
            versions[name] = min(versions[name] ?? .max, since)
        default: return false
        }
        return true
    }
}
