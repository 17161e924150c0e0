/// What a request of an extension asks for.
enum ExtensionRoute: Equatable {
    case register
    case next
    case initError
    case exitError
    case subscribe(TelemetrySubscription.Schema)

    /// Nil for a path of nobody's.
    init?(path: Substring) {
        switch path {
        case "/2020-01-01/extension/register": self = .register
        case "/2020-01-01/extension/event/next": self = .next
        case "/2020-01-01/extension/init/error": self = .initError
        case "/2020-01-01/extension/exit/error": self = .exitError
        case "/2022-07-01/telemetry", "/2022-07-01/telemetry/": self = .subscribe(.telemetry)
        case "/2020-08-15/logs", "/2020-08-15/logs/": self = .subscribe(.logs)
        default: return nil
        }
    }

    var isGet: Bool { self == .next }

    var isPut: Bool { if case .subscribe = self { true } else { false } }
}
