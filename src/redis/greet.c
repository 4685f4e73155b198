/* A connection from nothing to where commands may be sent: the socket, TLS, who we are, and which database. */
#include <stdio.h>
#include <string.h>
#include "redis/inside.h"

int weft__rconn_ask(weft__rconn *c, weft__rcall *call, const weft_str *words, uint32_t n, int64_t deadline_ns)
{
    weft__buf out;
    weft__buf_init(&out, WEFT__REDIS_BYTES_MAX);
    weft__resp_put_head(&out, n);
    for (uint32_t i = 0; i < n; i++) weft__resp_put(&out, words[i]);
    int rc = out.failed ? out.failed : weft__rcall_begin(call, 1);
    call->until_ns = INT64_MAX;
    if (rc == 0 && c->state == WEFT__RCONN_CLOSED) rc = WEFT_ECONNRESET;
    if (rc == 0) rc = weft__rconn_put(c, weft__buf_str(&out), 0, call);
    weft__buf_free(&out);
    return rc < 0 ? rc : weft__rcall_wait(call, deadline_ns);
}

static bool begins(weft_str s, const char *with) { return s.len >= strlen(with) && memcmp(s.ptr, with, strlen(with)) == 0; }

/* What the server said no with is why it cannot be used. */
static int refused(weft__rconn *c, const char *what, weft_str words)
{
    snprintf(c->node->why, sizeof c->node->why, "its answer to %s: %.*s", what, words.len > 200 ? 200 : (int)words.len, words.ptr);
    return WEFT_EREDIS;
}

/* 0, WEFT_EREDIS, or a code of the connection. */
static int must(weft__rconn *c, const char *what, const weft_str *words, uint32_t n, int64_t deadline_ns)
{
    weft__rcall call;
    weft_str said;
    int rc = weft__rconn_ask(c, &call, words, n, deadline_ns);
    if (rc < 0) return rc;
    return weft__reply_error(call.one, &said) ? refused(c, what, said) : 0;
}

/* 1: it speaks RESP3 and knows who we are; 0: it does not know HELLO. */
static int hello(weft__rconn *c, int64_t deadline_ns)
{
    const weft__redis_url *u = &c->root->url;
    weft_str words[8] = { WEFT_S("HELLO"), WEFT_S("3") }, said;
    uint32_t n = 2;
    if (u->password) {
        words[n++] = WEFT_S("AUTH");
        words[n++] = u->user ? weft_str_of(u->user) : WEFT_S("default");
        words[n++] = weft_str_of(u->password);
    }
    if (c->root->name) {
        words[n++] = WEFT_S("SETNAME");
        words[n++] = weft_str_of(c->root->name);
    }
    weft__rcall call;
    int rc = weft__rconn_ask(c, &call, words, n, deadline_ns);
    if (rc < 0) return rc;
    c->resp3 = !weft__reply_error(call.one, &said);
    if (c->resp3) return 1;
    return begins(said, "ERR unknown command") || begins(said, "NOPROTO") ? 0 : refused(c, "HELLO", said);
}

static int greet_plainly(weft__rconn *c, int64_t deadline_ns)
{
    const weft__redis_url *u = &c->root->url;
    int rc = 0;
    if (u->password) {
        weft_str words[3] = { WEFT_S("AUTH"), u->user ? weft_str_of(u->user) : weft_str_of(u->password), weft_str_of(u->password) };
        rc = must(c, "AUTH", words, u->user ? 3 : 2, deadline_ns);
    }
    if (rc == 0 && c->root->name) rc = must(c, "CLIENT SETNAME", (weft_str[]){ WEFT_S("CLIENT"), WEFT_S("SETNAME"), weft_str_of(c->root->name) }, 3, deadline_ns);
    return rc;
}

static int greet(weft__rconn *c, int64_t deadline_ns)
{
    char number[16];
    int rc = hello(c, deadline_ns);
    if (rc == 0) rc = greet_plainly(c, deadline_ns);
    if (rc < 0 || !c->root->url.database) return rc < 0 ? rc : 0;
    snprintf(number, sizeof number, "%d", c->root->url.database);
    return must(c, "SELECT", (weft_str[]){ WEFT_S("SELECT"), weft_str_of(number) }, 2, deadline_ns);
}

static int connect_to(weft__rconn *c, int64_t deadline_ns, const char **why)
{
    weft__rnode *node = c->node;
    int rc = weft__stream_connect_host(&c->stream, c->root->loop, node->host, node->port, deadline_ns, why);
    if (rc == 0) weft__stream_keep_alive(&c->stream);          /* of a command that blocks nothing comes for long, and perhaps nothing is due */
    if (rc == 0 && c->root->tls) rc = weft__tls_connect(&c->stream, c->root->tls, node->host, &c->session, deadline_ns, why);
    return rc;
}

int weft__rconn_open(weft__rconn *c, int64_t deadline_ns)
{
    const char *why = NULL;
    c->state = WEFT__RCONN_OPENING;
    c->opening = true;
    c->why = NULL;
    *c->node->why = 0;
    bool looks = c->root->sentinels && !c->node->sentinel;
    int rc = looks ? weft__sentinel_master(c->node, deadline_ns) : 0;
    if (rc == 0) rc = connect_to(c, deadline_ns, &why);
    if (rc == 0 && c->state != WEFT__RCONN_OPENING) rc = WEFT_ECONNRESET, why = c->why;     /* lost before there was a socket to close */
    if (rc == 0) {
        weft__rconn_begin(c);
        if (!c->node->sentinel) rc = greet(c, deadline_ns);
        if (rc == 0 && looks) rc = weft__sentinel_check(c, deadline_ns);
        if (rc == WEFT_ECONNRESET) why = c->why;
    }
    c->opening = false;
    if (rc == 0 && c->state == WEFT__RCONN_OPENING) {
        c->state = WEFT__RCONN_READY;
        return 0;
    }
    if (rc == 0) rc = WEFT_ECONNRESET, why = c->why;
    if (!*c->node->why) snprintf(c->node->why, sizeof c->node->why, "%s", rc == WEFT_ETIMEDOUT ? "no answer in time" : why ? why : weft__code_text(rc));
    weft__rconn_lose(c, "not opened");
    weft__stream_close(&c->stream);
    return rc;
}
