// From clone3 to execve. The child owns a copy of the launcher's memory and runs only system calls: no allocation, no
// locks, no buffered output, `_exit` always. The order of the steps is the security design; each says why it stands
// there.
#define _GNU_SOURCE
#include "CLinux.h"
#include "handover.h"
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern int setns(int, int);
extern int unshare(int);

static int write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t size = (ssize_t)strlen(text);
    int outcome = write(file, text, (size_t)size) == size ? 0 : -1;
    int error = errno;
    close(file);
    errno = error;
    return outcome;
}

/// Covers /mnt, which has hidden parts of /proc by now, with room for one mount point.
static void show_file_system(const struct apus_start *start, int error_pipe) {
    if (start->file_system < 0) return;
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    TRY(STEP_FILE_SYSTEM, mount("tmpfs", "mnt", "tmpfs", flags, "size=4k,nr_inodes=4,mode=0755"));
    TRY(STEP_FILE_SYSTEM, mkdir(start->file_system_place, 0755));
    TRY(STEP_FILE_SYSTEM, syscall(SYS_move_mount, start->file_system, "", AT_FDCWD, start->file_system_place,
                                  4 /* F_EMPTY_PATH */));
    TRY(STEP_FILE_SYSTEM, mount(NULL, "mnt", NULL, flags | MS_REMOUNT | MS_RDONLY, NULL));
}

static int is_furnished_later(const struct apus_start *start) { return start->binding >= 0 && start->code_tree < 0; }

/// Groups, network and the root: what needs power over the launcher's namespaces.
static void enter(const struct apus_start *start, int error_pipe) {
    // First the groups, so that everything below is already accounted for; the cgroup namespace after them, so that its
    // root is the sandbox's own group.
    for (int index = 0; index < start->cgroup_tasks_count; index++)
        TRY(STEP_CGROUP, write(start->cgroup_tasks[index], "0", 1));
    TRY(STEP_CGROUP_NAMESPACE, unshare(CLONE_NEWCGROUP));
    TRY(STEP_NETWORK, setns(start->network, CLONE_NEWNET));

    // The mount namespace is a private copy of the launcher's, so the skeleton is already here; what differs between
    // sandboxes goes on top of its empty directories. An image is a root by itself, with the skeleton's devices.
    if (start->devices)
        TRY(STEP_IMAGE, syscall(SYS_move_mount, start->code_tree, "", AT_FDCWD, start->root, 4 /* F_EMPTY_PATH */));
    TRY(STEP_ROOT, chdir(start->root));
    if (start->devices) TRY(STEP_DEVICES, mount(start->devices, "dev", NULL, MS_BIND | MS_REC, NULL));
    TRY(STEP_TMP, mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, start->temporary_options));
    TRY(STEP_SHM, mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, start->shared_memory_options));
    if (!start->devices && start->code_tree >= 0)
        TRY(STEP_CODE, syscall(SYS_move_mount, start->code_tree, "", AT_FDCWD, "var/task", 4 /* F_EMPTY_PATH */));
    // The dynamic linker asks once whether a directory of its search path is there: until apus_furnish, the skeleton's
    // own directory stands for both. Without a command there is no linker yet.
    if (is_furnished_later(start) && !start->parked) TRY(STEP_LAYERS, mount("var/task", "opt", NULL, MS_BIND, NULL));
    if (start->layer_tree >= 0)
        TRY(STEP_LAYERS, syscall(SYS_move_mount, start->layer_tree, "", AT_FDCWD, "opt", 4 /* F_EMPTY_PATH */));

    // Before the old root goes: in a user namespace the kernel allows a new procfs only while a whole one is in view.
    TRY(STEP_PROC, mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
    static const char *const files[] = {
        "proc/kcore",      "proc/keys",          "proc/key-users",   "proc/sysrq-trigger", "proc/timer_list",
        "proc/timer_stats", "proc/sched_debug",  "proc/latency_stats", "proc/kmsg",        "proc/kallsyms",
        "proc/kpagecount", "proc/kpageflags",    "proc/kpagecgroup", "proc/slabinfo",      "proc/vmallocinfo",
        "proc/config.gz",
    };
    for (size_t index = 0; index < sizeof files / sizeof *files; index++)
        if (mount("dev/null", files[index], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
            apus_fail(error_pipe, STEP_MASK, errno);
    static const char *const directories[] = {
        "proc/acpi", "proc/asound", "proc/bus", "proc/driver", "proc/fs", "proc/irq", "proc/scsi", "proc/sysvipc",
    };
    for (size_t index = 0; index < sizeof directories / sizeof *directories; index++)
        if (mount(start->empty, directories[index], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
            apus_fail(error_pipe, STEP_MASK, errno);
    TRY(STEP_PROC_SYS, mount("proc/sys", "proc/sys", NULL, MS_BIND | MS_REC, NULL));
    TRY(STEP_PROC_SYS, mount(NULL, "proc/sys", NULL,
                             MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));

    show_file_system(start, error_pipe);

    TRY(STEP_PIVOT, syscall(SYS_pivot_root, ".", "."));
    TRY(STEP_DETACH, umount2(".", MNT_DETACH));
    TRY(STEP_ROOT, chdir("/"));
    TRY(STEP_HOSTNAME, sethostname(start->hostname, strlen(start->hostname)));
}

int apus_set_capabilities(uint64_t permitted) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)permitted, .permitted = (uint32_t)permitted},
        {.effective = (uint32_t)(permitted >> 32), .permitted = (uint32_t)(permitted >> 32)},
    };
    return (int)syscall(SYS_capset, &header, data);
}

/// From root of the launcher's namespaces to a user without any power over them.
static void drop(const struct apus_start *start, int error_pipe) {
    if (start->host_user != 0) {
        // CAP_SYS_ADMIN survives the change of user for one purpose: hosts that forbid unprivileged user namespaces
        // (AppArmor, kernel.unprivileged_userns_clone) still allow this one.
        TRY(STEP_USER, prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
        TRY(STEP_USER, syscall(SYS_setgroups, 0, NULL));
        TRY(STEP_USER, syscall(SYS_setresgid, start->host_user, start->host_user, start->host_user));
        TRY(STEP_USER, syscall(SYS_setresuid, start->host_user, start->host_user, start->host_user));
        TRY(STEP_USER, apus_set_capabilities(1ULL << CAP_SYS_ADMIN));
    }
    // Every namespace above belongs to the launcher's user namespace: capabilities in this one mean nothing there.
    TRY(STEP_USER_NAMESPACE, unshare(CLONE_NEWUSER));
    // A process that changed its user is not dumpable and its /proc/self files are root's.
    TRY(STEP_USER_MAP, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    TRY(STEP_USER_MAP, write_file("/proc/self/setgroups", "deny"));
    TRY(STEP_USER_MAP, write_file("/proc/self/uid_map", start->user_map));
    TRY(STEP_USER_MAP, write_file("/proc/self/gid_map", start->group_map));
    // Not dumpable: the command, which is the same user, can neither trace the init nor read its memory.
    TRY(STEP_USER_MAP, prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));

    // The bounding set before the capabilities that are needed to empty it.
    for (int capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
            if (errno == EINVAL) break;
            apus_fail(error_pipe, STEP_CAPABILITIES, errno);
        }
    TRY(STEP_CAPABILITIES, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    TRY(STEP_CAPABILITIES, apus_set_capabilities(0));
    TRY(STEP_PRIVILEGES, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));

    // After the changes of credentials, which clear it. A launcher that died before this line is noticed by its end of
    // the error pipe.
    TRY(STEP_DEATH_SIGNAL, prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
    struct pollfd launcher = {.fd = error_pipe};
    if (poll(&launcher, 1, 0) > 0 && (launcher.revents & POLLERR)) _exit(127);
}

/// Leaves /dev/null, the output, the error pipe, the status pipe and what extensions or a binding need open, at fixed
/// numbers.
static int arrange_descriptors(const struct apus_start *start) {
    // First out of the way of the fixed numbers, then to them.
    int output = fcntl(start->output, F_DUPFD_CLOEXEC, 16);
    int error_pipe = fcntl(start->error_pipe, F_DUPFD_CLOEXEC, 16);
    int status_pipe = fcntl(start->status_pipe, F_DUPFD_CLOEXEC, 16);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (output < 0 || error_pipe < 0 || status_pipe < 0 || null < 0) return -1;
    if (dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) return -1;
    if (dup3(error_pipe, ERROR_PIPE, O_CLOEXEC) < 0 || dup3(status_pipe, STATUS_PIPE, O_CLOEXEC) < 0) return -1;
    if (start->binding >= 0) {
        int binding = fcntl(start->binding, F_DUPFD_CLOEXEC, 16);
        if (binding < 0 || dup3(binding, BINDING, O_CLOEXEC) < 0) return -1;
        if (syscall(SYS_close_range, BINDING + 1U, ~0U, 0) < 0) return -1;
        return (int)syscall(SYS_close_range, 5U, BINDING - 1U, 0);
    }
    if (start->extensions == NULL) return (int)syscall(SYS_close_range, 5U, ~0U, 0);
    int control = fcntl(start->control, F_DUPFD_CLOEXEC, 16);
    int extension_output = fcntl(start->extension_output, F_DUPFD_CLOEXEC, 16);
    if (control < 0 || extension_output < 0) return -1;
    if (dup3(control, CONTROL, O_CLOEXEC) < 0 || dup3(extension_output, EXTENSION_OUTPUT, O_CLOEXEC) < 0) return -1;
    return (int)syscall(SYS_close_range, 7U, ~0U, 0);
}

static int limit(int resource, unsigned long value) {
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return (int)syscall(SYS_prlimit64, 0, resource, &limit, NULL);
}

static int is_program(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/// Puts the path of the program that a name alone stands for in its place; one that does not exist where there is none.
static void search_command(const struct apus_start *start) {
    static char path[4096];
    const char *name = start->arguments[0], *rest = NULL;
    for (char *const *variable = start->environment; *variable && !rest; variable++)
        if (strncmp(*variable, "PATH=", 5) == 0) rest = *variable + 5;
    while (rest && *rest) {
        size_t size = strcspn(rest, ":"), length = strlen(name);
        if (*rest == '/' && size + length + 2 <= sizeof path) {
            memcpy(path, rest, size);
            path[size] = '/';
            memcpy(path + size + 1, name, length + 1);
            if (is_program(path)) {
                start->arguments[0] = path;
                return;
            }
        }
        rest += size + (rest[size] == ':');
    }
    path[0] = 0;
    start->arguments[0] = path;
}

/// Here and not by the error of execve, which says the same when an interpreter is missing.
void apus_choose_command(const struct apus_start *start) {
    if (strchr(start->arguments[0], '/') == NULL) search_command(start);
    else if (start->fallback && access(start->arguments[0], F_OK) < 0 && errno == ENOENT)
        start->arguments[0] = start->fallback;
}

/// `binding` is what a command that is started ahead reads from; -1 for others.
static _Noreturn void execute(const struct apus_start *start, int binding) {
    int error_pipe = ERROR_PIPE;
    TRY(STEP_SESSION, syscall(SYS_setsid));
    TRY(STEP_DIRECTORY, chdir(start->directory));
    if (binding >= 0) TRY(STEP_DESCRIPTORS, dup2(binding, BINDING));
    apus_choose_command(start);
    execve(start->arguments[0], start->arguments, start->environment);
    apus_fail(error_pipe, STEP_EXECUTE, errno);
}

// MARK: A command that comes later

/// Gives the launcher the mount namespace, for apus_furnish. The launcher could not open it: the init is not dumpable.
static int send_namespace(int binding) {
    int namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (namespace < 0) return -1;
    char byte = 0;
    long sent = apus_send(binding, &byte, 1, &namespace, 1);
    close(namespace);
    errno = sent < 0 ? (int)-sent : 0;
    return sent == 1 ? 0 : -1;
}

static int read_whole(int file, void *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = read(file, (char *)bytes + done, size - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        done += (size_t)count;
    }
    return 0;
}

/// Says that everything is ready, waits for the command, and puts it into `start`. Ends when the launcher wants none.
static void await_command(struct apus_start *start) {
    int error_pipe = ERROR_PIPE;
    struct apus_failure parked = {.step = APUS_PARKED};
    TRY(STEP_COMMAND, write(ERROR_PIPE, &parked, sizeof parked));
    struct apus_command command;
    if (read_whole(BINDING, &command, sizeof command) < 0) _exit(0);
    // Two strings more than arguments and variables: directory and fallback; and an end to each list.
    size_t pointers = sizeof(char *) * ((size_t)command.arguments + command.variables + 2);
    char *space = mmap(NULL, pointers + command.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(STEP_COMMAND, space == MAP_FAILED ? -1 : 0);
    char *next = space + pointers;
    char *end = next + command.size;
    if (read_whole(BINDING, next, command.size) < 0) _exit(0);
    if (command.size == 0 || end[-1] != 0) apus_fail(error_pipe, STEP_COMMAND, EINVAL);
    char **list = (char **)space;
    for (uint32_t index = 0; index < command.arguments + command.variables + 2; index++) {
        if (next == end) apus_fail(error_pipe, STEP_COMMAND, EINVAL);
        if (index == 0) start->directory = next;
        else if (index == 1) start->fallback = *next ? next : NULL;
        else {
            if (index == 2) start->arguments = list;
            if (index == command.arguments + 2) {
                *list++ = NULL;
                start->environment = list;
            }
            *list++ = next;
        }
        next += strlen(next) + 1;
    }
    *list = NULL;
    start->secrets = end - command.size;
    start->secrets_size = command.size;
}

// MARK: A command alone

static volatile sig_atomic_t lone_command;

/// Hands the server's SIGTERM on. Whoever sends it from inside is of the command's own user.
static void hand_on(int number) { kill((pid_t)lone_command, number); }

/// Reaps until the command has ended, then ends: the kernel kills whatever is left in the pid namespace.
static _Noreturn void reap(long command) {
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid < 0 && errno != EINTR) _exit(1);
        if (pid != command) continue;
        ssize_t ignored = write(STATUS_PIPE, &status, sizeof status);
        (void)ignored;
        _exit(0);
    }
}

// MARK: A command that a zygote forks

/// In the command's process, which then goes on with what the zygote has loaded: as much like an executed one as it can
/// be. The binding stays close-on-exec.
static void go_on(const struct apus_start *start) {
    int error_pipe = ERROR_PIPE;
    TRY(STEP_SESSION, syscall(SYS_setsid));
    TRY(STEP_DIRECTORY, chdir(start->directory));
    TRY(STEP_USER_MAP, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    prctl(PR_SET_NAME, start->name, 0, 0, 0);
    // The runtime closes what it had open itself, to open it anew, and takes it ill when that is not there.
    for (int index = 0; index < APUS_OWN_DESCRIPTORS; index++)
        if (start->own[index]) TRY(STEP_DESCRIPTORS, dup3(0, APUS_ZYGOTE_OWN + index, O_CLOEXEC));
    close(STATUS_PIPE);
    // Its end says that the command runs.
    close(ERROR_PIPE);
}

/// What the zygote's runtime wants to hear, its init does not.
static void forget_handlers(void) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
}

/// Returns in the process of a command that a zygote forks, and nowhere else.
static void initialize(const struct apus_start *start) {
    int error_pipe = start->error_pipe;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_NAME, "init", 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    umask(022);
    enter(start, error_pipe);
    if (is_furnished_later(start)) TRY(STEP_NAMESPACE, send_namespace(start->binding));
    drop(start, error_pipe);
    TRY(STEP_DESCRIPTORS, arrange_descriptors(start));
    error_pipe = ERROR_PIPE;
    // After the user namespace was made: its maker's limit would bind every sandbox of this user together.
    TRY(STEP_LIMITS, limit(RLIMIT_NPROC, start->processes));
    TRY(STEP_LIMITS, limit(RLIMIT_NOFILE, start->descriptors));
    TRY(STEP_LIMITS, limit(RLIMIT_CORE, 0));
    // Last: the filter forbids most of the above. The command inherits it.
    struct sock_fprog program = {.len = start->filter_count, .filter = (struct sock_filter *)start->filter};
    TRY(STEP_SECCOMP, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    if (start->extensions != NULL) apus_supervise(start);
    int ends[2] = {-1, -1};
    const int hears_later = start->binding >= 0 && !start->parked && start->fork == NULL;
    if (hears_later) TRY(STEP_DESCRIPTORS, pipe2(ends, O_CLOEXEC));
    // The directory of a command that was started ahead is the init's, too (apus_hand_over).
    long command = start->fork ? start->fork() : syscall(SYS_clone, SIGCHLD | (hears_later ? CLONE_FS : 0), 0, 0, 0, 0);
    TRY(STEP_FORK, command);
    if (command == 0) {
        if (start->fork) return go_on(start);
        // The process is there before its command: to copy this one's memory takes longer than all that is left to do.
        struct apus_start received = *start;
        if (start->parked) await_command(&received);
        execute(&received, ends[0]);
    }
    if (start->fork) forget_handlers();
    // Init has no default actions: before this line a SIGTERM is lost.
    lone_command = (sig_atomic_t)command;
    struct sigaction action = {.sa_handler = hand_on};
    const sigset_t none = {0};
    sigaction(SIGTERM, &action, NULL);
    // Some runtimes fork with all signals blocked.
    if (start->fork) sigprocmask(SIG_SETMASK, &none, NULL);
    close(0);
    close(1);
    close(2);
    close(ERROR_PIPE);
    if (ends[0] >= 0) {
        close(ends[0]);
        apus_hand_over(start->directory, ends[1]);
        close(ends[1]);
    }
    explicit_bzero(start->secrets, start->secrets_size);
    close(BINDING);
    reap(command);
}

int apus_sandbox_start(const struct apus_start *start, int *pidfd) {
    struct clone_args arguments = {
        .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
    };
    if (start->fork) {
        // The launcher's child, whoever forks it: it is the launcher that hears of its end, and whose end it dies of.
        arguments.flags |= CLONE_PARENT;
    } else {
        arguments.flags |= CLONE_CLEAR_SIGHAND;
        arguments.exit_signal = SIGCHLD;
    }
    if (start->cgroup_directory >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)start->cgroup_directory;
    }
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) return -errno;
    if (pid == 0) initialize(start);
    return (int)pid;
}

int apus_furnish(const struct apus_furnishing *furnishing, int *step) {
    *step = STEP_FURNISH;
    if (setns(furnishing->sandbox, CLONE_NEWNS) < 0) return -errno;
    int error = 0;
    if (furnishing->temporary_options != NULL) {
        *step = STEP_TMP;
        if (mount(NULL, "/tmp", NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, furnishing->temporary_options) < 0)
            error = errno;
    }
    if (error == 0) {
        *step = STEP_CODE;
        if (syscall(SYS_move_mount, furnishing->code_tree, "", AT_FDCWD, "/var/task", 4 /* F_EMPTY_PATH */) < 0)
            error = errno;
    }
    *step = error == 0 ? STEP_LAYERS : *step;
    if (error == 0 && furnishing->is_booted && umount2("/opt", MNT_DETACH) < 0) error = errno;
    if (error == 0 && furnishing->layer_tree >= 0)
        if (syscall(SYS_move_mount, furnishing->layer_tree, "", AT_FDCWD, "/opt", 4 /* F_EMPTY_PATH */) < 0)
            error = errno;
    // The namespace's root need not be the root that this process had: it may live in a chroot.
    if (setns(furnishing->own, CLONE_NEWNS) < 0 || fchdir(furnishing->own_root) < 0 || chroot(".") < 0)
        return -ENOTRECOVERABLE;
    return -error;
}
