#define _GNU_SOURCE
#include "http/client_world.h"
#include <ctype.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/plan.h"
#include "support/descriptors.h"
#include "testing/verdict.h"

weft__os *net_os;
weft__loop *net_loop;

/* ---- worlds ---- */

static long live_blocks;
long net_fail_after = -1, net_bytes, net_bytes_peak;

static void *counting(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    long had = ptr ? (long)malloc_usable_size(ptr) : 0;
    if (!size) {
        if (ptr) live_blocks--;
        net_bytes -= had;
        free(ptr);
        return NULL;
    }
    if (net_fail_after >= 0 && net_fail_after-- == 0) return NULL;
    void *p = realloc(ptr, size);
    if (p && !ptr) live_blocks++;
    if (p) net_bytes += (long)malloc_usable_size(p) - had;
    if (net_bytes > net_bytes_peak) net_bytes_peak = net_bytes;
    return p;
}

int net_fds(void) { return net_os->ops->virtual_time ? weft__sim_open_fds(net_os) : open_descriptors(); }

static void run_world(weft__os *os, weft_call body)
{
    WEFT_NEED(os != NULL);
    net_os = os;
    net_loop = weft__loop_new(os);
    WEFT_NEED(net_loop != NULL);
    int rc = weft__loop_run(net_loop, body);
    if (rc < 0) fprintf(stderr, "the body: %s\n", weft_error_of(rc)->text);
    WEFT_CHECK_EQ(rc, 0);
    weft__loop_free(net_loop);
    if (os->ops->virtual_time) WEFT_CHECK_EQ(weft__sim_open_fds(os), 0);
    os->ops->free(os);
    weft__errors_clear();
    weft__model_forget();
}

void net_sim(const weft__sim_opts *opts, weft_call body)
{
    weft_set_allocator(counting, NULL);
    long before = live_blocks;
    unsigned failed = weft__verdict_now->failed_checks;
    run_world(weft__sim_new(opts), body);
    WEFT_CHECK_EQ(live_blocks, before);
    if (weft__verdict_now->failed_checks == failed) return;
    fprintf(stderr, "  (the above in the simulator with seed %llu, %u %% short)\n",
        (unsigned long long)opts->seed, opts->short_io_percent);
}

void net_sims(weft_call body)
{
    net_sim(&(weft__sim_opts){ .seed = 0 }, body);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        net_sim(&(weft__sim_opts){ .seed = seed, .short_io_percent = seed % 4 * 30,
            .delay_max_ns = seed % 3 ? 400 * 1000 : 0, .window = seed % 5 ? 0 : 512 }, body);
    }
}

void net_epoll(weft_call body)
{
    weft_set_allocator(counting, NULL);
    int fds = open_descriptors();
    long before = live_blocks;
    run_world(weft__os_linux_new(), body);
    WEFT_CHECK_EQ(open_descriptors(), fds);
    WEFT_CHECK_EQ(live_blocks, before);
}

weft__client *net_client(void)
{
    weft__client *client = NULL;
    WEFT_NEED(weft__client_of(net_loop, &client) == 0);
    return client;
}

int net_conns(void) { return (int)net_client()->conns; }
void net_pause(int ms) { WEFT_CHECK_EQ(weft_sleep_ms(ms), 0); }

/* ---- upstreams ---- */

typedef struct peer {
    weft__stream stream;
    net_upstream *up;
    char got[70 * 1024];
    size_t have;
} peer;

static size_t length_of(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");
    return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* One request into up->last: 1, 0 when the client has gone, < 0 when this task is cancelled. */
static int read_request(peer *p)
{
    size_t want = SIZE_MAX;
    for (;;) {
        p->got[p->have] = 0;
        char *end = strstr(p->got, "\r\n\r\n");
        if (end && want == SIZE_MAX) want = (size_t)(end - p->got) + 4 + length_of(p->got);
        if (end && p->have >= want) break;
        if (p->have + 1 >= sizeof p->got) return 0;
        ssize_t n = weft__stream_recv(&p->stream, p->got + p->have, sizeof p->got - 1 - p->have,
            INT64_MAX);
        if (n <= 0) return n == WEFT_ECONNRESET ? 0 : (int)n;
        p->have += (size_t)n;
    }
    p->up->requests++;
    snprintf(p->up->last, sizeof p->up->last, "%.*s", (int)want, p->got);
    memmove(p->got, p->got + want, p->have - want);
    p->have -= want;
    return 1;
}

static const char *echo(const char *request, char to[256])
{
    const char *end = strstr(request, " HTTP/1.1"), *at = end;
    while (at > request && at[-1] != '/') at--;
    int n = (int)(end - at);
    snprintf(to, 256, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{\"price\": %.*s}", n + 11, n,
        at);
    return to;
}

static int say(peer *p, const net_answer *a)
{
    char echoed[256];
    const char *bytes = a->bytes ? a->bytes : echo(p->up->last, echoed);
    size_t len = a->len ? a->len : strlen(bytes), slice = a->slice ? a->slice : len;
    if (a->pause_ms) WEFT_TRY(weft_sleep_ms(a->pause_ms));
    for (size_t at = 0, n; at < len; at += n) {
        if (at && a->slice_ms) WEFT_TRY(weft_sleep_ms(a->slice_ms));
        if (at && !a->slice_ms) WEFT_TRY(weft_yield());
        n = !at && a->first ? a->first : slice;
        if (n > len - at) n = len - at;
        struct iovec v = { (void *)(bytes + at), n };
        int rc = weft__stream_send(&p->stream, &v, 1, INT64_MAX);
        if (rc < 0) return rc;
    }
    return 0;
}

static int until_it_leaves(peer *p)
{
    char bytes[4096];
    ssize_t n;
    while ((n = weft__stream_recv(&p->stream, bytes, sizeof bytes, INT64_MAX)) > 0) continue;
    return (int)n;
}

static const net_answer *next_answer(net_upstream *u)
{
    int i = u->requests ? u->requests - 1 : 0;
    return &u->answers[i < u->answer_count ? i : u->answer_count - 1];
}

static void converse(peer *p)
{
    net_upstream *u = p->up;
    for (;;) {
        bool unread = u->answers[0].unread;
        if (!unread && read_request(p) <= 0) return;
        const net_answer *a = next_answer(u);
        if (say(p, a) < 0) return;
        if (a->then == NET_HANG) {
            until_it_leaves(p);
            return;
        }
        if (a->then == NET_CLOSE) return;
        if (u->idle_ms && weft_sleep_ms(u->idle_ms) <= 0) return;
        if (unread) return;
    }
}

static int peer_task(void *arg)
{
    peer *p = arg;
    converse(p);
    weft__stream_close(&p->stream);
    p->up->open--;
    free(p);
    return 0;
}

static void accepting(weft__watch *w, uint32_t events)
{
    net_upstream *u = (net_upstream *)w;
    weft__addr from;
    (void)events;
    for (int fd; (fd = net_os->ops->accept(net_os, u->fd, &from)) >= 0;) {
        peer *p = calloc(1, sizeof *p);
        p->up = u;
        u->accepted++;
        u->open++;
        if (u->open > u->open_max) u->open_max = u->open;
        if (weft__stream_open(&p->stream, net_loop, fd) == 0 && weft__start(u->scope, "upstream",
            peer_task, p) == 0) continue;
        weft__stream_close(&p->stream);
        u->open--;
        free(p);
    }
}

static int close_at_end(void *arg)
{
    net_upstream *u = arg;
    while (weft__park("the end of an upstream", INT64_MAX) == 0) continue;
    net_upstream_stop(u);
    return 0;
}

void net_upstream_start(net_upstream *u, weft_scope *scope, const net_answer *answers, int count)
{
    weft__addr at;
    *u = (net_upstream){ .watch = { accepting }, .scope = scope, .answers = answers,
        .answer_count = count };
    WEFT_NEED(weft__addr_parse(WEFT_S("127.0.0.1"), 0, &at) == 0);
    u->fd = net_os->ops->listen(net_os, &at, 4096);
    WEFT_NEED(u->fd >= 0);
    WEFT_NEED(net_os->ops->local(net_os, u->fd, &at) == 0);
    WEFT_NEED(net_os->ops->watch(net_os, u->fd, &u->watch, WEFT__WATCH_LISTENER) == 0);
    u->port = weft__addr_port(&at);
    snprintf(u->base, sizeof u->base, "http://127.0.0.1:%d", u->port);
    WEFT_NEED(weft__start(scope, "upstream's end", close_at_end, u) == 0);
}

void net_upstream_stop(net_upstream *u)
{
    if (u->fd < 0) return;
    weft__loop_forget(net_loop, &u->watch);
    net_os->ops->close(net_os, u->fd);
    u->fd = -1;
}

int net_talk_to_all(const net_talking *in)
{
    return weft_listener_serve(in->l, in->talk, .ctx = in->ctx);
}

/* ---- calls ---- */

int net_ask(const net_ask_in *in, Quote *out)
{
    return weft_fetch(Quote, out, "{+}/price/{}", in->base, in->id);
}

int net_ask_many(const char *const *bases, int base_count, int n)
{
    static Quote got[512];
    WEFT_SCOPE(s);
    for (int i = 0; i < n; i++) {
        got[i].price = -1;
        weft_spawn(s, net_ask, (&(net_ask_in){ bases[i % base_count], i }), &got[i]);
    }
    WEFT_TRY(weft_join(s));
    for (int i = 0; i < n; i++) {
        if (got[i].price == i) continue;
        weft__check_fail(__FILE__, __LINE__, "call %d was answered %f", i, got[i].price);
    }
    return 0;
}

/* ---- checks ---- */

static char *digits_masked(char *to, const char **at)
{
    const char *end = *at;
    while (isdigit((unsigned char)*end)) end++;
    bool ms = strncmp(end, " ms", 3) == 0, port = (*at)[-1] == ':' && end - *at >= 4;
    if (ms) to = stpcpy(to, "#");
    else if (port) to = stpcpy(to, "PORT");
    else to = mempcpy(to, *at, (size_t)(end - *at));
    *at = end;
    return to;
}

const char *net_error(int rc)
{
    static char text[4096];
    char *to = text;
    const char *start = weft_error_of(rc)->text, *at = start;
    while (*at) {
        bool begins = isdigit((unsigned char)*at) && at > start && !isdigit((unsigned char)at[-1]);
        if (begins) to = digits_masked(to, &at);
        else *to++ = *at++;
    }
    *to = 0;
    return text;
}

void net_check_error(const char *file, int line, int rc, int code, const char *text)
{
    weft__check_eq(file, line, "rc", "code", rc, code);
    weft__check_str(file, line, "its text", weft_str_of(net_error(rc)), text);
}
