// The library that comes before all others in a zygote: the runtime's first fork() turns it into a server of the
// launcher and returns in the processes that are forked for it. Later ones are libc's.
#define _GNU_SOURCE
#include "CLinux.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int (*real)(void);
static int is_zygote;
/// What tells the runtime (SandboxSpec.zygoteVariable), which removes it from its environment.
static char mark[] = "APUS_ZYGOTE=1";

/// Before the runtime starts: hides what made it a zygote from it and from all that it forks, whose /proc/self/environ
/// shows the same memory.
__attribute__((constructor)) static void begin(int count, char **arguments, char **environment) {
    (void)count;
    (void)arguments;
    real = (int (*)(void))dlsym(RTLD_NEXT, "fork");
    // No other process of the launcher's user reads its memory, or takes what it may do.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    // What the runtime opens comes to lie above the numbers at which a sandbox's init wants its own.
    int null;
    do null = fcntl(0, F_DUPFD_CLOEXEC, 0);
    while (null >= 0 && null < APUS_ZYGOTE_OWN - 1);
    char **kept = environment;
    for (; *environment; environment++) {
        char *variable = *environment;
        int is_linkers = strncmp(variable, "LD_PRELOAD=", 11) == 0 || strncmp(variable, "LD_BIND_NOW=", 12) == 0;
        int is_mark = strncmp(variable, mark, strlen(mark)) == 0;
        if (!is_linkers) *kept++ = is_mark ? mark : variable;
        if (is_linkers || is_mark) memset(variable, 0, strlen(variable));
    }
    *kept = NULL;
    is_zygote = 1;
}

pid_t fork(void) {
    if (!is_zygote) return real();
    is_zygote = 0;
    return apus_zygote_serve(real);
}
