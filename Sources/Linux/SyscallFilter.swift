import CLinux
import CSeccomp

#if canImport(Glibc)
    import Glibc
#endif

/// The seccomp program of a sandbox: an allow-list. What is known but not listed fails with EPERM; what is newer than
/// the list's library fails with ENOSYS, so that programs fall back to what they did before it existed.
package struct SyscallFilter: Sendable, Hashable {
    /// `struct sock_filter` (seccomp(2)): code, jumps when true and false, operand; eight bytes each.
    package var instructions: [UInt64]

    /// Compiles the list for this machine's architecture, with a binary tree over the call numbers: a chain of
    /// comparisons would cost a frequent call with a high number hundreds of instructions.
    package static func compile() throws(SystemCallError) -> SyscallFilter {
        guard let context = seccomp_init(SyscallFilter.fail(EPERM)) else {
            throw SystemCallError("seccomp_init", errno: ENOMEM)
        }
        defer { seccomp_release(context) }
        try checkedDirect("seccomp_attr_set", "optimize", seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2))
        try checkedDirect(
            "seccomp_attr_set", "bad architecture",
            seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SyscallFilter.killProcess))
        for name in SyscallList.allowed { try add(context, SyscallFilter.allow, name) }
        for (name, conditions) in SyscallList.conditional { try add(context, SyscallFilter.allow, name, conditions) }
        // glibc falls back to clone, whose flags a filter can see; those of clone3 are in memory.
        try add(context, SyscallFilter.fail(ENOSYS), "clone3")
        return SyscallFilter(instructions: unknownPrefix() + (try export(context)))
    }

    private static func add(
        _ context: scmp_filter_ctx, _ action: UInt32, _ name: String, _ conditions: [scmp_arg_cmp] = []
    ) throws(SystemCallError) {
        let number = seccomp_syscall_resolve_name(name)
        // Not a call of this architecture (negative numbers are the library's own), or of this library's time.
        if number < 0 { return }
        let result = conditions.withUnsafeBufferPointer {
            seccomp_rule_add_array(context, action, number, UInt32($0.count), $0.baseAddress)
        }
        try checkedDirect("seccomp_rule_add", name, result)
    }

    private static func export(_ context: scmp_filter_ctx) throws(SystemCallError) -> [UInt64] {
        let file = Descriptor(owning: try checkedDirect("memfd_create", "filter", apus_memfd("filter")))
        try checkedDirect("seccomp_export_bpf", "", seccomp_export_bpf(context, file.number))
        try checked("lseek", "filter") { lseek(file.number, 0, SEEK_SET) }
        let bytes = try KernelFile.read(file.number, named: "filter")
        return stride(from: 0, to: bytes.count, by: 8).map { start in
            bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// Answers ENOSYS to every number above the highest that the library knows.
    private static func unknownPrefix() -> [UInt64] {
        var highest: UInt32 = 1023
        while highest > 0 {
            if let name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), Int32(highest)) {
                free(name)
                break
            }
            highest -= 1
        }
        let load: UInt64 = 0x20  // BPF_LD | BPF_W | BPF_ABS, the number at offset 0
        let jumpIfGreater: UInt64 = 0x25  // BPF_JMP | BPF_JGT | BPF_K
        let answer: UInt64 = 0x06  // BPF_RET | BPF_K
        return [
            load,
            jumpIfGreater | 1 << 24 | UInt64(highest) << 32,
            answer | UInt64(SyscallFilter.fail(ENOSYS)) << 32,
        ]
    }

    // Macros in <seccomp.h>.
    static let allow: UInt32 = 0x7fff_0000
    static let killProcess: UInt32 = 0x8000_0000
    static func fail(_ number: Int32) -> UInt32 { 0x0005_0000 | UInt32(number) }
}
