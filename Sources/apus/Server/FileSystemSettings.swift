import Glibc
import Sandbox

/// `--file-system ACCESS-POINT-ID=/directory`: which directories of this machine stand for access points.
enum FileSystemSettings {
    /// - Parameters:
    ///   - data: The data directory, of which functions must not have any part.
    ///   - user: Who starts the server.
    ///   - problems: Gets every problem.
    static func read(
        _ texts: [String], data: String, user: uid_t = geteuid(), problems: inout [String]
    ) -> [FileSystemDirectory] {
        var directories: [FileSystemDirectory] = []
        for text in texts {
            guard let equals = text.firstIndex(of: "="), isAccessPoint(text[..<equals]) else {
                problems.append("fileSystems: \(text) is not fsap- and 17 hexadecimal digits, = and a directory")
                continue
            }
            let (name, path) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
            if directories.contains(where: { $0.name == name }) {
                problems.append("fileSystems: \(name) has two directories")
            } else if let problem = problem(path, data: data, user: user) {
                problems.append("fileSystems: \(path) \(problem)")
            } else {
                directories.append(FileSystemDirectory(name: name, path: path))
            }
        }
        return directories
    }

    /// As the API's constraint has it.
    private static func isAccessPoint(_ text: Substring) -> Bool {
        let digits = text.dropFirst(5).utf8
        return text.hasPrefix("fsap-") && digits.count == 17
            && digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func problem(_ path: String, data: String, user: uid_t) -> String? {
        let parts = path.split(separator: "/")
        guard path.hasPrefix("/"), !parts.contains("."), !parts.contains("..") else {
            return "is not an absolute path without . and .."
        }
        var information = stat()
        guard stat(path, &information) == 0 else { return "cannot be used: \(String(cString: strerror(errno)))" }
        guard information.st_mode & S_IFMT == S_IFDIR else { return "is not a directory" }
        let (directory, data) = (resolved(path), resolved(data))
        if "\(directory)/".hasPrefix("\(data)/") || "\(data)/".hasPrefix("\(directory)/") {
            return "and the data directory \(data) must lie apart"
        }
        // Functions act as the owner: root's launcher makes them so, an ordinary user's can only be that user.
        if user == 0, information.st_uid == 0 || information.st_gid == 0 {
            return "belongs to root: give it to the user and the group that functions are to act as (chown)"
        }
        if user != 0, information.st_uid != user {
            return "belongs to another user: only root's server lets functions act as somebody else"
        }
        return nil
    }

    /// Without links; what is not there yet, as it is written.
    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }
}
