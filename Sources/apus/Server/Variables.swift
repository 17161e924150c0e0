import FoundationEssentials

/// The process's environment variables, read once.
enum Variables {
    static let current = ProcessInfo.processInfo.environment
}
