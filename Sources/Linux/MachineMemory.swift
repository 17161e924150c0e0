/// How much memory there is for this process and what it starts.
package enum MachineMemory {
    /// The least of the machine's memory and the limits of the control groups that this process is in, MiB; nil where
    /// nothing is shown.
    package static func mebibytes() -> Int? {
        var least = (try? KernelFile.read("/proc/meminfo")).flatMap { total(in: $0) }.map { UInt64($0) << 10 }
        for limit in (try? ControlGroupLayout.current()).map(limits) ?? [] { least = min(least ?? limit, limit) }
        return least.map { Int($0 >> 20) }
    }

    /// `MemTotal`, KiB.
    static func total(in text: String) -> Int? {
        text.split(separator: "\n").first { $0.hasPrefix("MemTotal:") }?
            .split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    /// The limits that hold for a group are its own and those of the groups that it is in.
    private static func limits(_ layout: ControlGroupLayout) -> [UInt64] {
        let (place, file) =
            layout.legacy[.memory].map { ($0, "memory.limit_in_bytes") } ?? (layout.unified, "memory.max")
        guard let place else { return [] }
        return UnifiedHierarchy(place).candidates().compactMap { path in
            // `max` is none.
            (try? KernelFile.read("\(path)/\(file)")).flatMap { UInt64($0.prefix { $0 != "\n" }) }
        }
    }
}
