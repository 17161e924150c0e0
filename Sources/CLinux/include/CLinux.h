/// C for what Swift cannot say: system calls without a prototype that Swift imports, control messages (macros), and
/// everything that runs between clone3 and execve. <fts.h> is here because Swift imports it from nowhere else.
///
/// Convention: a result below zero is `-errno`. Nothing here keeps state, but for apus_random, or allocates.
#ifndef CLINUX_H
#define CLINUX_H

#include <fts.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "network.h"
#include "zygote.h"

/// Constants that need _GNU_SOURCE.
extern const int apus_o_path;
extern const uint64_t apus_clone_newns;
extern const uint64_t apus_clone_newuser;

// MARK: Descriptors and messages

/// openat2 with O_CLOEXEC added, below `directory` and through no symbolic or magic link. Returns a descriptor the
/// caller owns; -ELOOP for a link, -EXDEV for a path that leads out.
int apus_open_beneath(int directory, const char *path, int flags);

/// Sends one packet with `count` descriptors (at most 12) without waiting and without SIGPIPE. Returns the bytes sent.
long apus_send(int socket, const void *bytes, size_t size, const int *descriptors, int count);

/// Receives one packet and at most `*count` (up to 12) descriptors, close-on-exec, owned by the caller; `*count`
/// becomes their number. `flags` are MSG_*. Returns the packet's size, 0 at the end, -EMSGSIZE (everything dropped)
/// when it did not fit.
long apus_receive(int socket, void *bytes, size_t capacity, int *descriptors, int *count, int flags);

/// A close-on-exec pipe: its read end, which does not block, and its write end, which does.
int apus_pipe(int ends[2]);

/// A close-on-exec, non-blocking eventfd.
int apus_eventfd(void);

/// memfd_create with MFD_CLOEXEC and MFD_ALLOW_SEALING.
int apus_memfd(const char *name);
/// Seals a memfd against writing, growing, shrinking and further seals.
int apus_memfd_seal(int descriptor);
/// Whether a descriptor is a memfd with all of these seals: 1 or 0.
int apus_memfd_is_sealed(int descriptor);

// MARK: Processes

int apus_unshare(uint64_t flags);
int apus_setns(int descriptor, int type);
int apus_pidfd_open(int pid);
int apus_pidfd_kill(int pidfd, int signal);
/// Collects the child behind a pidfd without waiting. Returns 1 and the code (CLD_*) and status, 0 when it still runs.
int apus_pidfd_reap(int pidfd, int *code, int *status);
/// A child that has ended and has not been collected, which stays so; 0 for none.
int apus_ended_child(void);
/// Collects such a child.
void apus_reap(int pid);
int apus_set_parent_death_signal(int signal);
int apus_set_dumpable(int dumpable);
/// Overwrites memory in a way that the compiler keeps.
void apus_wipe(void *bytes, size_t size);

/// A word of the kernel's random generator, of which each thread fetches 32 at a time.
int apus_random(uint64_t *word);

/// Spawns `path` with `argv` and an empty environment, `socket` as descriptor 3, standard input from /dev/null,
/// standard output and error those of this process, default signals, nothing else open. Returns the pid.
int apus_spawn(const char *path, char *const *argv, int socket);

/// Spawns `path` with `argv` and `environment` in `directory`, in a process group of its own, standard input from
/// /dev/null, standard output and error at the given descriptors, default signals, nothing else open. Returns the pid.
int apus_spawn_tool(const char *path, char *const *argv, char *const *environment, const char *directory, int output,
                    int error);

/// Tries in a child what an ordinary user needs: a user namespace and a tmpfs mount inside. 0 when it works.
int apus_probe_user_namespace(void);
/// Tries in a child (which then ends) to install a filter that allows everything. 0 when it works.
int apus_probe_seccomp(void);

// MARK: Mounts

int apus_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *options);
int apus_umount(const char *target, int flags);
/// A detached copy of a mount (of the whole tree below when `recursive`): a descriptor the caller owns.
int apus_clone_mount(int directory, const char *path, int recursive);
/// Attaches a detached mount on what `target`, an O_PATH descriptor, stands for.
int apus_attach_mount(int mount, int target);
/// What apus_protect_mount makes of a mount, all of them read-only and nosuid.
enum apus_protection {
    APUS_PROTECT_MOUNT,   // nodev
    APUS_PROTECT_TREE,    // nodev, with all mounts below
    APUS_PROTECT_DEVICE,  // noexec; devices work
};
/// Protects the mount that a descriptor stands for (its root, when it is an O_PATH one).
int apus_protect_mount(int mount, enum apus_protection protection);
/// A detached, read-only (nosuid, nodev) overlay of directories, `layers` being their paths with colons between, the
/// top one first: a descriptor the caller owns.
int apus_overlay_mount(const char *layers);

/// Puts everything on disk that anybody wrote to the file system of an open file or directory.
int apus_sync_file_system(int descriptor);
/// A user namespace, as a descriptor the caller owns, that translates one user and one group: what a file system calls
/// `file_user` is `user` to processes, and back. The caller must be single-threaded and have the power to map them.
int apus_identity_map(unsigned file_user, unsigned user, unsigned file_group, unsigned group);
/// Makes a detached mount writable at most, nosuid and nodev; with `identity_map` (or -1) its files belong to whom that
/// says. -EINVAL where the file system cannot be translated.
int apus_share_mount(int mount, int identity_map);

// MARK: One sandbox

/// What the child needs to know. Everything points into memory of the launcher, of which the child has its own copy.
struct apus_start {
    /// Write end, close-on-exec: one `struct apus_failure`, or the end of file when the command was executed.
    int error_pipe;
    /// Write end: the command's wait status as one int.
    int status_pipe;
    /// The command's standard output and standard error.
    int output;
    /// The paths of programs to run beside the command (extensions), NULL-terminated; NULL for none. With them the
    /// command waits for an `APUS_RUN`.
    char *const *extensions;
    /// The extensions' environment.
    char *const *extension_environment;
    /// The extensions' standard output and standard error.
    int extension_output;
    /// A stream socket: orders (`enum apus_order`, a byte each) in, `struct apus_process_report` out. Its end is the
    /// sandbox's.
    int control;
    /// A detached mount of the code: shown at /var/task or, of an image, as the root. -1: apus_furnish brings it.
    int code_tree;
    /// A detached mount of the layers, shown at /opt, or -1.
    int layer_tree;
    /// A detached mount, or -1, to be shown at `file_system_place`, a path below mnt/ that is relative to the root.
    int file_system;
    const char *file_system_place;
    /// A network namespace to enter.
    int network;
    /// Files (`tasks` of v1 groups) to join by, and how many.
    int cgroup_tasks[4];
    int cgroup_tasks_count;
    /// A v2 group to be born in, or -1.
    int cgroup_directory;
    /// The root's skeleton in the launcher's own mount namespace; of an image, an empty directory to attach it at.
    const char *root;
    /// What an image gets as /dev; NULL without an image.
    const char *devices;
    /// An empty directory, from `root`.
    const char *empty;
    /// tmpfs options of /tmp and /dev/shm.
    const char *temporary_options;
    const char *shared_memory_options;
    const char *hostname;
    /// The host's user and group to become before entering the sandbox's own user namespace; not done when 0.
    unsigned host_user;
    /// Lines for uid_map and gid_map.
    const char *user_map;
    const char *group_map;
    const char *directory;
    /// In an image, a command without a slash is looked for in the environment's PATH.
    char **arguments;
    /// Takes the place of arguments[0] where nothing is there; may be null.
    char *fallback;
    char *const *environment;
    /// Memory with secrets (the environment), wiped in the sandbox's init once the command has its own copy.
    void *secrets;
    size_t secrets_size;
    unsigned long descriptors;
    unsigned long processes;
    /// A seccomp program: `filter_count` struct sock_filter.
    const void *filter;
    unsigned short filter_count;
    /// Of a sandbox that is made before it is known what for: a stream socket, whose other end, the launcher's, says so
    /// later; otherwise -1. First one byte comes from it with the sandbox's mount namespace. What the other end says
    /// then comes to the command, at APUS_BINDING, after its directory has become what `directory` names by then.
    int binding;
    /// Whether even the command comes over `binding`, to the init, which says over the error pipe that it waits for it
    /// (APUS_PARKED): a `struct apus_command` and what it announces. `directory` and the lists below it are not looked
    /// at then.
    int parked;
    /// Of a sandbox that a zygote forks: makes the command's process, as fork does. That process takes `name` and goes
    /// on where apus_sandbox_start was called, which returns 0 there; nothing is executed. Otherwise null.
    int (*fork)(void);
    const char *name;
    /// With `fork`: which descriptors from APUS_ZYGOTE_OWN on the runtime believes to have, APUS_OWN_DESCRIPTORS bytes.
    const unsigned char *own;
};

/// A runtime that keeps more than this many descriptors open, before it has a function, is not forked right.
enum { APUS_OWN_DESCRIPTORS = 64 };

/// Where a command that was started ahead hears what it is to run: a pipe.
enum apus_descriptors { APUS_BINDING = 7 };

/// The head of a command for a parked init. After it `size` bytes: strings that each end with a zero, which are the
/// working directory, the fallback or an empty string, the arguments and the variables.
struct apus_command {
    uint32_t size;
    uint32_t arguments;
    uint32_t variables;
};

/// What a sandbox that was made ahead still lacks.
struct apus_furnishing {
    /// The sandbox's mount namespace, the caller's own, and the caller's root directory.
    int sandbox;
    int own;
    int own_root;
    /// As in `struct apus_start`.
    int code_tree;
    int layer_tree;
    /// What changes of /tmp, or null.
    const char *temporary_options;
    /// Whether the sandbox has a command already, for which something covers /opt.
    int is_booted;
};

/// Mounts code and layers in a sandbox none of whose processes runs a function's code yet. The caller must be
/// single-threaded. Returns 0 or -errno, with the step that failed; -ENOTRECOVERABLE when the caller did not get back
/// into its own namespace, where it must end.
int apus_furnish(const struct apus_furnishing *furnishing, int *step);

/// Stands for a step in a `struct apus_failure` that is none.
enum apus_news { APUS_PARKED = -1 };

/// What the child writes to the error pipe.
struct apus_failure {
    int32_t step;
    int32_t error;
};

/// What the server may order when a sandbox has extensions.
enum apus_order {
    /// Execute the command.
    APUS_RUN = 1,
    /// SIGTERM to the command.
    APUS_TERMINATE = 2,
    /// SIGKILL to the command and its process group.
    APUS_KILL = 3,
};

/// What the server hears of the processes when a sandbox has extensions.
struct apus_process_report {
    /// 0 when the process has ended, otherwise the step that failed before it could be executed (apus_step_name).
    int32_t step;
    /// 0 for the command, 1 for the first extension.
    int32_t process;
    /// The wait status, or the error's number.
    int32_t value;
};

/// A sandbox has no more extensions than this.
enum apus_extensions { APUS_EXTENSIONS_MAXIMUM = 10 };

/// Starts a sandbox's init in namespaces of its own; the init prepares everything and executes the command as its
/// child. Returns the init's pid and its pidfd (close-on-exec, owned by the caller). The caller must be
/// single-threaded.
int apus_sandbox_start(const struct apus_start *start, int *pidfd);

/// The name of a step in `struct apus_failure`.
const char *apus_step_name(int step);

#endif
