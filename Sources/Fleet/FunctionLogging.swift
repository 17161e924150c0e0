/// How a function's log is written: what `LoggingConfig` says, but for the group.
package struct FunctionLogging: Sendable, Hashable {
    package enum Format: Sendable, Hashable {
        /// Lambda's own lines are text, what the function writes is left alone.
        case text
        /// Lambda's own lines are JSON objects, as the Telemetry API has them; what the function writes as JSON objects
        /// is filtered by level.
        case json
    }

    package var format: Format
    /// `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`; nil is `INFO`. Only for JSON.
    package var applicationLevel: String?
    /// `DEBUG`, `INFO` or `WARN`; nil is `INFO`. Only for JSON.
    package var systemLevel: String?

    package init(format: Format = .text, applicationLevel: String? = nil, systemLevel: String? = nil) {
        self.format = format
        self.applicationLevel = applicationLevel
        self.systemLevel = systemLevel
    }
}

/// How much a line of a log matters.
enum LogLevel: Int, Comparable {
    case trace, debug, info, warn, error, fatal

    /// From the name of a level, in any case; Python's names are known, too.
    init?(named name: String) {
        switch name.uppercased() {
        case "TRACE": self = .trace
        case "DEBUG": self = .debug
        case "INFO": self = .info
        case "WARN", "WARNING": self = .warn
        case "ERROR": self = .error
        case "FATAL", "CRITICAL": self = .fatal
        default: return nil
        }
    }

    static func < (one: LogLevel, other: LogLevel) -> Bool { one.rawValue < other.rawValue }
}
