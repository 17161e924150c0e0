/// Zygotes: processes that have loaded a runtime, hold no function's code, and fork a sandbox's command for each
/// request of the launcher. See docs/adr/0008.
#ifndef CLINUX_ZYGOTE_H
#define CLINUX_ZYGOTE_H

#include <stddef.h>
#include <stdint.h>

struct apus_start;

/// Where a zygote finds what it is started with.
enum apus_zygote_descriptors {
    /// A packet socket to the launcher.
    APUS_ZYGOTE_SOCKET = 3,
    /// The launcher's mount namespace and root directory, to make sandboxes from.
    APUS_ZYGOTE_NAMESPACE = 4,
    APUS_ZYGOTE_ROOT = 5,
    /// What the runtime itself opens has this number or a higher one.
    APUS_ZYGOTE_OWN = 16,
};

/// How a zygote ends that must not be, or cannot; it has said why. Another try would end alike.
enum apus_zygote_status {
    /// Somebody but root may write what it would run.
    APUS_ZYGOTE_DISTRUSTED = 77,
    /// Its runtime cannot be forked: it has threads, or no fork.
    APUS_ZYGOTE_UNABLE = 78,
};

/// Where the library is in the zygote's own root, whose /run is empty but for it.
#define APUS_ZYGOTE_LIBRARY "/run/apus-zygote.so"

struct apus_zygote {
    /// Its end of the packet socket.
    int socket;
    /// The launcher's mount namespace and root directory.
    int name_space;
    int own_root;
    /// As in `struct apus_start`.
    int cgroup_tasks[4];
    int cgroup_tasks_count;
    int cgroup_directory;
    /// A mount namespace whose root is the sandboxes' skeleton, which an earlier zygote of the same one had; or -1, and
    /// `root` is the skeleton's path in the launcher's, from which one is made. It is the first that comes over the
    /// socket then: a byte with a descriptor.
    int place;
    const char *root;
    char **arguments;
    char *fallback;
    char *const *environment;
    /// Whether sandboxes run as user 0 of the launcher's user namespace.
    int maps_root;
    /// The library's path in the launcher's mount namespace.
    const char *library;
    /// Paths inside the root, NULL-terminated, all below which must be root's alone to write; directories that are not
    /// are covered. NULL for none.
    char *const *trusted;
};

/// Starts a zygote in namespaces of its own: its root is the sandboxes' skeleton, its network has nothing in it, and of
/// the launcher's capabilities it keeps those that sandboxes are made with. Returns its pid and its pidfd
/// (close-on-exec, owned by the caller). The caller must be single-threaded.
int apus_zygote_start(const struct apus_zygote *zygote, int *pidfd);

/// Has the zygote behind `socket` start a sandbox, whose command goes on with what the zygote has loaded: neither a
/// parked one, nor one with extensions, an image or a shared directory. Waits for the answer, some seconds at most.
/// Returns as apus_sandbox_start; -EPIPE or -ETIMEDOUT when the zygote is of no use any more.
int apus_zygote_fork(int socket, const struct apus_start *start, int *pidfd);

/// In a zygote: leaves its root, says so to the launcher with a byte, and serves it until it is gone, then
/// ends. Returns 0 in the processes of commands, which `fork` makes. Ends at once where the process has threads.
/// Those processes have nothing of what the zygote has open: at the numbers which the runtime knows is /dev/null.
int apus_zygote_serve(int (*fork)(void));

#endif
