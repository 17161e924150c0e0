import Runtimes

/// Wrapper scripts of managed runtimes, which start the runtime in its stead:
/// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
enum ExecWrapper {
    static let variable = "AWS_LAMBDA_EXEC_WRAPPER"

    /// As the managed runtimes' own start scripts do it, with their words and statuses.
    private static let script = """
        if [ ! -f "$0" ]; then echo "$0: does not exist"; exit 127; fi
        if [ ! -x "$0" ]; then echo "$0: is not an executable"; exit 126; fi
        exec "$0" "$@"
        """

    /// The command that starts `version`'s runtime, through the wrapper that its variables name, if any. OS-only
    /// runtimes have none: their executable is the function's own.
    static func command(for version: FunctionVersion) -> [String] {
        let command = version.runtime.arguments(memoryMiB: version.memoryMiB)
        guard let wrapper = version.variables[variable], isUsed(by: version) else { return command }
        return ["/bin/sh", "-c", script, wrapper] + command
    }

    static func isUsed(by version: FunctionVersion) -> Bool {
        version.runtime.isManaged && version.variables[variable]?.isEmpty == false
    }
}
