extension ResolvedRuntime {
    /// What a container image starts: its entry point, with its command as the arguments.
    ///
    /// - Parameters:
    ///   - environment: The image's own variables.
    ///   - workingDirectory: Empty for the image's root.
    package static func image(
        entryPoint: [String], command: [String], workingDirectory: String,
        environment: [(name: String, value: String)]
    ) -> ResolvedRuntime {
        let arguments = entryPoint + command
        // Those of the image come later and win.
        let variables: [(name: String, value: String)] = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ]
        // Without either AWS tries what it would run without an image.
        var runtime = ResolvedRuntime(
            identifier: "", root: nil, arguments: arguments.isEmpty ? ["/var/task/bootstrap"] : arguments,
            environment: variables + environment)
        runtime.workingDirectory = workingDirectory.isEmpty ? "/" : workingDirectory
        return runtime
    }
}
