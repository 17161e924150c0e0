import Glibc

/// A program that runs to its end with this process's standard streams.
enum ChildProcess {
    /// - Parameter arguments: The first is a name that is looked for in `environment`'s `PATH`.
    /// - Returns: The exit status, 128 and the signal's number after a signal; nil when it could not be started.
    static func run(_ arguments: [String], environment: [String: String]) -> Int32? {
        let directories = (environment["PATH"] ?? "").split(separator: ":")
        guard let name = arguments.first,
            let path = directories.map({ "\($0)/\(name)" }).first(where: HostFile.isExecutableFile)
        else { return nil }
        var child: pid_t = 0
        let outcome = withCStrings(arguments) { arguments in
            withCStrings(environment.map { $0.key + "=" + $0.value }) { environment in
                posix_spawn(&child, path, nil, nil, arguments, environment)
            }
        }
        guard outcome == 0 else { return nil }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return nil }
        }
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}

/// Calls `body` with a null-terminated array of C strings that lives as long as the call.
func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let array = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { (array + index).initialize(to: strdup(string)) }
    (array + strings.count).initialize(to: nil)
    defer {
        for index in strings.indices { free(array[index]) }
        array.deallocate()
    }
    return body(array)
}
