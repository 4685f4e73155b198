#define _GNU_SOURCE
#include "http/server_world.h"
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "support/descriptors.h"
#include "testing/verdict.h"

weft__os *server_os;
weft__loop *server_loop;
server_memory server_mem = { .fail_after = -1 };
server_calls server_count;

/* ---- memory ---- */

static bool refused(void)
{
    server_mem.calls++;
    if (server_mem.fail_after < 0 || server_mem.fail_after-- > 0) return false;
    server_mem.failed++;
    return true;
}

static void *counting(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    long before = ptr ? (long)malloc_usable_size(ptr) : 0;
    if (!size) {
        server_mem.blocks -= ptr != NULL;
        server_mem.bytes -= before;
        free(ptr);
        return NULL;
    }
    if (refused()) return NULL;
    void *p = realloc(ptr, size);
    if (!p) return NULL;
    server_mem.blocks += ptr == NULL;
    server_mem.bytes += (long)malloc_usable_size(p) - before;
    if (server_mem.bytes > server_mem.peak) server_mem.peak = server_mem.bytes;
    return p;
}

/* ---- the os, counted ---- */

static weft__os_ops counted_ops;
static const weft__os_ops *real_ops;

static ssize_t counted_recv(weft__os *os, int fd, void *to, size_t n)
{
    server_count.recv++;
    return real_ops->recv(os, fd, to, n);
}

static ssize_t counted_send(weft__os *os, int fd, const struct iovec *v, int n)
{
    server_count.send++;
    return real_ops->send(os, fd, v, n);
}

static int counted_wait(weft__os *os, weft__event *events, int max, int64_t timeout_ns)
{
    server_count.wait++;
    return real_ops->wait(os, events, max, timeout_ns);
}

static int counted_accept(weft__os *os, int listener, weft__addr *peer_addr)
{
    server_count.accept++;
    int fd = real_ops->accept(os, listener, peer_addr);
    const struct sockaddr_in *v4 = (const void *)&peer_addr->sa;
    if (fd < 0 || !server_mapped || v4->sin_family != AF_INET) return fd;
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = v4->sin_port, .sin6_addr.s6_addr = { [10] = 0xff, [11] = 0xff } };
    memcpy(v6.sin6_addr.s6_addr + 12, &v4->sin_addr, 4);
    memcpy(&peer_addr->sa, &v6, peer_addr->len = sizeof v6);
    return fd;
}

static void count_calls(weft__os *os)
{
    real_ops = os->ops;
    counted_ops = *real_ops;
    counted_ops.recv = counted_recv;
    counted_ops.send = counted_send;
    counted_ops.wait = counted_wait;
    counted_ops.accept = counted_accept;
    os->ops = &counted_ops;
    server_count = (server_calls){ 0 };
}

/* ---- stderr ---- */

static int real_stderr = -1, captured = -1;

void server_capture(void)
{
    fflush(stderr);
    captured = memfd_create("captured", MFD_CLOEXEC);
    real_stderr = dup(2);
    WEFT_NEED(captured >= 0 && real_stderr >= 0 && dup2(captured, 2) == 2);
}

const char *server_captured(void)
{
    static char said[8192];
    fflush(stderr);
    dup2(real_stderr, 2);
    close(real_stderr);
    ssize_t n = pread(captured, said, sizeof said - 1, 0);
    said[n < 0 ? 0 : n] = 0;
    close(captured);
    return said;
}

/* ---- worlds ---- */

static const server_test *running;
bool server_tls, server_mapped;

bool server_tls_everywhere(void) { return getenv("WEFT_TEST_TLS") != NULL; }

/* One certificate for the whole process. */
static weft_tls_cert *own_certificate(void)
{
    static weft_tls_made made;
    static weft_tls_cert certs[2];
    if (!certs->cert_pem.len) WEFT_NEED(weft_tls_self_signed(&made, "127.0.0.1, localhost", 30) == 0);
    certs->cert_pem = weft_str_of(made.cert);
    certs->key_pem = weft_str_of(made.key);
    return certs;
}
static bool calm;
static weft__server *kept[10000]; /* of tests whose handlers hang: their memory is kept, on purpose */
static unsigned kept_count;

int64_t server_ms(void) { return weft__loop_clock(server_loop) / 1000000; }
bool server_calm(void) { return calm; }
int64_t server_patience_ms(void) { return server_os->ops->virtual_time ? 200000 : 10000; }

void server_sleep(int ms) { WEFT_CHECK_EQ(weft_sleep_ms(ms), 0); }
void server_settle(void) { server_sleep(server_os->ops->virtual_time ? 5 : 20); }

static void act(void *ctx, weft__exchange *x);

static int run_server(void *arg)
{
    served *s = arg;
    s->run_rc = weft__server_run(s->server);
    s->over = true;
    return 0;
}

void server_wait(served *s) { SERVER_UNTIL(s->over); }

void server_stop(served *s)
{
    if (!s->over) weft__server_stop(s->server);
    server_wait(s);
}

static const char *own_address(void)
{
    static char text[20];
    unsigned pid = (unsigned)getpid();
    snprintf(text, sizeof text, "127.%u.%u.%u", 1 + (pid >> 16 & 127), pid >> 8 & 255, pid & 255);
    return text;
}

static int whole_test(void)
{
    char why[256] = "";
    served s = { .opts = running->opts };
    if (!s.opts.port) s.opts.port = -1;
    if (server_tls_everywhere()) server_tls = !running->plain;
    if (server_tls && !s.opts.tls.certs) s.opts.tls.certs = own_certificate();
    if (s.opts.host && !strcmp(s.opts.host, OWN_ADDRESS)) s.opts.host = own_address();
    int rc = weft__server_open(&s.server, &s.opts, act, &s, why);
    WEFT_CHECK_STR(weft_str_of(why), "");
    if (rc < 0) return rc;
    s.port = weft__server_port(s.server);
    {
        WEFT_SCOPE(scope, .shield = true);
        rc = weft__start(scope, "the server", run_server, &s);
        WEFT_NEED(rc == 0);
        WEFT_NEED(weft_yield() == 0 && weft_yield() == 0);
        running->body(&s);
        server_stop(&s);
        WEFT_CHECK_EQ(s.run_rc, s.hangs ? WEFT_ETIMEDOUT : 0);
        WEFT_CHECK_EQ(s.server->connections, 0);
    }
    weft__server_free(s.server);
    if (s.hangs) kept[kept_count++ % weft_count(kept)] = s.server;
    return 0;
}

static void run_world(const server_test *t, weft__os *os)
{
    WEFT_NEED(os != NULL);
    running = t;
    server_os = os;
    count_calls(os);
    server_loop = weft__loop_new(os);
    WEFT_NEED(server_loop != NULL);
    WEFT_CHECK_EQ(weft__loop_run(server_loop, weft_call(whole_test)), 0);
    weft__loop_free(server_loop);
    if (os->ops->virtual_time) WEFT_CHECK_EQ(weft__sim_open_fds(os), 0);
    os->ops->free(os);
    weft__errors_clear();
    if (!kept_count) WEFT_CHECK_EQ(server_mem.blocks, 0);
    server_mem.blocks = 0;
}

void server_sim(const server_test *t, const weft__sim_opts *opts)
{
    unsigned failed = weft__verdict_now->failed_checks;
    weft_set_allocator(counting, NULL);
    calm = opts->seed == 0 && !opts->short_io_percent && !opts->delay_max_ns;
    run_world(t, weft__sim_new(opts));
    if (weft__verdict_now->failed_checks == failed) return;
    fprintf(stderr, "  (the above in the simulator with seed %llu, %u %% short, window %zu)\n",
        (unsigned long long)opts->seed, opts->short_io_percent, opts->window);
}

unsigned server_seed_count(unsigned usually)
{
    const char *given = getenv("WEFT_SEEDS");
    return given ? (unsigned)atoi(given) / 1000 * usually + usually : usually;
}

void server_seeds(const server_test *t)
{
    unsigned failed = weft__verdict_now->failed_checks;
    server_sim(t, &(weft__sim_opts){ .seed = 0 });
    bool tls = server_tls_everywhere();
    for (uint64_t seed = 1; seed <= server_seed_count(tls ? 5 : 12); seed++) {
        server_sim(t,
            &(weft__sim_opts){ .seed = seed,
                .short_io_percent = seed % 4 * 30,
                .delay_max_ns = seed % 3 ? 400 * 1000 : 0,
                .window = seed % 5 ? 0 : tls && !t->plain ? 4096 : 512 });
        if (weft__verdict_now->failed_checks > failed + 20) return;
    }
}

void server_epoll(const server_test *t)
{
    weft_set_allocator(counting, NULL);
    calm = false;
    int fds = open_descriptors();
    run_world(t, weft__os_linux_new());
    WEFT_CHECK_EQ(open_descriptors(), fds);
}

/* ---- the handler ---- */

enum { PATTERN_REPEATS = 26 * 26 };

bool is_pattern(weft_str body, size_t n)
{
    bool same = body.len == n;
    for (size_t i = 0; same && i < n && i < PATTERN_REPEATS; i++) same = body.ptr[i] == pattern_byte(n, i);
    return same && (n <= PATTERN_REPEATS || memcmp(body.ptr, body.ptr + PATTERN_REPEATS, n - PATTERN_REPEATS) == 0);
}

static void fill_pattern(char *to, size_t n)
{
    for (size_t i = 0; i < n && i < PATTERN_REPEATS; i++) to[i] = pattern_byte(n, i);
    for (size_t done = PATTERN_REPEATS, more; done < n; done += more) {
        more = n - done < done ? n - done : done;
        memcpy(to + done, to, more);
    }
}

static void say(weft__exchange *x, int status, const char *text)
{
    (void)weft__exchange_reply(
        x, status, WEFT_S("Content-Type: text/plain\r\n"), weft_str_of(text));
}

static void echo(served *s, weft__exchange *x)
{
    weft_str body;
    const char *fault = NULL;
    int rc = weft__exchange_body(x, weft__exchange_body_max(x), &body, &fault);
    s->last_rc = rc;
    if (rc == 0) (void)weft__exchange_reply(x, 200, WEFT_S(""), body);
    else say(x, rc <= WEFT_STATUS(400) ? -rc - 10000 : 400, fault ? fault : "broken off");
}

/* The body piece by piece: how many bytes it had, or how it ended too early. */
static void count(served *s, weft__exchange *x, int pause_ms, size_t most)
{
    weft__intake *i = NULL;
    const char *fault = NULL;
    weft_str piece;
    char text[256];
    int rc = weft__exchange_intake(x, weft__exchange_body_max(x), &i, &fault);
    bool whole = true;
    s->taken = s->sum = 0;
    while (rc == 0 && (whole = s->taken < most)) {
        if (pause_ms && weft_sleep_ms(pause_ms) < 0) break;
        rc = weft__intake_read(i, &piece);
        if (rc <= 0) break;
        for (size_t k = 0; k < piece.len; k++) s->sum = s->sum * 31 + (unsigned char)piece.ptr[k];
        WEFT_CHECK_EQ(piece.ptr[piece.len], 0);
        s->taken += piece.len;
        rc = 0;
    }
    s->last_rc = rc;
    if (rc == 0) snprintf(text, sizeof text, "%s%zu", whole ? "" : "the first ", s->taken);
    else snprintf(text, sizeof text, "%s", fault ? fault : weft_error_of(rc)->text);
    weft__intake_end(i);
    say(x, rc == 0 ? 200 : rc <= WEFT_STATUS(400) ? -rc - 10000 : 400, text);
}

/* Its lines, with a '|' behind each. */
static void rows(served *s, weft__exchange *x)
{
    weft__intake *i = NULL;
    const char *fault = NULL;
    weft_str line;
    char text[512] = "", *to = text;
    int rc = weft__exchange_intake(x, weft__exchange_body_max(x), &i, &fault);
    while (rc == 0 && (rc = weft__intake_line(i, 20, &line)) > 0) {
        to = stpcpy(stpcpy(to, line.ptr), "|");
        rc = 0;
        if (to - text > 400) break;
    }
    s->last_rc = rc;
    weft__intake_end(i);
    if (rc < 0) snprintf(to, (size_t)(text + sizeof text - to), "%s", weft_error_of(rc)->text);
    say(x, rc < 0 ? 400 : 200, text);
}

typedef struct reading { weft__intake *intake; size_t bytes; } reading;

static int read_all(reading *const *in)
{
    weft_str piece;
    int rc;
    while ((rc = weft__intake_read((*in)->intake, &piece)) > 0) (*in)->bytes += piece.len;
    return rc;
}

static int write_beside(weft__exchange *x, reading *r, int turns)
{
    char text[32];
    WEFT_SCOPE(readers);
    weft_spawn(readers, read_all, &r);
    while (turns--) (void)!weft_yield();
    WEFT_TRY(weft__exchange_begin(x, 200, WEFT_S("Content-Type: text/plain\r\n"), -1));
    for (int i = 0; i < 3; i++) WEFT_TRY(weft__exchange_write(x, WEFT_S("here ")));
    WEFT_TRY(weft_join(readers));
    return weft__exchange_write(x, (weft_str){ text, (size_t)sprintf(text, "%zu", r->bytes) });
}

static void both(served *s, weft__exchange *x, int turns)
{
    reading r = { 0 };
    const char *fault = NULL;
    s->last_rc = weft__exchange_intake(x, weft__exchange_body_max(x), &r.intake, &fault);
    if (s->last_rc == 0) s->last_rc = write_beside(x, &r, turns);
    weft__intake_end(r.intake);
    if (!weft__exchange_begun(x)) say(x, 500, "not begun");
    else if (s->last_rc < 0) weft__exchange_break(x);
    else s->last_rc = weft__exchange_end(x);
}

static void slept(served *s, weft__exchange *x, int ms)
{
    s->last_rc = weft_sleep_ms(ms);
    s->cut += s->last_rc < 0;
    say(x, s->last_rc < 0 ? 503 : 200, s->last_rc < 0 ? "cut" : "slept");
}

static void deaf(served *s, weft__exchange *x, int ms)
{
    {
        WEFT_SCOPE(shut, .shield = true);
        s->last_rc = weft_sleep_ms(ms);
    }
    say(x, 200, "slept");
}

static void large(weft__exchange *x, size_t n, bool scratch)
{
    weft__buf *b = weft__exchange_scratch(x);
    char *to = scratch ? weft__buf_reserve(b, n) : weft__arena_alloc(x->arena, n);
    if (to) fill_pattern(to, n);
    if (to) (void)weft__exchange_reply(x, 200, WEFT_S(""), (weft_str){ to, n });
    else say(x, 500, "no memory");
}

static void lines(weft__exchange *x, size_t n)
{
    char *to = weft__arena_alloc(x->arena, n + 1);
    if (!to) {
        say(x, 500, "no memory");
        return;
    }
    memset(to, 'v', n);
    if (n >= 6) memcpy(to, "X-L: ", 5), memcpy(to + n - 2, "\r\n", 2);
    (void)weft__exchange_reply(x, 200, (weft_str){ to, n }, WEFT_S("lines"));
}

static void keep(served *s, weft__exchange *x, int ms)
{
    if (weft__exchange_keep_head(x) < 0) {
        say(x, 500, "no memory");
        return;
    }
    weft__exchange_detach(x);
    s->last_rc = weft_sleep_ms(ms);
    weft_str text = weft__arena_printf(
        x->arena, "%.*s %.*s", WEFT_FMT(x->head->method), WEFT_FMT(x->head->path));
    (void)weft__exchange_reply(x, 200, WEFT_S(""), text);
}

/* What handlers see of a head. */
static void tell_head(weft__exchange *x)
{
    const weft__http_header *cookie = weft__http_find(x->head, WEFT_S("Cookie"), NULL);
    weft_str value = cookie ? cookie->value : WEFT_S(""), version = weft__exchange_version(x);
    weft_str text = weft__arena_printf(x->arena, "%.*s %.*s host=%.*s cookie=%.*s %.*s", WEFT_FMT(x->head->method), WEFT_FMT(x->head->path),
        WEFT_FMT(x->head->host), WEFT_FMT(value), WEFT_FMT(version));
    (void)weft__exchange_reply(x, 200, WEFT_S(""), text);
}

static const char *behind(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(path, prefix, n) == 0 ? path + n : NULL;
}

static void who(weft__exchange *x)
{
    char client[WEFT__PEER_ROOM], text[400];
    size_t n = weft__exchange_peer(x, client);
    snprintf(text, sizeof text, "%.*s %.*s %s", (int)n, client, WEFT_FMT(x->head->host), x->forwarded_scheme ? x->forwarded_scheme : "-");
    say(x, 200, text);
}

static void act(void *ctx, weft__exchange *x)
{
    served *s = ctx;
    char path[256];
    const char *n;
    snprintf(path, sizeof path, "%.*s", WEFT_FMT(x->head->path));
    s->began++;
    size_t used = strlen(s->log);
    snprintf(s->log + used, sizeof s->log - used, "%s ", path);
    if (strcmp(path, "/hello") == 0) say(x, 200, "hello");
    else if (strcmp(path, "/who") == 0) who(x);
    else if (strcmp(path, "/echo") == 0) echo(s, x);
    else if (strcmp(path, "/rows") == 0) rows(s, x);
    else if (strcmp(path, "/head") == 0) tell_head(x);
    else if ((n = behind(path, "/count/"))) count(s, x, atoi(n), SIZE_MAX);
    else if ((n = behind(path, "/sip/"))) count(s, x, 0, strtoul(n, NULL, 10));
    else if (strcmp(path, "/ignore") == 0) say(x, 200, "ignored");
    else if (strcmp(path, "/safe") == 0) {
        weft__exchange_cancel_on_leave(x, true);
        say(x, 200, "safe");
    }
    else if (strcmp(path, "/none") == 0) return;
    else if (strcmp(path, "/twice") == 0) say(x, 200, "first"), say(x, 200, "second");
    else if ((n = behind(path, "/large/"))) large(x, strtoul(n, NULL, 10), true);
    else if ((n = behind(path, "/arena/"))) large(x, strtoul(n, NULL, 10), false);
    else if ((n = behind(path, "/status/"))) say(x, atoi(n), "body");
    else if ((n = behind(path, "/lines/"))) lines(x, strtoul(n, NULL, 10));
    else if ((n = behind(path, "/parts/"))) server_parts(s, x, n);
    else if ((n = behind(path, "/trail/"))) server_trail(s, x, n);
    else if ((n = behind(path, "/fields/"))) server_head(s, x, n);
    else if ((n = behind(path, "/both/"))) both(s, x, atoi(n));
    else if ((n = behind(path, "/keep/"))) keep(s, x, atoi(n));
    else if ((n = behind(path, "/sleep/"))) weft__exchange_detach(x), slept(s, x, atoi(n));
    else if ((n = behind(path, "/deaf/"))) weft__exchange_detach(x), deaf(s, x, atoi(n));
    else if ((n = behind(path, "/watch/"))) {
        weft__exchange_detach(x);
        weft__exchange_cancel_on_leave(x, true);
        slept(s, x, atoi(n));
    } else say(x, 200, "other");
}
