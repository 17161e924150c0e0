import CSeccomp

#if canImport(Glibc)
    import Glibc
#endif

/// The system calls that a function may make. The measure is an ordinary program without any capability: everything
/// that such a program needs, nothing that only administers the machine, watches other processes, or has no user in a
/// function and a record of holes (ptrace, bpf, io_uring, keyrings, userfaultfd, perf, namespaces, mounts).
enum SyscallList {
    static let allowed: [String] =
        files + descriptors + memory + processes + signals + time + network + identity + system

    private static let files = [
        "access", "chdir", "chmod", "chown", "creat", "faccessat", "faccessat2", "fchdir", "fchmod", "fchmodat",
        "fchmodat2", "fchown", "fchownat", "fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "fstat", "fstatfs",
        "futimesat", "getcwd", "getdents", "getdents64", "getxattr", "lchown", "lgetxattr", "link", "linkat",
        "listxattr", "llistxattr", "lremovexattr", "lsetxattr", "lstat", "mkdir", "mkdirat", "mknod", "mknodat",
        "newfstatat", "open", "openat", "openat2", "readlink", "readlinkat", "removexattr", "rename", "renameat",
        "renameat2", "rmdir", "setxattr", "stat", "statfs", "statx", "symlink", "symlinkat", "truncate", "umask",
        "unlink", "unlinkat", "utime", "utimensat", "utimes",
    ]

    private static let descriptors = [
        "cachestat", "close", "close_range", "copy_file_range", "dup", "dup2", "dup3", "epoll_create", "epoll_create1",
        "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "fadvise64", "fallocate",
        "fcntl", "fdatasync", "flock", "fsync", "ftruncate", "inotify_add_watch", "inotify_init", "inotify_init1",
        "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit",
        "ioctl", "lseek", "pipe", "pipe2", "poll", "ppoll", "pread64", "preadv", "preadv2", "pselect6", "pwrite64",
        "pwritev", "pwritev2", "read", "readahead", "readv", "select", "sendfile", "signalfd", "signalfd4", "splice",
        "sync", "sync_file_range", "syncfs", "tee", "vmsplice", "write", "writev",
    ]

    private static let memory = [
        "brk", "futex", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "get_mempolicy",
        "get_robust_list", "madvise", "map_shadow_stack", "membarrier", "memfd_create", "mincore", "mlock", "mlock2",
        "mlockall", "mmap", "mprotect", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend",
        "mq_unlink", "mremap", "mseal", "msgctl", "msgget", "msgrcv", "msgsnd", "msync", "munlock", "munlockall",
        "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "remap_file_pages", "semctl", "semget", "semop",
        "semtimedop", "set_robust_list", "shmat", "shmctl", "shmdt", "shmget",
    ]

    private static let processes = [
        "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "getcpu", "getpgid",
        "getpgrp", "getpid", "getppid", "getpriority", "getrlimit", "getrusage", "getsid", "gettid", "ioprio_get",
        "ioprio_set", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "pidfd_open",
        "pidfd_send_signal", "prctl", "prlimit64", "rseq", "sched_get_priority_max", "sched_get_priority_min",
        "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
        "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
        "set_thread_area", "set_tid_address", "setpgid", "setpriority", "setrlimit", "setsid", "vfork", "wait4",
        "waitid",
    ]

    private static let signals = [
        "kill", "pause", "restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo",
        "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sigaltstack", "tgkill", "tkill",
    ]

    private static let time = [
        "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep",
        "setitimer", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
        "timerfd_create", "timerfd_gettime", "timerfd_settime", "times",
    ]

    private static let network = [
        "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom",
        "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socketpair",
    ]

    private static let identity = [
        "getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid", "getuid", "setfsgid", "setfsuid",
        "setgid", "setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid",
    ]

    private static let system = ["getrandom", "sysinfo", "uname"]

    /// Every CLONE_NEW* flag of clone(2).
    private static let namespaceFlags: UInt64 = 0x7e02_0000

    /// Calls that are allowed only with certain arguments. Several entries of one call are alternatives.
    static let conditional: [(name: String, conditions: [scmp_arg_cmp])] = [
        ("clone", [scmp_arg_cmp(arg: 0, op: SCMP_CMP_MASKED_EQ, datum_a: namespaceFlags, datum_b: 0)]),
        ("socket", [equal(0, UInt64(AF_UNIX))]),
        ("socket", [equal(0, UInt64(AF_INET))]),
        ("socket", [equal(0, UInt64(AF_INET6))]),
        // getifaddrs and name resolution ask for the addresses of the interfaces: NETLINK_ROUTE is 0.
        ("socket", [equal(0, UInt64(AF_NETLINK)), equal(2, 0)]),
        // The default execution domain, and the question which one it is.
        ("personality", [equal(0, 0)]),
        ("personality", [equal(0, 0xffff_ffff)]),
    ]

    private static func equal(_ argument: UInt32, _ value: UInt64) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: argument, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
    }
}
