/* Bytes from a server into the client's session of HTTP/2: whatever they are, the calls end, and nothing is lost. The first byte says how
 * the bytes are cut, and by its lowest bit whether the server then stays,
 * by the next whether the program ends before its connections are idle for too long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/features.h"
#include "os/sim.h"
#include "task/loop.h"
#include "weft/client.h"
#include "weft/net.h"
#include "weft/task.h"

static struct { const uint8_t *bytes; size_t len; char base[64]; } now;

static int say_all(weft_conn *c, void *ctx)
{
    weft_str in;
    size_t step = now.len && now.bytes[0] ? now.bytes[0] * 3u : 100000;
    (void)ctx;
    if (weft_conn_read(c, &in) <= 0) return 0;
    for (size_t i = 1; i < now.len; i += step) {
        weft_str piece = { (const char *)now.bytes + i, now.len - i < step ? now.len - i : step };
        if (weft_conn_write(c, piece) < 0) return 0;
        (void)!weft_yield();
    }
    (void)!weft_sleep_ms(now.len && now.bytes[0] & 1 ? 50000 : 20);
    return 0;
}

typedef struct serving { weft_listener *l; } serving;
static int serve(const serving *in) { return weft_listener_serve(in->l, say_all); }

static int next_piece(void *left, weft_str *piece)
{
    static const char bytes[40000];
    if (!(*(int *)left)--) return 0;
    *piece = (weft_str){ bytes, sizeof bytes };
    return 1;
}

typedef struct asking { int id; } asking;
static int ask(const asking *in)
{
    static const char *const methods[] = { "GET", "POST", "HEAD" };
    weft_response r;
    weft_str piece;
    weft_str body = in->id == 1 ? WEFT_S("{}") : WEFT_S("");
    if (in->id == 4) {
        int left = 3;
        (void)!weft_exchange(&r, (.method = "PUT", .body_next = next_piece, .body_ctx = &left, .read_ms = 100, .http2 = WEFT_HTTP2_ALWAYS), "{+}/x", now.base);
        return 0;
    }
    if (in->id < 3) {
        (void)!weft_exchange(&r, (.method = methods[in->id], .body = body, .read_ms = 100, .http2 = WEFT_HTTP2_ALWAYS), "{+}/x", now.base);
        return 0;
    }
    WEFT_DOWNLOAD(d);
    if (weft_download_open(&d, (.read_ms = 100, .http2 = WEFT_HTTP2_ALWAYS), "{+}/x", now.base) < 0) return 0;
    while (weft_download_read(d, &piece) > 0) continue;
    return 0;
}

static int whole(void)
{
    enum { CALLS = 5 };
    asking in[CALLS];
    weft_call calls[CALLS];
    WEFT_LISTENER(l);
    WEFT_TRY(weft_listen(&l, "127.0.0.1", 0));
    snprintf(now.base, sizeof now.base, "http://127.0.0.1:%d", weft_listener_port(l));
    WEFT_SCOPE(servers);
    weft_spawn(servers, serve, (&(serving){ l }));
    for (int i = 0; i < CALLS; i++) {
        in[i] = (asking){ i };
        calls[i] = weft_call(ask, &in[i]);
    }
    WEFT_TRY(weft_gather_n(calls, CALLS));
    if (!now.len || !(now.bytes[0] & 2)) WEFT_TRY(weft_sleep_ms(60000));
    weft_cancel(servers);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    now.bytes = bytes;
    now.len = len;
    weft__os *os = weft__sim_new(&(weft__sim_opts){ 0 });
    weft__loop *loop = weft__loop_new(os);
    if (!loop) abort();
    (void)!weft__loop_run(loop, weft_call(whole));
    weft__loop_free(loop);
    os->ops->free(os);
    return 0;
}
