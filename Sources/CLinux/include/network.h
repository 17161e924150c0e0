#ifndef CLINUX_NETWORK_H
#define CLINUX_NETWORK_H

#include <stddef.h>
#include <stdint.h>

/* The network's share of what Swift cannot say: variadics (ioctl), headers that the Glibc module lacks
 * (linux/netlink.h) and everything between fork and exec. Every function answers a value of 0 or more, or -errno.
 * Every descriptor that comes back is close-on-exec and the caller's to close. The caller must be single-threaded, or
 * at least be prepared that namespaces are those of the calling thread. */

/* A non-blocking rtnetlink socket in the caller's network namespace, bound to the multicast groups whose bits (1
 * shifted by RTNLGRP_x - 1) are set in groups. Replies carry no copy of the request where the kernel can leave it
 * out. */
int apus_netlink_socket(uint32_t groups);

/* Waits up to timeout_ms (-1: for ever) until fd is readable: 1 if it is, 0 when the time is over. */
int apus_network_wait(int fd, int timeout_ms);

/* The network namespace in which a socket was made, as an nsfs descriptor (SIOCGSKNS, Linux 4.14). Needs no /proc. */
int apus_network_namespace(int socket);

/* Moves the calling thread into a new network namespace. */
int apus_network_unshare(void);

/* Moves the calling thread into the network namespace. */
int apus_network_enter(int namespace_fd);

/* A listening, non-blocking TCP socket at an IPv4 address and port, both in host byte order. */
int apus_network_listen(uint32_t address, uint16_t port, int backlog);

/* A non-blocking TCP socket in the caller's network namespace, unconnected. */
int apus_network_socket(void);

/* A non-blocking UDP socket at an IPv4 address and port, both in host byte order. */
int apus_network_datagrams(uint32_t address, uint16_t port);

/* A memory file of size bytes that starts with length bytes of content and cannot grow; its offset is 0. */
int apus_network_scratch(const void *content, size_t length, size_t size);

/* A close-on-exec SOCK_SEQPACKET pair. */
int apus_network_pair(int pair[2]);

/* Runs arguments[0] with a bare environment, standard input from input, standard error to errors, standard output
 * nowhere, and waits for its end: its wait status (waitpid(2)). */
int apus_network_run(char *const arguments[], int input, int errors);

/* Starts the attendant: a process that stays in the network namespace which the caller is in now, and dies with it.
 * For each byte b that it reads from channel (a SOCK_SEQPACKET end) it executes the command line that starts at
 * arguments[b] (command lines are NULL-terminated, one after the other) with
 *   2: errors   3: channel   4: lifeline   5: the namespace in which the calling thread is when the first byte comes
 * and, when that command has ended, sends the packet 'E' followed by its wait status as an int. It leaves when the
 * other end of channel is closed. Answers the attendant's pid. */
int apus_network_attendant(char *const arguments[], int channel, int lifeline, int errors);

#endif
