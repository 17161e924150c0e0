#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// Declared here: <sys/mount.h> and <linux/mount.h> of glibc 2.36 cannot both be included.
extern int mount(const char *, const char *, const char *, unsigned long, const void *);
extern int umount2(const char *, int);

#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

#define MAXIMUM_DESCRIPTORS 12

const int apus_o_path = O_PATH;
const uint64_t apus_clone_newns = CLONE_NEWNS;
const uint64_t apus_clone_newuser = CLONE_NEWUSER;

static int result(long value) { return value < 0 ? -errno : (int)value; }

int apus_open_beneath(int directory, const char *path, int flags) {
    struct open_how how = {
        .flags = (uint64_t)flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return result(syscall(SYS_openat2, directory, path, &how, sizeof how));
}

long apus_send(int socket, const void *bytes, size_t size, const int *descriptors, int count) {
    if (count < 0 || count > MAXIMUM_DESCRIPTORS) return -EINVAL;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * MAXIMUM_DESCRIPTORS)];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

long apus_receive(int socket, void *bytes, size_t capacity, int *descriptors, int *count, int flags) {
    int wanted = *count;
    *count = 0;
    if (wanted < 0 || wanted > MAXIMUM_DESCRIPTORS) return -EINVAL;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * MAXIMUM_DESCRIPTORS)];
    } control;
    struct iovec vector = {.iov_base = bytes, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t received;
    do received = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;
    int found = 0, refused = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int present = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int index = 0; index < present; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + sizeof(int) * (size_t)index, sizeof descriptor);
            if (found < wanted)
                descriptors[found++] = descriptor;
            else {
                close(descriptor);
                refused = 1;
            }
        }
    }
    if (refused) {
        while (found > 0) close(descriptors[--found]);
        return -EMSGSIZE;
    }
    *count = found;
    return received;
}

int apus_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

int apus_eventfd(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int apus_memfd(const char *name) { return result(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)); }

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int apus_memfd_seal(int descriptor) { return result(fcntl(descriptor, F_ADD_SEALS, ALL_SEALS)); }

int apus_memfd_is_sealed(int descriptor) {
    int seals = fcntl(descriptor, F_GET_SEALS);
    return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS;
}

int apus_unshare(uint64_t flags) { return result(unshare((int)flags)); }
int apus_setns(int descriptor, int type) { return result(setns(descriptor, type)); }
int apus_pidfd_open(int pid) { return result(syscall(SYS_pidfd_open, pid, 0)); }
int apus_pidfd_kill(int pidfd, int signal) { return result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0)); }

int apus_pidfd_reap(int pidfd, int *code, int *status) {
    siginfo_t info = {0};
    int outcome;
    do outcome = waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | WNOHANG);
    while (outcome < 0 && errno == EINTR);
    if (outcome < 0) return -errno;
    if (info.si_pid == 0) return 0;
    *code = info.si_code;
    *status = info.si_status;
    return 1;
}

int apus_ended_child(void) {
    siginfo_t info = {0};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? 0 : info.si_pid;
}

void apus_reap(int pid) { waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOHANG); }

int apus_set_parent_death_signal(int signal) { return result(prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)); }
int apus_set_dumpable(int dumpable) { return result(prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0)); }
void apus_wipe(void *bytes, size_t size) { explicit_bzero(bytes, size); }

int apus_spawn(const char *path, char *const *argv, int socket) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return -error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    sigset_t every, none;
    sigfillset(&every);
    sigemptyset(&none);
    pid_t pid = -1;
    char *const environment[] = {NULL};
    // A session of its own: Ctrl-C in a terminal reaches the server, which then ends the launcher in order.
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID;
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, socket, 3);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 4);
    if (!error) error = posix_spawnattr_setsigdefault(&attributes, &every);
    if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error) error = posix_spawnattr_setflags(&attributes, flags);
    if (!error) error = posix_spawn(&pid, path, &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error ? -error : pid;
}

int apus_spawn_tool(const char *path, char *const *argv, char *const *environment, const char *directory, int output,
                    int errors) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return -error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    sigset_t every, none;
    sigfillset(&every);
    sigemptyset(&none);
    pid_t pid = -1;
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP;
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, errors, 2);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (!error) error = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (!error) error = posix_spawnattr_setsigdefault(&attributes, &every);
    if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error) error = posix_spawnattr_setpgroup(&attributes, 0);
    if (!error) error = posix_spawnattr_setflags(&attributes, flags);
    if (!error) error = posix_spawn(&pid, path, &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error ? -error : pid;
}

/// Forks, runs `attempt` in the child and returns what it returned.
static int probe(int (*attempt)(void)) {
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid < 0) return -errno;
    if (pid == 0) _exit(-attempt() & 0xff);
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -errno;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int write_once(const char *path, const char *text, size_t size) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    int outcome = write(file, text, size) == (ssize_t)size ? 0 : -errno;
    close(file);
    return outcome;
}

/// Decimal digits of `value` at `text`; returns how many.
static size_t decimal(unsigned value, char *text) {
    char digits[12];
    size_t count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    for (size_t index = 0; index < count; index++) text[index] = digits[count - 1 - index];
    return count;
}

static int attempt_user_namespace(void) {
    char map[32] = "0 ";
    size_t size = 2 + decimal(geteuid(), map + 2);
    memcpy(map + size, " 1", 2);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return -errno;
    int outcome = write_once("/proc/self/uid_map", map, size + 2);
    if (outcome < 0) return outcome;
    // On a host with AppArmor's restriction the namespace is made but has no power: a mount shows it.
    if (mount("none", "/", NULL, 1UL << 14 | 1UL << 18 /* MS_REC | MS_PRIVATE */, NULL) < 0) return -errno;
    if (mount("tmpfs", "/proc", "tmpfs", 0, NULL) < 0) return -errno;
    return 0;
}

int apus_probe_user_namespace(void) { return probe(attempt_user_namespace); }

static int attempt_seccomp(void) {
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = 1, .filter = &allow};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
    return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

int apus_probe_seccomp(void) { return probe(attempt_seccomp); }

int apus_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *options) {
    return result(mount(source, target, type, flags, options));
}

int apus_umount(const char *target, int flags) { return result(umount2(target, flags)); }

int apus_clone_mount(int directory, const char *path, int recursive) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
    if (*path == 0) flags |= AT_EMPTY_PATH;
    return result(syscall(SYS_open_tree, directory, path, flags));
}

int apus_attach_mount(int mount, int target) {
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    return result(syscall(SYS_move_mount, mount, "", target, "", flags));
}

int apus_sync_file_system(int descriptor) { return result(syncfs(descriptor)); }

int apus_overlay_mount(const char *layers) {
    int context = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
    if (context < 0) return -errno;
    int outcome = 0;
    if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "lowerdir", layers, 0) < 0 ||
        syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        outcome = -errno;
    if (outcome == 0) {
        unsigned attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
        outcome = result(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
    }
    close(context);
    return outcome;
}

int apus_protect_mount(int mount, enum apus_protection protection) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};
    attributes.attr_set |= protection == APUS_PROTECT_DEVICE ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_NODEV;
    unsigned flags = AT_EMPTY_PATH | (protection == APUS_PROTECT_TREE ? AT_RECURSIVE : 0);
    return result(syscall(SYS_mount_setattr, mount, "", flags, &attributes, sizeof attributes));
}
