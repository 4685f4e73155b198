#define _GNU_SOURCE
#include "os/notify.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_GIVEN = 3 };

void weft__notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@')) return;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@') to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to, len) < 0) { /* nobody hears it */ }
    close(fd);
}

/* A positive number; 0: none. */
static long long number_of(const char *name)
{
    const char *set = getenv(name);
    char *end = NULL;
    long long n = set && *set ? strtoll(set, &end, 10) : 0;
    return end && !*end && n > 0 ? n : 0;
}

int weft__notify_watchdog_ms(void)
{
    long long us = number_of("WATCHDOG_USEC"), pid = number_of("WATCHDOG_PID");
    if (!us || us > INT64_C(86400000000) || (pid && pid != getpid())) return 0;
    return us < 2000 ? 1 : (int)(us / 2000);
}

int weft__listeners_given(int *fds, int max)
{
    long long count = number_of("LISTEN_PID") == getpid() ? number_of("LISTEN_FDS") : 0;
    int n = 0;
    for (int fd = FIRST_GIVEN; fd < FIRST_GIVEN + count && n < max; fd++) {
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) continue;
        fds[n++] = fd;
    }
    if (count) {
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
    }
    return n;
}

bool weft__is_listener(int fd)
{
    int is = 0, type = 0;
    socklen_t n = sizeof is;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &n) < 0 || !is) return false;
    n = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM;
}
