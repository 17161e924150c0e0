import CSeccomp
import Testing

@testable import Linux

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct SyscallFilterTests {
    private let interpreter: FilterInterpreter

    init() throws { interpreter = FilterInterpreter(program: try SyscallFilter.compile()) }

    private func run(_ name: String, _ arguments: [UInt64] = []) -> FilterInterpreter.Outcome? {
        interpreter.run(
            number: seccomp_syscall_resolve_name(name), arguments: arguments, architecture: seccomp_arch_native())
    }

    /// The calls of a function that waits for, handles and answers an invocation.
    @Test(arguments: [
        "read", "write", "futex", "epoll_wait", "epoll_pwait", "epoll_ctl", "clock_gettime", "mmap", "munmap",
        "madvise",
        "recvfrom", "sendto", "recvmsg", "sendmsg", "close", "openat", "newfstatat", "fcntl", "getrandom", "poll",
        "accept4", "writev", "readv", "brk", "mprotect", "rt_sigprocmask", "sched_yield", "gettid",
    ])
    func costsLittleOnTheCommonPath(name: String) throws {
        guard seccomp_syscall_resolve_name(name) >= 0 else { return }
        let outcome = try #require(run(name))
        #expect(outcome.action == SyscallFilter.allow)
        // The house rule: under 60 instructions.
        #expect(outcome.instructions < 60)
    }

    @Test(arguments: [
        "ptrace", "process_vm_readv", "process_vm_writev", "keyctl", "add_key", "request_key", "bpf", "perf_event_open",
        "userfaultfd", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig",
        "fsmount", "fspick", "mount_setattr", "setns", "unshare", "io_uring_setup", "io_uring_enter",
        "io_uring_register", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "swapon",
        "swapoff", "reboot", "quotactl", "acct", "open_by_handle_at", "pidfd_getfd", "kcmp", "settimeofday",
        "clock_settime", "adjtimex", "sethostname", "setdomainname", "syslog", "iopl", "ioperm", "modify_ldt",
        "lookup_dcookie", "move_pages", "migrate_pages", "mbind", "vhangup", "fanotify_init",
    ])
    func refuses(name: String) throws {
        guard seccomp_syscall_resolve_name(name) >= 0 else { return }
        #expect(try #require(run(name)).action == SyscallFilter.fail(EPERM))
    }

    @Test func answersThatNewerCallsDoNotExist() throws {
        for number: Int32 in [1000, 2000, 0x3fff_ffff, 0x4000_0000, -1] {
            let outcome = interpreter.run(number: number, architecture: seccomp_arch_native())
            #expect(try #require(outcome).action == SyscallFilter.fail(ENOSYS))
        }
        // glibc tries clone3 first and then clone.
        #expect(try #require(run("clone3")).action == SyscallFilter.fail(ENOSYS))
    }

    @Test func killsCallsOfAnotherArchitecture() throws {
        // AUDIT_ARCH_I386, whose calls have other numbers: int 0x80 in a 64-bit program.
        let outcome = interpreter.run(number: seccomp_syscall_resolve_name("read"), architecture: 0x4000_0003)
        #expect(try #require(outcome).action == SyscallFilter.killProcess)
    }

    @Test func makesThreadsAndProcessesButNoNamespaces() throws {
        // CLONE_VM|FS|FILES|SIGHAND|THREAD|SYSVSEM|SETTLS|PARENT_SETTID|CHILD_CLEARTID: pthread_create of glibc.
        #expect(try #require(run("clone", [0x003d_0f00])).action == SyscallFilter.allow)
        #expect(try #require(run("clone", [UInt64(SIGCHLD)])).action == SyscallFilter.allow)
        for bit in [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]
            as [UInt64]
        {
            #expect(try #require(run("clone", [bit | UInt64(SIGCHLD)])).action == SyscallFilter.fail(EPERM))
        }
    }

    @Test func opensOnlySocketsOfTheInternetAndTheMachine() throws {
        for family in [AF_UNIX, AF_INET, AF_INET6] {
            #expect(try #require(run("socket", [UInt64(family), 1, 0])).action == SyscallFilter.allow)
        }
        #expect(try #require(run("socket", [UInt64(AF_NETLINK), 3, 0])).action == SyscallFilter.allow)
        #expect(try #require(run("socket", [UInt64(AF_NETLINK), 3, 9])).action == SyscallFilter.fail(EPERM))
        // AF_PACKET, AF_ALG, AF_VSOCK, AF_XDP and the unspecified one.
        for family in [0, 17, 38, 40, 44] as [UInt64] {
            #expect(try #require(run("socket", [family, 1, 0])).action == SyscallFilter.fail(EPERM))
        }
    }

    @Test func keepsTheExecutionDomain() throws {
        #expect(try #require(run("personality", [0xffff_ffff])).action == SyscallFilter.allow)
        // ADDR_NO_RANDOMIZE
        #expect(try #require(run("personality", [0x0040000])).action == SyscallFilter.fail(EPERM))
    }

    @Test func fitsIntoTheKernelsLimit() {
        // BPF_MAXINSNS
        #expect(interpreter.program.instructions.count <= 4096)
    }
}
