#include <archive.h>
#include <archive_entry.h>

/* unistd.h declares this one under _GNU_SOURCE only, which Swift's Glibc module does not set.
 * Puts the file system that holds `descriptor` on disk. 0, or -1 with errno set. */
int syncfs(int descriptor);
