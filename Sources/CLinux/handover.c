#define _GNU_SOURCE
#include "handover.h"

#include "CLinux.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static int write_whole(int file, const char *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = write(file, bytes + done, size - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        done += (size_t)count;
    }
    return 0;
}

void apus_hand_over(const char *directory, int command) {
    struct pollfd waiting[2] = {{.fd = APUS_BINDING, .events = POLLIN}, {.fd = command}};
    while (poll(waiting, 2, -1) < 0 && errno == EINTR) {}
    // The command has ended, or has closed what it was to hear from.
    if (waiting[1].revents != 0) return;
    if (chdir(directory) < 0) return;
    char bytes[4096];
    for (;;) {
        ssize_t size = read(APUS_BINDING, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0 || write_whole(command, bytes, (size_t)size) < 0) break;
    }
    explicit_bzero(bytes, sizeof bytes);
}
