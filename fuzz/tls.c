/* Bytes into TLS. With an even first byte the rest is what a client says to a server, in pieces; with an odd one a client and a
 * server of ours talk, and the rest says which of their bytes somebody between changes. Nobody may take for said what was not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/sim.h"
#include "task/loop.h"
#include "weft/net.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

static weft__os *os;
static weft__loop *loop;
static weft_listener *secure, *between;
static struct { const uint8_t *at; size_t n; } input;

static int open_listeners(void)
{
    static weft_tls_made made;
    MUST(weft_tls_self_signed(&made, "localhost", 30) == 0);
    MUST(weft_listen(&secure, "127.0.0.1", 0, .conn = { .read_ms = 1000, .write_ms = 1000 },
        .tls = { .certs = WEFT_TLS_CERTS({ .cert_pem = weft_str_of(made.cert), .key_pem = weft_str_of(made.key) }) }) == 0);
    return weft_listen(&between, "127.0.0.1", 0, .conn = { .read_ms = 1000, .write_ms = 1000 });
}

/* What a server makes of one connection: the line that it heard, or a failure. */
static int hear(char (*const *heard)[16])
{
    WEFT_CONN(c);
    weft_str line;
    int rc = weft_accept(secure, &c);
    if (rc == 0) rc = weft_conn_line(c, &line);
    if (rc == 1) snprintf(**heard, sizeof **heard, "%.*s", WEFT_FMT(line));
    if (rc == 1) rc = weft_conn_write(c, WEFT_S("answer\n"));
    return 0;
}

static int say_it(void)
{
    char heard[16] = "", (*at)[16] = &heard;
    WEFT_SCOPE(s);
    weft_spawn(s, hear, &at);
    WEFT_CONN(c);
    MUST(weft_connect(&c, "127.0.0.1", weft_listener_port(secure)) == 0);
    for (size_t i = 0, n; i < input.n; i += n) {
        n = 1 + input.at[i] % 97;
        if (n > input.n - i) n = input.n - i;
        if (weft_conn_write(c, (weft_str){ (const char *)input.at + i, n }) < 0) break;
    }
    (void)!weft_conn_end(c);
    (void)!weft_join(s);
    MUST(!*heard);                                   /* it does not know how */
    return 0;
}

/* ---- somebody between ---- */

typedef struct passing { weft_conn *from, *to; bool to_server; } passing;

/* Each three bytes of the input: direction and place, and what is changed there. */
static void change(bool to_server, size_t began, char *bytes, size_t n)
{
    for (size_t i = 0; i + 3 <= input.n; i += 3) {
        size_t place = ((size_t)input.at[i] << 8 | input.at[i + 1]) & 0x7fff;
        if ((input.at[i] >> 7) == to_server && place >= began && place < began + n) bytes[place - began] ^= (char)input.at[i + 2];
    }
}

static int pass_on(const passing *p)
{
    char bytes[512];
    size_t went = 0;
    int64_t n;
    while ((n = weft_conn_read_into(p->from, bytes, sizeof bytes)) > 0) {
        change(p->to_server, went, bytes, (size_t)n);
        went += (size_t)n;
        if (weft_conn_write(p->to, (weft_str){ bytes, (size_t)n }) < 0) break;
    }
    weft_conn_close(p->to);
    weft_conn_close(p->from);
    return 0;
}

static int stand_between(void)
{
    WEFT_CONN(client);
    WEFT_CONN(server);
    WEFT_TRY(weft_accept(between, &client));
    WEFT_TRY(weft_connect(&server, "127.0.0.1", weft_listener_port(secure), .read_ms = 1000, .write_ms = 1000));
    WEFT_SCOPE(s);
    weft_spawn(s, pass_on, (&(passing){ client, server, true }));
    weft_spawn(s, pass_on, (&(passing){ server, client, false }));
    return weft_join(s);
}

static int talk_through(void)
{
    char heard[16] = "", (*at)[16] = &heard;
    weft_str line;
    WEFT_SCOPE(s);
    weft_spawn(s, hear, &at);
    weft_spawn(s, stand_between);
    WEFT_CONN(c);
    int rc = weft_connect(&c, "127.0.0.1", weft_listener_port(between), .read_ms = 1000, .write_ms = 1000, .tls = { .unverified = true });
    if (rc == 0) rc = weft_conn_write(c, WEFT_S("question\n"));
    if (rc == 0) rc = weft_conn_line(c, &line);
    if (rc == 1) MUST(weft_str_equal(line, WEFT_S("answer")));
    MUST(!*heard || strcmp(heard, "question") == 0);
    weft_conn_close(c);
    weft_cancel(s);
    (void)!weft_join(s);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 4096) return 0;
    if (!os) {
        os = weft__sim_new(&(weft__sim_opts){ .seed = 0 });
        loop = os ? weft__loop_new(os) : NULL;
        MUST(loop && weft__loop_run(loop, weft_call(open_listeners)) == 0);
    }
    input.at = data + 1;
    input.n = size - 1;
    (void)weft__loop_run(loop, data[0] & 1 ? weft_call(talk_through) : weft_call(say_it));
    return 0;
}
