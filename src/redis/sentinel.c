/* Sentinels: who the master is now. They are asked each time a connection is opened, in their order, the one that answered last first; and who is named
 * must say of itself that it is the master, as a sentinel may not have heard yet. redis.io/docs/reference/sentinel-clients */
#include <stdio.h>
#include <string.h>
#include "redis/inside.h"

/* The address in the reply to get-master-addr-by-name. */
static bool read_address(weft_str raw, char host[WEFT__REDIS_HOST], int *port)
{
    weft__resp step;
    const char *fault;
    char text[8];
    if (weft__resp_next(&raw, &step, &fault) < 0 || step.kind != WEFT__RESP_LIST || step.count != 2) return false;
    if (weft__resp_next(&raw, &step, &fault) < 0 || step.kind != WEFT__RESP_TEXT || !step.s.len || step.s.len >= WEFT__REDIS_HOST) return false;
    memcpy(host, step.s.ptr, step.s.len);
    host[step.s.len] = 0;
    if (!weft__redis_host_good(host)) return false;
    if (weft__resp_next(&raw, &step, &fault) < 0 || step.kind != WEFT__RESP_TEXT || step.s.len >= sizeof text) return false;
    memcpy(text, step.s.ptr, step.s.len);
    text[step.s.len] = 0;
    *port = 0;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9') return false;
        *port = *port * 10 + (*c - '0');
    }
    return *port > 0 && *port < 65536;
}

static int ask_one(weft__rnode *node, weft__rnode *sentinel, int64_t deadline_ns)
{
    const weft_redis *root = node->root;
    const weft_str words[] = { WEFT_S("SENTINEL"), WEFT_S("get-master-addr-by-name"), weft_str_of(root->url.master) };
    char host[WEFT__REDIS_HOST];
    int port;
    weft__rcall call;
    weft__rconn *c = weft__rconn_new(sentinel, false);
    if (!c) return WEFT_ENOMEM;
    int rc = weft__rconn_open(c, deadline_ns);
    if (rc == 0) rc = weft__rconn_ask(c, &call, words, weft_count(words), deadline_ns);
    bool named = rc == 0 && read_address(call.one, host, &port);
    if (named) {
        snprintf(node->host, sizeof node->host, "%s", host);
        node->port = port;
        *node->why = 0;
    } else {
        snprintf(node->why, sizeof node->why, "the sentinel at %.100s:%d %s%.100s", sentinel->host, sentinel->port, rc == 0 ? "knows no master of the name " : "cannot be asked: ",
            rc == 0 ? root->url.master : *sentinel->why ? sentinel->why : weft__code_text(rc));
    }
    weft__rconn_free(c);
    return named ? 0 : rc < 0 ? rc : WEFT_EREDIS;
}

/* Who did not answer goes behind those that are still to be asked. */
static void put_last(weft_redis *root, weft__rnode *sentinel)
{
    weft__rnode **at = &root->sentinels;
    if (!sentinel->next || *at != sentinel) return;
    *at = sentinel->next;
    while (*at) at = &(*at)->next;
    *at = sentinel;
    sentinel->next = NULL;
}

int weft__sentinel_master(weft__rnode *node, int64_t deadline_ns)
{
    weft_redis *root = node->root;
    int n = 0, rc = WEFT_EREDIS;
    for (const weft__rnode *s = root->sentinels; s; s = s->next) n++;
    int64_t now_ns = weft__loop_clock(root->loop), each_ns = deadline_ns == INT64_MAX ? INT64_MAX : (deadline_ns - now_ns) / (n + 1);
    for (; n > 0 && !root->closing; n--) {
        weft__rnode *sentinel = root->sentinels;
        now_ns = weft__loop_clock(root->loop);
        rc = ask_one(node, sentinel, each_ns == INT64_MAX ? INT64_MAX : now_ns + each_ns);
        if (rc == 0 || weft__cancelled()) return rc;
        put_last(root, sentinel);
    }
    return rc;
}

int weft__sentinel_check(weft__rconn *c, int64_t deadline_ns)
{
    weft__rcall call;
    weft__resp step;
    const char *fault;
    int rc = weft__rconn_ask(c, &call, (weft_str[]){ WEFT_S("ROLE") }, 1, deadline_ns);
    if (rc < 0) return rc;
    weft_str rest = call.one;
    bool list = weft__resp_next(&rest, &step, &fault) == 0 && step.kind == WEFT__RESP_LIST && step.count;
    bool master = list && weft__resp_next(&rest, &step, &fault) == 0 && step.kind == WEFT__RESP_TEXT && weft_str_equal(step.s, WEFT_S("master"));
    if (master) return 0;
    snprintf(c->node->why, sizeof c->node->why, "%.100s:%d, which a sentinel named, is no master", c->node->host, c->node->port);
    return WEFT_EREDIS;
}
