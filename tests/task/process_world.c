/* What tests of processes share. */
#define _GNU_SOURCE
#include "process_world.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

process_shared *shared;

void share_memory(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    WEFT_NEED(shared != MAP_FAILED);
}

void processes_open(void)
{
    share_memory();
    WEFT_NEED(weft__process_start() == 0);
}

const char *text_of(int rc) { return weft_error_of(rc)->text; }

/* Process 1 of a container may be one that waits for nobody. */
static bool is_zombie(long pid)
{
    char path[40], text[256] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "re");
    if (f && fread(text, 1, sizeof text - 1, f) == 0) text[0] = 0;
    if (f) fclose(f);
    const char *name_end = strrchr(text, ')');
    return name_end && strchr("ZX", name_end[2]);
}

bool is_gone(long pid) { return kill((pid_t)pid, 0) < 0 && errno == ESRCH; }
bool is_dead(long pid) { return is_gone(pid) || is_zombie(pid); }

long child_of(pid_t parent, int nth)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    char *at = text;
    for (long pid; (pid = strtol(at, &at, 10)) > 0; nth--)
        if (!nth) return pid;
    return 0;
}

int pid_job(const int *in, int *out)
{
    *out = getpid();
    return *in;
}

int plain_job(const int *in, int *out)
{
    *out = 5;
    return *in;
}

int crash_job(const int *in, int *out)
{
    (void)out;
    if (*in < 0) exit(-*in);
    raise(*in);
    return 0;
}

int slow_job(const int *ms, int *out)
{
    atomic_store(&shared->pid, getpid());
    atomic_fetch_add(&shared->begun, 1);
    usleep((useconds_t)*ms * 1000);
    atomic_fetch_add(&shared->ended, 1);
    *out = 1;
    return 0;
}

int slow(const int *ms, int *out) { return weft_in_process(int, int, slow_job, ms, out); }

int wait_begun(int n)
{
    for (int i = 0; i < 5000 && atomic_load(&shared->begun) < n; i++) WEFT_TRY(weft_sleep_ms(1));
    WEFT_CHECK_EQ(atomic_load(&shared->begun), n);
    return 0;
}

bool memory_can_be_limited(void)
{
    int status = 0;
    pid_t child = fork();
    if (!child) {
        setrlimit(RLIMIT_DATA, &(struct rlimit){ 1 << 20, 1 << 20 });
        _exit(mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    }
    return waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 0;
}
