/* Holds its loop in the way that its argument names, until the file that it is given second can be read; for the script
 * beside this folder, which compiles it in many ways. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "weft.h"

#if defined __clang__
#define KEEP __attribute__((noinline))
#else
#define KEEP __attribute__((noinline, noclone))
#endif

static const char *how, *go;
static volatile unsigned long n;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int gone_on(int64_t began) { return access(go, F_OK) == 0 || now_ms() - began > 10000; }

KEEP static long fibonacci(int i) { n++; return i < 2 ? i : fibonacci(i - 1) + fibonacci(i - 2); }

KEEP static int computes(void)
{
    for (int64_t began = now_ms(); !gone_on(began);) n += (unsigned long)fibonacci(27);
    return 0;
}

KEEP static int sleeps(void)
{
    int cut = 0;
    for (int64_t began = now_ms(); !gone_on(began); n++) cut += usleep(200000) != 0;
    return cut;
}

/* A call that nothing in libc wraps. */
KEEP static int calls(void)
{
    int cut = 0;
    struct timespec t = { .tv_nsec = 200000000 };
    for (int64_t began = now_ms(); !gone_on(began); n++) cut += syscall(SYS_clock_nanosleep, (long)CLOCK_MONOTONIC, 0L, &t, NULL) != 0;
    return cut;
}

/* The file is a pipe here: its byte is the whole of what is read. */
KEEP static int reads(void)
{
    char c = 0;
    int fd = open(go, O_RDWR | O_CLOEXEC);
    ssize_t got = read(fd, &c, 1);
    n++;
    close(fd);
    return got == 1 && c == 'x' ? 0 : 1;
}

KEEP static int blocks(void)
{
    int rc = !strcmp(how, "sleeps") ? sleeps() : !strcmp(how, "calls") ? calls() : !strcmp(how, "reads") ? reads() : computes();
    n++;
    return rc;
}

static int handler_of(const int *times)
{
    int rc = 0;
    for (int i = 0; i < *times; i++) rc += blocks();
    n++;
    return rc ? weft_fail(500, "%d calls were cut short", rc) : 0;
}

static int program(void)
{
    if (strcmp(how, "idles") == 0) return weft_sleep_ms(3000);
    WEFT_SCOPE(s);
    weft_spawn(s, handler_of, (&(int){ 1 }));
    return weft_join(s);
}

WEFT_INPUT(asked_in, path(int, any));
static int asked(const asked_in *in, int *out)
{
    *out = in->any - 1 + blocks();
    return 0;
}

static const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/blocks/{any}", asked, asked_in, int)) };

int main(int argc, char **argv)
{
    struct rusage used;
    if (argc < 3) return fputs("usage: victim HOW FILE [serve]\n", stderr), 2;
    how = argv[1];
    go = argv[2];
    if (argc > 3) return weft_serve(&app, .port = -1);
    int rc = weft_run(program);
    getrusage(RUSAGE_SELF, &used);
    printf("%ld ms\n", (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000);
    return rc;
}
