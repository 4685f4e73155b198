/* The client's pool against two servers of weft's own: more callers than connections, deadlines, cancels, connections that
 * are refused, broken off, delayed and cut into pieces. Each answer is that of its question; afterwards no connection is
 * in use or counted twice, and nobody waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/origin.h"
#include "http/server.h"
#include "hunt.h"
#include "weft/client.h"

enum { SERVERS = 2, CALLERS = 9, CALLS = 5, ANSWER_MAX = 4000 };

WEFT_MODEL(Quote, field(int64_t, id), field(weft_str, text));

static struct {
    weft__server *server[SERVERS];
    char base[SERVERS][40];
    int rc[SERVERS], ready;
    bool calm;                           /* no faults and no deadlines: every call is answered */
} street;

/* ---- servers ---- */

/* /ID: after a while, {"id":ID,"text":"..."} of some length. */
static void answer(void *ctx, weft__exchange *x)
{
    (void)ctx;
    static char text[ANSWER_MAX];
    char body[ANSWER_MAX + 64];
    int id = atoi(x->head->target.ptr + 1), room = chance(20) ? (int)roll(ANSWER_MAX) : (int)roll(20);
    if (chance(30) && weft_sleep_ms(roll(6)) < 0) return;
    memset(text, 'x', (size_t)room);
    int n = snprintf(body, sizeof body, "{\"id\":%d,\"text\":\"%.*s\"}", id, room, text);
    (void)weft__exchange_reply(x, 200, WEFT_S("Content-Type: application/json\r\n"), (weft_str){ body, (size_t)n });
}

static int run_server(void *arg)
{
    int i = *(int *)arg;
    street.ready++;
    street.rc[i] = weft__server_run(street.server[i]);
    return 0;
}

static int open_server(int i)
{
    char why[256] = "";
    weft_serve_opts opts = { .port = -1, .quiet = true, .watchdog_ms = -1, .idle_timeout_ms = 2 + (int)roll(40), .grace_ms = 100,
        .connections_max = !street.calm && chance(20) ? 2 : 0 };
    WEFT_TRY(weft__server_open(&street.server[i], &opts, answer, NULL, why), "%s", why);
    snprintf(street.base[i], sizeof street.base[i], "http://127.0.0.1:%d", weft__server_port(street.server[i]));
    return 0;
}

/* ---- callers ---- */

static int call(int id)
{
    Quote q = { 0 };
    WEFT_SCOPE(patience, .timeout_ms = street.calm ? 0 : patience_ms(12));
    int rc = weft_fetch(Quote, &q, "{+}/{}", street.base[roll(SERVERS)], id);
    if (rc == 0) WEFT_CHECK_EQ(q.id, id);
    if (street.calm) return rc;
    return rc == WEFT_ECANCELED ? unless_caught(patience, rc) : 0;
}

static int caller(const int *me)
{
    for (int i = 0; i < CALLS; i++) {
        WEFT_TEMP;
        WEFT_TRY(pause_somehow());
        WEFT_TRY(call(*me * CALLS + i));
    }
    return 0;
}

/* ---- what must hold afterwards ---- */

static void expect_a_pool_at_rest(const weft__client *client)
{
    unsigned idle = 0, origins = 0;
    for (const weft__conn *c = client->all; c; c = c->all) {
        WEFT_CHECK(c->state != WEFT__CONN_BUSY);
        idle += c->state == WEFT__CONN_IDLE;
    }
    WEFT_CHECK_EQ(client->conns, idle);
    WEFT_CHECK(!client->starved.first && !client->asking.first);
    for (size_t i = 0; i < WEFT__ORIGIN_BUCKETS; i++) {
        for (const weft__origin *o = client->buckets[i]; o; o = o->next) {
            WEFT_CHECK(!o->waiting && !o->waiters.first && o->conns <= client->limits.origin_max);
            origins += o->conns;
        }
    }
    WEFT_CHECK_EQ(origins, idle);
}

static int rush(weft__client *client)
{
    weft_task *tasks[CALLERS];
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(callers);
    for (int i = 0; i < CALLERS; i++) tasks[i] = weft_spawn(callers, caller, &i);
    if (!street.calm) weft_spawn(helpers, cancel_some, (&(victims){ tasks, CALLERS, 5, 12 }));
    WEFT_TRY(weft_join(callers));
    WEFT_TRY(weft_join(helpers));
    expect_a_pool_at_rest(client);
    return 0;
}

static int town(void)
{
    static int which[SERVERS] = { 0, 1 };
    weft__client *client;
    WEFT_TRY(weft__client_of(world_now.loop, &client));
    client->limits.origin_max = 1 + roll(3);
    client->limits.total_max = 2 + roll(3);
    client->limits.idle_ms = 3 + (int)roll(60);
    for (int i = 0; i < SERVERS; i++) WEFT_TRY(open_server(i));
    {
        WEFT_SCOPE(servers, .shield = true);
        for (int i = 0; i < SERVERS; i++) WEFT_TRY(weft__start(servers, "a server", run_server, &which[i]));
        while (street.ready < SERVERS) WEFT_TRY(weft_yield());
        int rc = rush(client);
        for (int i = 0; i < SERVERS; i++) weft__server_stop(street.server[i]);
        WEFT_TRY(rc);
        WEFT_TRY(weft_join(servers));
    }
    for (int i = 0; i < SERVERS; i++) {
        WEFT_CHECK_EQ(street.rc[i], 0);
        weft__server_free(street.server[i]);
    }
    return 0;
}

static void run(uint64_t seed)
{
    memset(&street, 0, sizeof street);
    street.calm = chance(15);
    weft__sim_opts opts = { .seed = seed, .delay_max_ns = chance(70) ? 400 * 1000 : 0, .short_io_percent = roll(3) * 30,
        .window = chance(20) ? 512 : 0 };
    if (!street.calm && chance(60)) opts.reset_permille = roll(60);
    if (!street.calm && chance(30)) opts.refuse_permille = roll(200);
    hunt_world(&opts, weft_call(town));
}

const scenario hunt_pool = { "pool", "the HTTP client's pool against servers, with cancels, deadlines, resets and refusals", run };
