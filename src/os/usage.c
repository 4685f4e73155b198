#include "os/usage.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "os/os.h"

static bool read_text(const char *path, char *to, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, to, room - 1);
    if (fd >= 0) close(fd);
    to[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* The 22nd word of stat is when it began, in ticks since the machine did; the name before may hold anything but ends in the last ')'. */
static int64_t started_s(void)
{
    char text[1024];
    struct timespec wall, since;
    if (!read_text("/proc/self/stat", text, sizeof text)) return 0;
    const char *at = strrchr(text, ')');
    for (int word = 2; at && word < 22; word++) at = strchr(at + 1, ' ');
    if (!at || clock_gettime(CLOCK_REALTIME, &wall) < 0 || clock_gettime(CLOCK_BOOTTIME, &since) < 0) return 0;
    return wall.tv_sec - since.tv_sec + strtoll(at, NULL, 10) / sysconf(_SC_CLK_TCK);
}

bool weft__os_usage(weft__usage *out)
{
    struct rusage u;
    char text[128];
    long long pages = 0;
    if (getrusage(RUSAGE_SELF, &u) < 0 || !read_text("/proc/self/statm", text, sizeof text)) return false;
    if (sscanf(text, "%*d %lld", &pages) != 1) return false;
    out->cpu_us = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
    out->resident_bytes = pages * (int64_t)weft__os_page();
    out->started_s = started_s();
    return true;
}
