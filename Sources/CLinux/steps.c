// What may fail on the way into a sandbox, and how that is told.
#include "inside.h"

#include <unistd.h>

static const char *const names[STEP_COUNT] = {
    [STEP_CGROUP] = "join cgroup",
    [STEP_NETWORK] = "setns network",
    [STEP_CGROUP_NAMESPACE] = "unshare cgroup namespace",
    [STEP_ROOT] = "chdir root",
    [STEP_TMP] = "mount /tmp",
    [STEP_SHM] = "mount /dev/shm",
    [STEP_CODE] = "mount /var/task",
    [STEP_LAYERS] = "mount /opt",
    [STEP_IMAGE] = "mount image",
    [STEP_DEVICES] = "mount /dev",
    [STEP_PROC] = "mount /proc",
    [STEP_MASK] = "mask /proc",
    [STEP_PROC_SYS] = "protect /proc/sys",
    [STEP_FILE_SYSTEM] = "mount file system",
    [STEP_PIVOT] = "pivot_root",
    [STEP_DETACH] = "umount old root",
    [STEP_HOSTNAME] = "sethostname",
    [STEP_NAMESPACE] = "send mount namespace",
    [STEP_USER] = "setresuid",
    [STEP_USER_NAMESPACE] = "unshare user namespace",
    [STEP_USER_MAP] = "write uid_map",
    [STEP_CAPABILITIES] = "drop capabilities",
    [STEP_PRIVILEGES] = "no_new_privs",
    [STEP_DEATH_SIGNAL] = "prctl PDEATHSIG",
    [STEP_LIMITS] = "setrlimit",
    [STEP_DESCRIPTORS] = "close_range",
    [STEP_SECCOMP] = "seccomp",
    [STEP_COMMAND] = "receive command",
    [STEP_FORK] = "fork",
    [STEP_SESSION] = "setsid",
    [STEP_DIRECTORY] = "chdir",
    [STEP_EXECUTE] = "execve",
    [STEP_FURNISH] = "setns mount",
};

const char *apus_step_name(int step) { return step >= 0 && step < STEP_COUNT ? names[step] : "unknown step"; }

_Noreturn void apus_fail(int pipe, enum step step, int error) {
    struct apus_failure failure = {.step = (int32_t)step, .error = error};
    ssize_t ignored = write(pipe, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}
