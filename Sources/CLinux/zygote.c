// Zygotes: how one is started, what the launcher asks of it, and how it serves. Between start and service it is the
// runtime itself, with a library of ours before all others (Sources/CZygote), which calls apus_zygote_serve.
#define _GNU_SOURCE
#include "CLinux.h"
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern int setns(int, int);

// MARK: Starting one

/// Ends a zygote that cannot be, and says why to the operator.
static _Noreturn void give_up(const char *what, const char *subject, int status) {
    const char *const parts[] = {"apus-launcher: no zygote: ", what, ": ", subject, "\n"};
    char line[512];
    size_t size = 0;
    for (size_t index = 0; index < sizeof parts / sizeof *parts; index++)
        for (const char *next = parts[index]; *next && size < sizeof line; next++) line[size++] = *next;
    ssize_t ignored = write(2, line, size);
    (void)ignored;
    _exit(status);
}

#define MUST(what, expression)                                             \
    do {                                                                   \
        if ((expression) < 0) give_up(what, strerrorname_np(errno), 127); \
    } while (0)

/// Whether nobody but root may write it.
static int is_roots(const struct stat *status) {
    return status->st_uid == 0 &&
           (S_ISLNK(status->st_mode) || (status->st_mode & (status->st_gid == 0 ? 002 : 022)) == 0);
}

/// Makes the skeleton the root of this process's mount namespace, with the library in its /run.
static void make_place(const struct apus_zygote *zygote) {
    const unsigned long flags = MS_NOSUID | MS_NODEV;
    MUST("chdir root", chdir(zygote->root));
    MUST("mount /run", mount("tmpfs", "run", "tmpfs", flags, "size=4k,nr_inodes=4,mode=0755"));
    int file = open(&APUS_ZYGOTE_LIBRARY[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
    MUST("make library", file);
    close(file);
    MUST("mount library", mount(zygote->library, &APUS_ZYGOTE_LIBRARY[1], NULL, MS_BIND, NULL));
    MUST("protect library",
         mount(NULL, &APUS_ZYGOTE_LIBRARY[1], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, NULL));
    MUST("protect /run", mount(NULL, "run", NULL, flags | MS_REMOUNT | MS_RDONLY, NULL));
    int place = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    char byte = 0;
    MUST("send", place < 0 ? -1 : apus_send(zygote->socket, &byte, 1, &place, 1));
    close(place);
    MUST("pivot_root", syscall(SYS_pivot_root, ".", "."));
    MUST("umount old root", umount2(".", MNT_DETACH));
    MUST("chdir", chdir("/"));
    // Whole directories of others (what the server compiles) are not there for a zygote.
    for (char *const *path = zygote->trusted; path && *path; path++) {
        struct stat status;
        if (lstat(*path, &status) == 0 && S_ISDIR(status.st_mode) && !is_roots(&status))
            MUST("cover", mount("/mnt", *path, NULL, MS_BIND, NULL));
    }
}

/// What a zygote runs has the launcher's power: it must not be anybody else's to write. (The child of a process with
/// one thread may allocate, which fts does.)
static void check_trust(char *const *paths) {
    // A process of its own: there may be many files, for which nobody waits, and not everybody who has become nice may
    // become otherwise again.
    long walker = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    MUST("fork", walker);
    if (walker > 0) {
        int status;
        pid_t ended;
        do ended = waitpid((pid_t)walker, &status, 0);
        while (ended < 0 && errno == EINTR);
        if (ended < 0 || !WIFEXITED(status)) _exit(127);
        if (WEXITSTATUS(status) != 0) _exit(WEXITSTATUS(status));
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    setpriority(PRIO_PROCESS, 0, 19);
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL) give_up("read", paths[0], 127);
    for (FTSENT *entry; (entry = fts_read(walk)) != NULL;) {
        if (entry->fts_info == FTS_DP) continue;
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
            // What is not there is run by nobody.
            if (entry->fts_errno == ENOENT) continue;
            give_up("read", entry->fts_path, APUS_ZYGOTE_DISTRUSTED);
        }
        if (!is_roots(entry->fts_statp))
            give_up("others than root may write", entry->fts_path, APUS_ZYGOTE_DISTRUSTED);
    }
    _exit(0);
}

/// What `initialize` of a sandbox needs, and the way to the skeleton, which may lie in somebody's directory.
static const uint64_t needed = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SYS_CHROOT | 1ULL << CAP_SETUID |
                               1ULL << CAP_SETGID | 1ULL << CAP_SETPCAP | 1ULL << CAP_DAC_READ_SEARCH;

static void drop_capabilities(const struct apus_zygote *zygote) {
    // Linux 5.12: user 0 is mapped only for makers of user namespaces who had it.
    const uint64_t kept = needed | (zygote->maps_root ? 1ULL << CAP_SETFCAP : 0);
    for (int capability = 0; capability < 64; capability++) {
        if (kept >> capability & 1) continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
            if (errno == EINVAL) break;
            give_up("drop capabilities", strerrorname_np(errno), 127);
        }
    }
    MUST("clear capabilities", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    MUST("set capabilities", apus_set_capabilities(kept));
}

static void arrange(const struct apus_zygote *zygote) {
    // First out of the way of the fixed numbers, then to them, where they survive execve.
    int socket = fcntl(zygote->socket, F_DUPFD_CLOEXEC, 16);
    int name_space = fcntl(zygote->name_space, F_DUPFD_CLOEXEC, 16);
    int root = fcntl(zygote->own_root, F_DUPFD_CLOEXEC, 16);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    MUST("open", socket < 0 || name_space < 0 || root < 0 ? -1 : null);
    MUST("dup", dup2(null, 0));
    MUST("dup", dup2(null, 1));
    MUST("dup", dup2(socket, APUS_ZYGOTE_SOCKET));
    MUST("dup", dup2(name_space, APUS_ZYGOTE_NAMESPACE));
    MUST("dup", dup2(root, APUS_ZYGOTE_ROOT));
    MUST("close_range", syscall(SYS_close_range, APUS_ZYGOTE_ROOT + 1U, ~0U, 0));
}

static _Noreturn void become_zygote(const struct apus_zygote *zygote) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (int index = 0; index < zygote->cgroup_tasks_count; index++)
        MUST("join cgroup", write(zygote->cgroup_tasks[index], "0", 1));
    umask(022);
    if (zygote->place < 0) make_place(zygote);
    else MUST("setns mount", setns(zygote->place, CLONE_NEWNS));
    if (zygote->trusted) check_trust(zygote->trusted);
    MUST("setsid", syscall(SYS_setsid));
    arrange(zygote);
    const struct rlimit none = {0};
    MUST("setrlimit", syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL));
    drop_capabilities(zygote);
    struct apus_start command = {
        .arguments = zygote->arguments, .fallback = zygote->fallback, .environment = zygote->environment};
    apus_choose_command(&command);
    execve(command.arguments[0], command.arguments, command.environment);
    give_up("execve", strerrorname_np(errno), 127);
}

int apus_zygote_start(const struct apus_zygote *zygote, int *pidfd) {
    struct clone_args arguments = {
        .flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
    };
    if (zygote->cgroup_directory >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)zygote->cgroup_directory;
    }
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) return -errno;
    if (pid == 0) become_zygote(zygote);
    return (int)pid;
}

// MARK: Asking one

/// The members of `struct apus_start` that go over the socket, in their order there.
enum { TEXTS = 8, DESCRIPTORS = 12, TASKS = 8 };

static const char **text(struct apus_start *start, int index) {
    const char **const texts[TEXTS] = {
        &start->root,     &start->empty,    &start->temporary_options, &start->shared_memory_options,
        &start->hostname, &start->user_map, &start->group_map,         &start->directory,
    };
    return texts[index];
}

static int *descriptor(struct apus_start *start, int index) {
    int *const descriptors[TASKS] = {
        &start->error_pipe, &start->status_pipe, &start->output,     &start->binding,
        &start->network,    &start->code_tree,   &start->layer_tree, &start->cgroup_directory,
    };
    return index < TASKS ? descriptors[index] : &start->cgroup_tasks[index - TASKS];
}

/// The head of a request. After it the seccomp program, and the texts, each ended by a zero.
struct request {
    /// Whether there is one, for each descriptor; those that are come with the packet, in this order.
    unsigned char present[DESCRIPTORS];
    int32_t cgroup_tasks_count;
    uint32_t host_user;
    uint64_t descriptors;
    uint64_t processes;
    uint32_t filter_count;
};

struct answer {
    /// The pid, with which a pidfd comes, or -errno.
    int32_t result;
};

enum { CAPACITY = 128 << 10, PATIENCE_MILLISECONDS = 5000 };

/// The packet's size, or -1 when it has no room.
static long encode(const struct apus_start *start, char *packet, int *descriptors, int *count) {
    struct apus_start copy = *start;
    struct request request = {
        .cgroup_tasks_count = start->cgroup_tasks_count, .host_user = start->host_user,
        .descriptors = start->descriptors, .processes = start->processes, .filter_count = start->filter_count,
    };
    *count = 0;
    for (int index = 0; index < DESCRIPTORS; index++) {
        int number = *descriptor(&copy, index);
        if (index >= TASKS + start->cgroup_tasks_count) number = -1;
        request.present[index] = number >= 0;
        if (number >= 0) descriptors[(*count)++] = number;
    }
    size_t size = sizeof request, filter = start->filter_count * sizeof(struct sock_filter);
    memcpy(packet, &request, size);
    if (size + filter > CAPACITY) return -1;
    memcpy(packet + size, start->filter, filter);
    size += filter;
    for (int index = 0; index < TEXTS; index++) {
        size_t length = strlen(*text(&copy, index)) + 1;
        if (size + length > CAPACITY) return -1;
        memcpy(packet + size, *text(&copy, index), length);
        size += length;
    }
    return (long)size;
}

int apus_zygote_fork(int socket, const struct apus_start *start, int *pidfd) {
    static char packet[CAPACITY];
    int descriptors[DESCRIPTORS], count;
    long size = encode(start, packet, descriptors, &count);
    if (size < 0) return -EMSGSIZE;
    long sent = apus_send(socket, packet, (size_t)size, descriptors, count);
    if (sent < 0) return sent == -EAGAIN ? -ETIMEDOUT : -EPIPE;
    struct pollfd waiting = {.fd = socket, .events = POLLIN};
    int ready;
    do ready = poll(&waiting, 1, PATIENCE_MILLISECONDS);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) return -ETIMEDOUT;
    struct answer answer;
    count = 1;
    if (apus_receive(socket, &answer, sizeof answer, pidfd, &count, MSG_DONTWAIT) != sizeof answer) return -EPIPE;
    if (answer.result > 0 && count != 1) return -EPIPE;
    return answer.result;
}

// MARK: Serving

/// Fills `start` from a packet that `encode` made. Returns -1 for anything else.
static int decode(struct apus_start *start, char *packet, size_t size, const int *descriptors, int count) {
    struct request request;
    if (size <= sizeof request || packet[size - 1] != 0) return -1;
    memcpy(&request, packet, sizeof request);
    for (int index = 0, used = 0; index < DESCRIPTORS; index++) {
        if (request.present[index] && used == count) return -1;
        *descriptor(start, index) = request.present[index] ? descriptors[used++] : -1;
    }
    start->cgroup_tasks_count = request.cgroup_tasks_count;
    start->host_user = request.host_user;
    start->descriptors = request.descriptors;
    start->processes = request.processes;
    start->filter = packet + sizeof request;
    start->filter_count = (unsigned short)request.filter_count;
    size_t offset = sizeof request + request.filter_count * sizeof(struct sock_filter);
    for (int index = 0; index < TEXTS; index++) {
        if (offset >= size) return -1;
        *text(start, index) = packet + offset;
        offset += strlen(packet + offset) + 1;
    }
    return 0;
}

int apus_zygote_serve(int (*fork)(void)) {
    static char packet[CAPACITY];
    static char name[16];
    static unsigned char own[APUS_OWN_DESCRIPTORS];
    // This fails when there are threads, whose locks a fork would keep closed for ever.
    if (setns(APUS_ZYGOTE_NAMESPACE, CLONE_NEWNS) < 0) {
        if (errno == EINVAL) give_up("fork", "the runtime has threads", APUS_ZYGOTE_UNABLE);
        give_up("leave its root", strerrorname_np(errno), 127);
    }
    MUST("leave its root", fchdir(APUS_ZYGOTE_ROOT));
    MUST("leave its root", chroot("."));
    // Nothing that a request brings comes to lie at the numbers at which a sandbox's init wants its own.
    MUST("dup", dup3(0, APUS_ZYGOTE_NAMESPACE, O_CLOEXEC));
    MUST("dup", dup3(0, APUS_ZYGOTE_ROOT, O_CLOEXEC));
    for (int index = 0; index < APUS_OWN_DESCRIPTORS; index++)
        own[index] = fcntl(APUS_ZYGOTE_OWN + index, F_GETFD) >= 0;
    prctl(PR_GET_NAME, name, 0, 0, 0);
    prctl(PR_SET_NAME, "apus-zygote", 0, 0, 0);
    char byte = 0;
    if (apus_send(APUS_ZYGOTE_SOCKET, &byte, 1, NULL, 0) != 1) _exit(1);
    for (;;) {
        int descriptors[DESCRIPTORS], count = DESCRIPTORS;
        long size = apus_receive(APUS_ZYGOTE_SOCKET, packet, sizeof packet, descriptors, &count, 0);
        if (size <= 0) _exit(0);
        struct apus_start start = {.file_system = -1, .fork = fork, .name = name, .own = own};
        struct answer answer = {.result = -EINVAL};
        int pidfd = -1;
        if (decode(&start, packet, (size_t)size, descriptors, count) == 0) {
            answer.result = apus_sandbox_start(&start, &pidfd);
            if (answer.result == 0) return 0;
        }
        for (int index = 0; index < count; index++) close(descriptors[index]);
        long sent = apus_send(APUS_ZYGOTE_SOCKET, &answer, sizeof answer, &pidfd, pidfd >= 0);
        if (pidfd >= 0) close(pidfd);
        if (sent < 0) _exit(0);
    }
}
