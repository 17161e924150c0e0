#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

// Bytes of the kernel's generator that nobody has had, at the end of `pool`.
static _Thread_local unsigned char pool[256];
static _Thread_local size_t left;

int apus_random(uint64_t *word) {
    if (left < sizeof *word) {
        // The kernel neither interrupts nor shortens requests of up to 256 bytes.
        if (getrandom(pool, sizeof pool, 0) != sizeof pool) return errno ? -errno : -EIO;
        left = sizeof pool;
    }
    unsigned char *next = pool + sizeof pool - left;
    memcpy(word, next, sizeof *word);
    // What was given out is nowhere else.
    apus_wipe(next, sizeof *word);
    left -= sizeof *word;
    return 0;
}
