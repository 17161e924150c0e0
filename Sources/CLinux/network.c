#define _GNU_SOURCE
#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int apus_netlink_socket(uint32_t groups)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) return -errno;
    int on = 1;
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int apus_network_wait(int fd, int timeout_ms)
{
    struct pollfd wanted = { .fd = fd, .events = POLLIN };
    int ready;
    do ready = poll(&wanted, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready < 0 ? -errno : ready;
}

int apus_network_namespace(int socket)
{
    int fd = ioctl(socket, SIOCGSKNS);
    return fd < 0 ? -errno : fd;
}

int apus_network_unshare(void)
{
    return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

int apus_network_enter(int namespace_fd)
{
    return setns(namespace_fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

int apus_network_listen(uint32_t address, uint16_t port, int backlog)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0) return -errno;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in local = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { .s_addr = htonl(address) },
    };
    if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0 || listen(fd, backlog) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int apus_network_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    return fd < 0 ? -errno : fd;
}

int apus_network_datagrams(uint32_t address, uint16_t port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
    if (fd < 0) return -errno;
    struct sockaddr_in local = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { .s_addr = htonl(address) },
    };
    if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int apus_network_scratch(const void *content, size_t length, size_t size)
{
    int fd = memfd_create("apus-network", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -errno;
    if (ftruncate(fd, (off_t)size) < 0 || pwrite(fd, content, length, 0) != (ssize_t)length
        || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
        int error = errno;
        close(fd);
        return -(error ? error : EIO);
    }
    return fd;
}

int apus_network_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;
}

/* In a child: default signals, none blocked, and death together with the parent. */
static void settle(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    struct sigaction standard = { .sa_handler = SIG_DFL };
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In a child: gives descriptors[i] the number i without close-on-exec and closes every other one (Linux 5.9; before
 * that, close-on-exec has to do). A negative entry becomes /dev/null. */
static int arrange(const int *descriptors, int count)
{
    int high[8];
    for (int i = 0; i < count; i++) {
        int from = descriptors[i];
        if (from < 0 && (from = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0) return -errno;
        if ((high[i] = fcntl(from, F_DUPFD_CLOEXEC, 64)) < 0) return -errno;
    }
    for (int i = 0; i < count; i++)
        if (dup2(high[i], i) < 0) return -errno;
    syscall(SYS_close_range, count, ~0U, 0);
    return 0;
}

static char *const bare[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };

int apus_network_run(char *const arguments[], int input, int errors)
{
    pid_t parent = getpid(), child = fork();
    if (child < 0) return -errno;
    if (child == 0) {
        settle(parent);
        int descriptors[] = { input, -1, errors };
        if (arrange(descriptors, 3) == 0) execve(arguments[0], arguments, bare);
        _exit(127);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -errno;
    return status;
}

static void attend(char *const arguments[], const char *namespace_path)
{
    for (;;) {
        unsigned char start;
        ssize_t count = read(3, &start, 1);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) _exit(0);
        if (fcntl(5, F_GETFD) < 0) {
            int opened = open(namespace_path, O_RDONLY);
            if (opened >= 0 && opened != 5) {
                dup2(opened, 5);
                close(opened);
            }
        }
        pid_t parent = getpid(), child = fork();
        if (child == 0) {
            settle(parent);
            execve(arguments[start], arguments + start, bare);
            _exit(127);
        }
        int status = 127 << 8;
        while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) { }
        char report[1 + sizeof status] = { 'E' };
        memcpy(report + 1, &status, sizeof status);
        send(3, report, sizeof report, MSG_NOSIGNAL);
    }
}

int apus_network_attendant(char *const arguments[], int channel, int lifeline, int errors)
{
    char namespace_path[64];
    snprintf(namespace_path, sizeof namespace_path, "/proc/%d/task/%ld/ns/net", (int)getpid(), syscall(SYS_gettid));
    pid_t parent = getpid(), child = fork();
    if (child < 0) return -errno;
    if (child == 0) {
        settle(parent);
        int descriptors[] = { -1, -1, errors, channel, lifeline };
        if (arrange(descriptors, 5) == 0) attend(arguments, namespace_path);
        _exit(127);
    }
    return child;
}
