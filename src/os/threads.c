#include "os/threads.h"
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/poison.h"

static atomic_bool some_leave;

void weft__os_threads_leave(void) { some_leave = true; }

#ifdef WEFT__TSAN
int weft__os_threads(void) { return 1; }
#else

/* A word of a stat file, counted from the name on, which may hold anything; or a code. */
static long word(const char *path, int number)
{
    char text[1024];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    int failed = n ? 0 : errno;
    if (f) fclose(f);
    if (failed || !n) return failed ? -failed : -EIO;
    text[n] = 0;
    const char *at = strrchr(text, ')');
    for (int i = 0; at && i < number; i++) at = strchr(at + 1, ' ');
    return at ? atol(at + 1) : -EIO;
}

/* PF_EXITING is set before whoever joins it is told. Of whom nothing can be read is counted, unless it has gone. */
static bool lives(const char *thread)
{
    enum { FLAGS = 7, EXITING = 0x4 };
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", thread);
    long flags = word(path, FLAGS);
    return flags < 0 ? flags != -ENOENT && flags != -ESRCH : !(flags & EXITING);
}

static int count_living(int counted)
{
    int n = 0;
    DIR *all = opendir("/proc/self/task");
    if (!all) return counted;
    for (struct dirent *one; (one = readdir(all));) n += one->d_name[0] != '.' && lives(one->d_name);
    closedir(all);
    return n > 1 ? n : 1;
}

static int threads_now(void)
{
    enum { THREADS = 18 };
    long counted = word("/proc/self/stat", THREADS);
    return counted > 1 ? count_living((int)counted) : 1;
}

int weft__os_threads(void)
{
    enum { LOOKS = 100 };
    int n = threads_now();
    for (int i = 0; i < LOOKS && n > 1 && some_leave; i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        n = threads_now();
    }
    return n;
}
#endif
