/* Bytes into a server's session of HTTP/2, behind the preface: whatever they are, nothing but the connection ends. Handlers read bodies and
 * answer in each way there is. The first byte says how the bytes are cut, and by its lowest bits whether the peer reads what it is told, stays
 * until it is idle for too long, and is still there when the server stops. */
#include <stdlib.h>
#include <string.h>
#include "http/h2.h"
#include "os/sim.h"
#include "weft/task.h"

enum { IS_DEAF = 1, STAYS = 2, IS_STOPPED = 4 };
static struct { const uint8_t *bytes; size_t len; weft__server *server; } now;

static bool is(int trait) { return now.len && now.bytes[0] & trait; }

static void read_pieces(weft__exchange *x)
{
    weft__intake *in = NULL;
    const char *fault;
    weft_str piece;
    if (weft__exchange_intake(x, 100000, &in, &fault) == 0)
        while (weft__intake_read(in, &piece) > 0) continue;
    weft__intake_end(in);
}

static void write_parts(weft__exchange *x)
{
    static char part[20000];
    if (weft__exchange_begin(x, 200, WEFT_S("X: y\r\n"), -1) < 0) return;
    for (int i = 0; i < 3; i++)
        if (weft__exchange_write(x, (weft_str){ part, i == 1 ? sizeof part : 100 }) < 0) return;
    (void)!weft__exchange_end(x);
}

/* As larger applications end answers: in one large piece, too short, broken off, gathered, with trailers; by how long the query is. */
static void answer_otherwise(weft__exchange *x, size_t how)
{
    static char large[60000];
    weft_str all = { large, sizeof large };
    if (how == 1) {
        (void)!weft__exchange_reply(x, 200, WEFT_S(""), all);
        return;
    }
    if (weft__exchange_begin(x, 200, WEFT_S(""), how == 2 ? 200 : -1) < 0) return;
    (void)!weft__exchange_write(x, (weft_str){ large, 100 });
    if (how == 3) weft__exchange_break(x);
    if (how == 4) {
        weft__exchange_will_flush(x);
        weft__exchange_add(x, (weft_str){ large, 1000 });
        weft__exchange_flush(x);
    }
    (void)!weft__exchange_end(x);
}

static void act(void *ctx, weft__exchange *x)
{
    weft_str body;
    const char *fault;
    (void)ctx;
    weft__exchange_cancel_on_leave(x, x->head->path.len % 2);
    if (x->head->query.len) {
        answer_otherwise(x, x->head->query.len % 5);
        return;
    }
    switch (x->head->path.len % 5) {
    case 0: (void)!weft__exchange_body(x, 100000, &body, &fault); break;
    case 1: read_pieces(x); break;
    case 2: write_parts(x); return;
    case 3: (void)!weft_sleep_ms(is(IS_STOPPED) ? 5000 : 5); break;
    default: break;
    }
    (void)!weft__exchange_reply(x, 200, WEFT_S("Content-Type: text/plain\r\n"), WEFT_S("hello"));
}

static int serve(weft__server *const *s) { return weft__server_run(*s); }

/* What the server says is read and dropped: or it would wait for us. */
static void drop(weft__stream *s)
{
    char bytes[4096];
    if (is(IS_DEAF)) return;
    while (weft__stream_try_recv(s, bytes, sizeof bytes) > 0) continue;
}

static void talk(weft__loop *loop)
{
    weft__addr at;
    weft__stream s;
    size_t step = now.len && now.bytes[0] ? now.bytes[0] * 3u : 100000;
    struct iovec hello = { (void *)(uintptr_t)WEFT__H2_PREFACE_TEXT, WEFT__H2_PREFACE };
    if (weft__addr_parse(WEFT_S("127.0.0.1"), weft__server_port(now.server), &at) < 0) abort();
    if (weft__stream_connect(&s, loop, &at, INT64_MAX) < 0) return;
    int rc = weft__stream_send(&s, &hello, 1, INT64_MAX);
    for (size_t i = 1; i < now.len && rc == 0; i += step) {
        struct iovec v = { (void *)(uintptr_t)(now.bytes + i), now.len - i < step ? now.len - i : step };
        rc = weft__stream_send(&s, &v, 1, 1000000000);
        drop(&s);
        (void)!weft_yield();
    }
    (void)!weft_sleep_ms(is(STAYS) ? 2500 : 10);
    drop(&s);
    if (is(IS_STOPPED)) {
        weft__server_stop(now.server);
        (void)!weft_sleep_ms(500);
    }
    weft__stream_close(&s);
}

static int whole(void)
{
    char why[256];
    weft_serve_opts opts = { .port = -1, .grace_ms = 100, .hard_ms = 100, .write_timeout_ms = 1000, .body_timeout_ms = 1000, .idle_timeout_ms = 2000, .quiet = true };
    if (weft__server_open(&now.server, &opts, act, NULL, why) < 0) abort();
    {
        WEFT_SCOPE(servers);
        weft_spawn(servers, serve, &now.server);
        talk(weft__loop_here());
        weft__server_stop(now.server);
        if (weft_join(servers) < 0) abort();
    }
    weft__server_free(now.server);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    now.bytes = bytes;
    now.len = len;
    weft__os *os = weft__sim_new(&(weft__sim_opts){ 0 });
    weft__loop *loop = weft__loop_new(os);
    if (!loop || weft__loop_run(loop, weft_call(whole)) < 0) abort();
    weft__loop_free(loop);
    os->ops->free(os);
    return 0;
}
