// The init of a sandbox with extensions. As in sandbox.c, nothing here allocates or takes a lock.
#define _GNU_SOURCE
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// Tells the server; who does not listen is not waited for.
static void tell(int step, int process, int value) {
    struct apus_process_report report = {.step = step, .process = process, .value = value};
    ssize_t ignored = send(CONTROL, &report, sizeof report, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)ignored;
}

/// A process in a session of its own; -1 and errno when there is no room for it.
static long run(int process, const char *directory, char *const *arguments, char *const *environment, int output) {
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid != 0) return pid;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int step = STEP_SESSION;
    if (syscall(SYS_setsid) < 0) goto failed;
    step = STEP_DIRECTORY;
    if (chdir(directory) < 0) goto failed;
    step = STEP_DESCRIPTORS;
    if (dup2(output, 1) < 0 || dup2(output, 2) < 0) goto failed;
    step = STEP_EXECUTE;
    execve(arguments[0], arguments, environment);
failed:
    tell(step, process, errno);
    _exit(127);
}

/// A process has ended. The status pipe comes first: the server may end this init as soon as it hears of the command's
/// end, and the launcher then reads how the command ended.
static void report_end(int process, int status) {
    if (process == 0) {
        ssize_t ignored = write(STATUS_PIPE, &status, sizeof status);
        (void)ignored;
    }
    tell(0, process, status);
}

/// Reaps and reports whatever has ended by now.
static void report_ends(pid_t *processes, int count) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int index = 0; index < count; index++) {
            if (processes[index] != pid) continue;
            processes[index] = 0;
            report_end(index, status);
            break;
        }
}

_Noreturn void apus_supervise(const struct apus_start *start) {
    int error_pipe = ERROR_PIPE;
    pid_t processes[APUS_EXTENSIONS_MAXIMUM + 1] = {0};
    int count = 1;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    TRY(STEP_FORK, sigprocmask(SIG_BLOCK, &ends, NULL));
    int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    TRY(STEP_FORK, signals);
    for (; count <= APUS_EXTENSIONS_MAXIMUM && start->extensions[count - 1] != NULL; count++) {
        char *const arguments[2] = {start->extensions[count - 1], NULL};
        long pid = run(count, "/", arguments, start->extension_environment, EXTENSION_OUTPUT);
        TRY(STEP_FORK, pid);
        processes[count] = (pid_t)pid;
    }
    close(EXTENSION_OUTPUT);
    close(ERROR_PIPE);
    for (;;) {
        struct pollfd waiting[2] = {{.fd = CONTROL, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        if (poll(waiting, 2, -1) < 0 && errno != EINTR) _exit(1);
        struct signalfd_siginfo information;
        while (read(signals, &information, sizeof information) > 0) {}
        report_ends(processes, count);
        unsigned char order;
        ssize_t size = recv(CONTROL, &order, 1, MSG_DONTWAIT);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            // What ended before the socket did may have ended since it was looked for.
            report_ends(processes, count);
            _exit(0);
        }
        if (size < 0) continue;
        if (order == APUS_RUN && start != NULL) {
            apus_choose_command(start);
            long pid = run(0, start->directory, start->arguments, start->environment, 1);
            if (pid < 0) {
                // As of a command that could not be executed: an end follows the failure.
                tell(STEP_FORK, 0, errno);
                report_end(0, 127 << 8);
            } else {
                processes[0] = (pid_t)pid;
            }
            // Once only, and what it needed is not needed any more.
            explicit_bzero(start->secrets, start->secrets_size);
            start = NULL;
            close(0);
            close(1);
            close(2);
        } else if (processes[0] > 0) {
            if (order == APUS_TERMINATE) kill(processes[0], SIGTERM);
            if (order == APUS_KILL && kill(-processes[0], SIGKILL) < 0) kill(processes[0], SIGKILL);
        }
    }
}
