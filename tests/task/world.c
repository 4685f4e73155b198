#define _GNU_SOURCE
#include "world.h"
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "os/unwind.h"
#include "support/descriptors.h"
#include "testing/verdict.h"

_Thread_local world world_now;
world_memory world_mem = { .fail_after = -1 };

/* ---- memory ---- */

static bool refused(void)
{
    if (world_mem.fail_after < 0) return false;
    if (world_mem.fail_after > 0) {
        world_mem.fail_after--;
        return false;
    }
    world_mem.failures++;
    if (!world_mem.fail_rest) world_mem.fail_after = -1;
    return true;
}

static void *watched_resize(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    long before = ptr ? (long)malloc_usable_size(ptr) : 0;
    if (!size) {
        free(ptr);
        __atomic_sub_fetch(&world_mem.blocks, 1, __ATOMIC_RELAXED);
        __atomic_sub_fetch(&world_mem.bytes, before, __ATOMIC_RELAXED);
        return NULL;
    }
    if (refused()) return NULL;
    void *p = realloc(ptr, size);
    if (!p) return NULL;
    if (!ptr) __atomic_add_fetch(&world_mem.blocks, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&world_mem.bytes, (long)malloc_usable_size(p) - before, __ATOMIC_RELAXED);
    return p;
}

void world_mem_watch(void) { weft_set_allocator(watched_resize, NULL); }

/* ---- worlds ---- */

static void world_open(weft__os *os, uint64_t seed)
{
    WEFT_NEED(os != NULL);
    world_now = (world){ .os = os, .seed = seed, .virtual_time = os->ops->virtual_time };
    world_now.fifo = !world_now.virtual_time || seed == 0;
    world_now.loop = weft__loop_new(os);
    WEFT_NEED(world_now.loop != NULL);
}

void world_open_epoll(void)
{
    world_mem_watch();
    world_open(weft__os_linux_new(), 0);
}

void world_open_sim_with(const weft__sim_opts *opts)
{
    world_mem_watch();
    world_open(weft__sim_new(opts), opts->seed);
}

void world_open_sim(uint64_t seed) { world_open_sim_with(&(weft__sim_opts){ .seed = seed }); }

int world_run(weft_call call) { return weft__loop_run(world_now.loop, call); }

void world_close(void)
{
    if (world_now.virtual_time) WEFT_CHECK_EQ(weft__sim_open_fds(world_now.os), 0);
    weft__errors_clear();                             /* of a root task that failed */
    weft__loop_free(world_now.loop);
    world_now.os->ops->free(world_now.os);
    world_now = (world){ 0 };
}

static void world_body(weft_call body)
{
    WEFT_CHECK_EQ(world_run(body), 0);
    world_close();
}

static void tell_fds(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        char link[32], to[256];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, to, sizeof to);
        if (n > 0) fprintf(stderr, "  %d: %.*s\n", fd, (int)n, to);
    }
}

/* A call that was abandoned may be on its way out, on its thread. The descriptors there are behind it: those of the look in which there were as many as
 * before, or, named, of the last one. */
static long threads_settle(long fds)
{
    enum { PATIENCE_MS = 10000 };
    int64_t began = world_real_ms();
    long now;
    while ((now = world_fds()) != fds || __atomic_load_n(&world_mem.blocks, __ATOMIC_ACQUIRE)) {
        if (world_real_ms() - began > PATIENCE_MS) break;
        usleep(1000);
    }
    if (now != fds) tell_fds();
    return now;
}

void world_epoll(weft_call body)
{
    long fds = world_fds();
    world_open_epoll();
    world_body(body);
    long left = threads_settle(fds);
    WEFT_CHECK_EQ(world_mem.blocks, 0);
    WEFT_CHECK_EQ(left, fds);
}

void world_sim(weft_call body)
{
    static const uint64_t seeds[] = { 0, 1, 2, 77, 0x9e3779b97f4a7c15 };
    for (size_t i = 0; i < weft_count(seeds); i++) {
        unsigned before = weft__verdict_now->failed_checks;
        world_open_sim(seeds[i]);
        world_body(body);
        WEFT_CHECK_EQ(world_mem.blocks, 0);
        if (weft__verdict_now->failed_checks == before) continue;
        fprintf(stderr, "  (the above in the simulator with seed %llu)\n", (unsigned long long)seeds[i]);
    }
}

/* ---- measuring ---- */

enum { SLACK_MS = 4000 };            /* of a machine that others use as well */

void world_took(const char *file, int line, int64_t since_ns, int64_t ms)
{
    int64_t took_ns = weft_now_ns() - since_ns;
    int64_t least = ms * 1000000 - (world_now.virtual_time ? 0 : 1000000);
    int64_t most = (ms + (world_now.virtual_time ? 0 : SLACK_MS)) * 1000000;
    if (took_ns >= least && took_ns <= most) return;
    weft__check_fail(file, line, "expected %lld ms to have passed, %.3f ms have", (long long)ms, (double)took_ns / 1e6);
}

int64_t world_real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void world_burn_ms(int ms)
{
    int64_t end = world_real_ms() + ms + 1;
    while (world_real_ms() < end) continue;
}

long world_fds(void) { return open_descriptors(); }

long world_maps(void)
{
    long n = 0;
    FILE *f = fopen("/proc/self/maps", "re");
    WEFT_NEED(f != NULL);
    for (int c; (c = getc(f)) != EOF;) n += c == '\n';
    fclose(f);
    return n;
}

long world_rss_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    WEFT_NEED(f != NULL);
    WEFT_CHECK_EQ(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

bool world_knows_lines(void)
{
    weft__place here;
    weft__places_of((uintptr_t)world_knows_lines + 1, &here, 1);
    weft__unwind_forget();
    return here.line > 0;
}

/* ---- what is written to stderr ---- */

static int real_stderr = -1, captured = -1;
static char captured_text[64 * 1024];

void world_capture_begin(void)
{
    fflush(stderr);
    captured = memfd_create("captured", MFD_CLOEXEC);
    real_stderr = dup(2);
    WEFT_NEED(captured >= 0 && real_stderr >= 0 && dup2(captured, 2) == 2);
}

const char *world_capture_end(void)
{
    fflush(stderr);
    dup2(real_stderr, 2);
    close(real_stderr);
    ssize_t n = pread(captured, captured_text, sizeof captured_text - 1, 0);
    captured_text[n < 0 ? 0 : n] = 0;
    close(captured);
    return captured_text;
}

int world_count_in(const char *text, const char *word)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)); at++) n++;
    return n;
}

/* ---- small tasks ---- */

int cancel_later(const on_scope *in)
{
    WEFT_TRY(weft_sleep_ms(in->after_ms));
    weft_cancel(in->scope);
    return 0;
}

int move_later(const on_scope *in)
{
    WEFT_TRY(weft_sleep_ms(in->after_ms));
    weft_scope_deadline(in->scope, in->value);
    return 0;
}

int shield_later(const on_scope *in)
{
    WEFT_TRY(weft_sleep_ms(in->after_ms));
    weft_scope_shield(in->scope, in->value);
    return 0;
}

int fail_later(const failing *in)
{
    if (in->after_ms) WEFT_TRY(weft_sleep_ms(in->after_ms));
    return weft_fail(in->code, "%s", in->text);
}

int sleep_for(const int *ms) { return weft_sleep_ms(*ms); }

int sleep_for_and_tell(const int *ms, int *out)
{
    WEFT_TRY(weft_sleep_ms(*ms));
    *out = *ms;
    return 0;
}

int witness_task(const witnessed *in)
{
    in->at->began++;
    int rc = weft_sleep_ms(in->sleep_ms);
    in->at->rc = rc;
    {
        WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = FOREVER);
        if (in->clean_ms) WEFT_CHECK_EQ(weft_sleep_ms(in->clean_ms), 0);
        in->at->cleaned++;
    }
    in->at->ended++;
    return rc;
}

int world_last_words(void (*fn)(void), char *text, size_t room)
{
    int out[2], status = 0;
    WEFT_NEED(pipe(out) == 0);
    pid_t child = fork();
    WEFT_NEED(child >= 0);
    if (!child) {
        dup2(out[1], 2);
        signal(SIGABRT, SIG_DFL);
        fn();
        _exit(0);
    }
    close(out[1]);
    ssize_t n = read(out[0], text, room - 1);
    WEFT_CHECK(n > 0);
    text[n > 0 ? n : 0] = 0;
    close(out[0]);
    waitpid(child, &status, 0);
    char *of_emulator = strstr(text, "qemu: ");    /* when that was quicker than the read */
    if (of_emulator) *of_emulator = 0;
    return status;
}
