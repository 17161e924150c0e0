// Identity-mapped mounts: files that belong to one user of the host, shown as another's.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_map(pid_t pid, const char *name, unsigned inside, unsigned outside) {
    char path[64], line[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int size = snprintf(line, sizeof line, "%u %u 1", inside, outside);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    int outcome = write(file, line, (size_t)size) == size ? 0 : -errno;
    close(file);
    return outcome;
}

static int open_namespace(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
    int namespace = open(path, O_RDONLY | O_CLOEXEC);
    return namespace < 0 ? -errno : namespace;
}

/// Holds a new user namespace open until its maker is done with it, or gone.
static _Noreturn void hold(int socket) {
    char byte = 0;
    // Its files in /proc are its maker's only while it is dumpable.
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 || write(socket, &byte, 1) != 1) _exit(1);
    ssize_t ignored = read(socket, &byte, 1);
    (void)ignored;
    _exit(0);
}

int apus_identity_map(unsigned file_user, unsigned user, unsigned file_group, unsigned group) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        close(pair[0]);
        hold(pair[1]);
    }
    int outcome = pid < 0 ? -errno : 0;
    close(pair[1]);
    if (outcome == 0) {
        char byte;
        ssize_t size;
        do size = read(pair[0], &byte, 1);
        while (size < 0 && errno == EINTR);
        if (size != 1) outcome = -ECHILD;
        if (outcome == 0) outcome = write_map(pid, "uid_map", file_user, user);
        if (outcome == 0) outcome = write_map(pid, "gid_map", file_group, group);
        if (outcome == 0) outcome = open_namespace(pid);
    }
    close(pair[0]);
    int status;
    if (pid > 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return outcome;
}

int apus_share_mount(int mount, int identity_map) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    if (identity_map >= 0) {
        attributes.attr_set |= MOUNT_ATTR_IDMAP;
        attributes.userns_fd = (uint64_t)identity_map;
    }
    long outcome = syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    return outcome < 0 ? -errno : 0;
}
