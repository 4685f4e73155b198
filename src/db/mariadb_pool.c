/* The connections of a database: who gets one, who waits, which are opened and closed. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/mariadb.h"

enum { TICK_MS = 1000, CHECK_MS = 30000 };

static int64_t now_of(const weft__maria_core *c) { return weft__loop_now(c->root->loop); }

static bool reads(const weft__query *q)
{
    if (q->lease) return q->lease->reads;
    return q->statement && q->statement->parsed.reads && q->what <= WEFT__DO_EACH;
}

bool weft__maria_holds_up(const weft_db *root, const weft__lease *l, const weft__query *q)
{
    (void)root;
    return reads(q) || !l->reads;
}

/* ---- giving ---- */

/* The server has closed it meanwhile, or says something to nobody. */
static bool is_dead(const weft__maria_conn *c)
{
    bool over;
    return weft__borrowed_tells(c->socket, &over) && (over || !mysql_get_ssl_cipher(c->my));
}

static void close_dead(weft__maria_conn *c);

static weft__maria_conn *idle_one(weft__maria_core *core)
{
    for (int i = 0; i < weft__maria_room(core); i++) {
        weft__maria_conn *c = core->conns[i];
        if (!c || !c->open || c->taken || c->kill) continue;
        if (!c->broken && !is_dead(c)) return c;
        close_dead(c);
    }
    return NULL;
}

static void hand(weft__maria_core *core, weft__maria_conn *c, weft__query *q)
{
    weft__query_remove(q);
    c->taken = true;
    c->check = now_of(core) - c->free_ns > CHECK_MS * WEFT__MARIA_MS;
    q->lane = c;
    q->told = true;
    weft__wake(q->fiber, 0);
}

void weft__maria_refuse(weft__query_queue *from, int rc)
{
    for (weft__query *q; (q = from->first);) {
        weft__query_remove(q);
        q->rc = rc;
        q->told = true;
        weft__wake(q->fiber, 0);
    }
}

/* ---- opening ---- */

static int count(const weft__maria_core *core, bool open)
{
    int n = 0;
    for (int i = 0; i < weft__maria_room(core); i++) n += core->conns[i] && (!open || core->conns[i]->open);
    return n;
}

static void none_to_be_had(weft__maria_core *core);

static void open_one(weft__maria_core *core)
{
    int at = 0;
    while (at < weft__maria_room(core) && core->conns[at]) at++;
    if (at == weft__maria_room(core)) return;
    weft__maria_conn *c = core->conns[at] = weft__maria_conn_new(core, at);
    if (!c) {
        snprintf(core->why, sizeof core->why, "no memory for a connection");
        none_to_be_had(core);
        return;
    }
    core->opening++;
    if (weft__maria_open(c) < 0) weft__maria_unopened(c, "no thread or no memory for it");
}

static bool wants_more(const weft__maria_core *core)
{
    if (core->away || core->closing || core->waiting.count <= core->opening || count(core, false) == weft__maria_room(core)) return false;
    return now_of(core) >= core->no_more_until_ns || !count(core, true);
}

void weft__maria_dispatch(weft__maria_core *core)
{
    weft__maria_conn *c;
    while (core->waiting.first && (c = idle_one(core))) hand(core, c, core->waiting.first);
    while (wants_more(core)) {
        int before = core->opening;
        open_one(core);
        if (core->opening <= before) break;
    }
}

static void on_retry(weft__timer *t)
{
    weft__maria_core *core = (weft__maria_core *)((char *)t - offsetof(weft__maria_core, retry));
    if (!core->closing && !core->opening && !count(core, true)) open_one(core);
}

static void retry_later(weft__maria_core *core)
{
    int64_t wait_ns = weft__db_backoff_ns(core->root->loop, core->failures++);
    core->retry.fire = on_retry;
    weft__timer_stop(core->root->loop, &core->retry);
    if (weft__timer_start(core->root->loop, &core->retry, weft__loop_clock(core->root->loop) + wait_ns) < 0) core->away = false;
}

static void none_to_be_had(weft__maria_core *core)
{
    core->no_more_until_ns = now_of(core) + WEFT__DB_BACKOFF_MAX_NS;
    if (count(core, true) || core->opening) return;  /* what there is goes on; who waits too long is told */
    core->no_more_until_ns = 0;
    core->away = true;
    for (weft__query *q = core->waiting.first; q; q = q->next) weft__buf_printf(&q->fault, "the database cannot be reached: %s", core->why);
    weft__maria_refuse(&core->waiting, WEFT_EDB_AWAY);
    if (!core->closing) retry_later(core);
}

void weft__maria_unopened(weft__maria_conn *c, const char *why)
{
    weft__maria_core *core = c->core;
    core->opening--;
    c->opening = false;
    snprintf(core->why, sizeof core->why, "%s", why);
    if (!c->given_up) weft__maria_close(c);
    none_to_be_had(core);
}

/* One that dies before it was of any use is as good as one that could not be opened: else the next would be opened at once, again and again. */
static void close_dead(weft__maria_conn *c)
{
    weft__maria_core *core = c->core;
    bool newborn = !c->used && now_of(core) - c->opened_ns < WEFT__DB_BACKOFF_MAX_NS;
    weft__maria_close(c);
    if (!newborn) return;
    snprintf(core->why, sizeof core->why, "it closes each connection");
    none_to_be_had(core);
}

/* ---- closing ---- */

void weft__maria_close(weft__maria_conn *c)
{
    weft__maria_core *core = c->core;
    weft__timer_stop(core->root->loop, &c->limit);
    if (core->conns[c->at] == c) core->conns[c->at] = NULL;
    weft__maria_forget_kill(c);
    weft__maria_end(c);
}

static int64_t lifetime_ns(weft__maria_core *core)
{
    weft__os *os = weft__loop_os(core->root->loop);
    int64_t ms = core->root->opts.lifetime_ms;
    return ms < 0 ? INT64_MAX : now_of(core) + (ms - ms / 10 + (int64_t)(os->ops->random(os) % (uint64_t)(ms / 5 + 1))) * WEFT__MARIA_MS;
}

/* Those that have lived long, or had nothing to do for long; of these one stays. */
static void on_tick(weft__timer *t)
{
    weft__maria_core *core = (weft__maria_core *)((char *)t - offsetof(weft__maria_core, tick));
    int64_t now = now_of(core), idle = core->root->opts.idle_ms * WEFT__MARIA_MS;
    for (int i = 0; i < weft__maria_room(core); i++) {
        weft__maria_conn *c = core->conns[i];
        if (!c || !c->open || c->taken || c->kill) continue;
        if (now > c->until_ns || (idle > 0 && now - c->free_ns > idle && count(core, true) > 1)) weft__maria_close(c);
    }
    if (count(core, true)) (void)weft__timer_start(core->root->loop, t, now + TICK_MS * WEFT__MARIA_MS);
    weft__maria_dispatch(core);                      /* one more may be opened again */
}

void weft__maria_opened(weft__maria_conn *c)
{
    weft__maria_core *core = c->core;
    core->opening--;
    core->away = false;
    core->no_more_until_ns = 0;
    c->opening = false;
    c->open = true;
    c->opened_ns = now_of(core);
    c->until_ns = lifetime_ns(core);
    c->free_ns = now_of(core);
    core->tick.fire = on_tick;
    if (!core->tick.place) (void)weft__timer_start(core->root->loop, &core->tick, now_of(core) + TICK_MS * WEFT__MARIA_MS);
    weft__maria_dispatch(core);
}

/* What is in a transaction still would be somebody else's next. */
static bool is_clean(const weft__maria_conn *c)
{
    return !c->broken && !c->spent && !weft__maria_in_transaction(c) && !c->locked && !c->autocommit_off;
}

void weft__maria_give(weft__maria_conn *c)
{
    weft__maria_core *core = c->core;
    c->taken = false;
    c->free_ns = now_of(core);
    if (c->broken) close_dead(c);
    else if (!is_clean(c) || (c->free_ns > c->until_ns && !c->kill)) weft__maria_close(c);
    weft__maria_dispatch(core);
}

/* ---- waiting ---- */

static int missed(const weft__maria_core *core, const weft__waited *w)
{
    if (!core->opening || count(core, true)) return weft__lease_missed(w, "connection");
    int rc = weft__fail(w->q->place, WEFT_EDB_AWAY, "the database cannot be reached: connecting takes longer than %d ms; for: %.*s", core->root->opts.acquire_ms,
        WEFT__MARIA_SHOWN, w->q->text);
    weft__retry_after(rc);
    return rc;
}

static int64_t until(int64_t from, int ms) { return ms < 0 ? INT64_MAX : from + (int64_t)ms * WEFT__MARIA_MS; }

int weft__maria_take(weft_db *root, weft__query *q)
{
    weft__maria_core *core = weft__maria_core_of(root);
    weft__waited w = weft__waited_of(root, q, weft__maria_holds_up);
    int64_t free_by = q->what == WEFT__DO_OPEN ? INT64_MAX : until(now_of(core), root->opts.acquire_ms);     /* one that is run again has waited for none before */
    if (core->closing && !weft__query_must_run(q)) { /* and nobody opens one for it any more */
        q->rc = WEFT_ECLOSED;
        return weft__query_failed(root, q);
    }
    if (core->away) {
        weft__buf_printf(&q->fault, "the database cannot be reached: %s", core->why);
        q->rc = WEFT_EDB_AWAY;
        return weft__query_failed(root, q);
    }
    q->rc = 0;
    q->told = false;
    q->lane = NULL;
    weft__query_add(&core->waiting, q);
    weft__maria_dispatch(core);
    while (!q->told) {
        int rc = weft__scope_effective(q->fiber->scope) ? WEFT_ECANCELED : weft__park_undelivered("a database", &w.held, free_by);
        if (q->told || rc == 0) continue;
        weft__query_remove(q);
        return rc == WEFT__DEADLINE ? missed(core, &w) : rc == WEFT_ENOMEM ? weft__fail(q->place, rc, "no memory to wait for a connection") : weft__deliver(q->fiber, rc);
    }
    return q->rc < 0 ? weft__query_failed(root, q) : 0;
}
