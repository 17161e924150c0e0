// What the files of this target share among themselves.
#ifndef CLINUX_INSIDE_H
#define CLINUX_INSIDE_H

#include "CLinux.h"

#include <errno.h>

/// What a sandbox's start goes through, in no order: apus_step_name knows their names.
enum step {
    STEP_CGROUP,
    STEP_NETWORK,
    STEP_CGROUP_NAMESPACE,
    STEP_ROOT,
    STEP_TMP,
    STEP_SHM,
    STEP_CODE,
    STEP_LAYERS,
    STEP_IMAGE,
    STEP_DEVICES,
    STEP_PROC,
    STEP_MASK,
    STEP_PROC_SYS,
    STEP_FILE_SYSTEM,
    STEP_PIVOT,
    STEP_DETACH,
    STEP_HOSTNAME,
    STEP_NAMESPACE,
    STEP_USER,
    STEP_USER_NAMESPACE,
    STEP_USER_MAP,
    STEP_CAPABILITIES,
    STEP_PRIVILEGES,
    STEP_DEATH_SIGNAL,
    STEP_LIMITS,
    STEP_DESCRIPTORS,
    STEP_SECCOMP,
    STEP_COMMAND,
    STEP_FORK,
    STEP_SESSION,
    STEP_DIRECTORY,
    STEP_EXECUTE,
    STEP_FURNISH,
    STEP_COUNT,
};

/// Descriptors inside the sandbox's init, after `arrange_descriptors`.
enum { ERROR_PIPE = 3, STATUS_PIPE = 4, CONTROL = 5, EXTENSION_OUTPUT = 6, BINDING = APUS_BINDING };

/// Tells the launcher what failed, and ends the process.
_Noreturn void apus_fail(int pipe, enum step step, int error);

#define TRY(step, expression)                                 \
    do {                                                      \
        if ((expression) < 0) apus_fail(error_pipe, step, errno); \
    } while (0)

/// Permitted and effective ones; none is inheritable.
int apus_set_capabilities(uint64_t permitted);

/// Puts the path of what is to be executed into `arguments[0]`.
void apus_choose_command(const struct apus_start *start);

/// Starts the extensions, then the command when it is told to, reports every end, and ends with its server.
_Noreturn void apus_supervise(const struct apus_start *start);

#endif
