/// A handler as PowerShell's have it: `hello.ps1`, `hello.ps1::Invoke-Hello` or `Module::Hello::Invoke-Hello`.
///
/// These are the forms of AWS's open runtime for PowerShell (awslabs/aws-lambda-powershell-runtime, whose readme has
/// them), a layer for OS-only runtimes; `bootstrap.ps1` takes them apart.
package struct PowerShellHandler: Sendable, Hashable {
    /// Nil for any other handler.
    package init?(_ handler: String) {
        let parts = handler.split(separator: "::", omittingEmptySubsequences: false)
        guard !parts.contains("") else { return nil }
        switch parts.count {
        case 1, 2: guard parts[0].lowercased().hasSuffix(".ps1") else { return nil }
        case 3: guard parts[0].lowercased() == "module" else { return nil }
        default: return nil
        }
    }
}
