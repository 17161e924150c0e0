/// The machine's processors.
package enum Processors {
    /// How many threads run or could, the calling one included (`/proc/loadavg`); nil where that is not shown.
    package static func runnable() -> Int? {
        guard let text = try? KernelFile.read("/proc/loadavg") else { return nil }
        return runnable(in: text)
    }

    /// The first number of the fourth field (proc_loadavg(5)).
    static func runnable(in text: String) -> Int? {
        let fields = text.split(separator: " ")
        return fields.count > 3 ? fields[3].split(separator: "/").first.flatMap { Int($0) } : nil
    }
}
