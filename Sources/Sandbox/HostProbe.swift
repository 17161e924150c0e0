import CLinux

/// Tries things out on this host, each in a child process that then ends.
package enum HostProbe {
    /// 0 when an ordinary user can make a user namespace with power over its own mounts, else the errno.
    package static func userNamespace() -> Int32 { -apus_probe_user_namespace() }

    /// 0 when a seccomp filter can be installed, else the errno.
    package static func seccomp() -> Int32 { -apus_probe_seccomp() }
}
