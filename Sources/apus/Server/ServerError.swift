import Glibc
import Sandbox

/// Why a server does not start. The text is for the operator.
enum ServerError: Error, CustomStringConvertible {
    case noLauncher(path: String)
    case launcher(SandboxError)
    /// The host lacks protections that nobody accepted.
    case weaknesses([Weakness], notes: [String])

    var description: String {
        switch self {
        case .noLauncher(let path): "The launcher is missing: \(path) must stand beside `apus`."
        case .launcher(let error):
            "Sandboxes cannot be made on this host: \(error.operation) \(error.subject): "
                + "\(String(cString: strerror(error.errno))). `apus doctor` says what is missing."
        case .weaknesses(let weaknesses, let notes):
            """
            This host cannot give functions every protection:
            \(weaknesses.map { "  \($0.rawValue): \($0.explanation)" }.joined(separator: "\n"))
            \(notes.map { "  (\($0))" }.joined(separator: "\n"))
            `apus doctor` says how to mend it. To run functions all the same: \
            apus serve \(weaknesses.map { "--accept \($0.rawValue)" }.joined(separator: " "))
            """
        }
    }
}
