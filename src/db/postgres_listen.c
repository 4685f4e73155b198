/* LISTEN: one connection for all subscriptions of a database, which is there as long as one of them is; what was lost with it is told as a gap. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/listen.h"
#include "db/postgres.h"

enum { BACKOFF_MS = 50, BACKOFF_MAX_MS = 2000 };

typedef struct channel {
    struct channel *next;
    int subs;                        /* that want it */
    bool asked;                      /* of the server, on this connection */
    char name[];
} channel;

struct weft__pg_listener {
    weft__pg_core *core;
    weft__pg_conn conn;
    weft_db_sub *subs;
    channel *channels;
    weft__timer retry;
    int failures;
    uint64_t sent, done;             /* batches: each ends with a Sync */
    bool failed;                     /* the one that is being answered */
};
typedef weft__pg_listener listener;

static weft__loop *loop_of(const listener *l) { return l->core->root->loop; }

/* ---- channels ---- */

static channel **find(listener *l, const char *name)
{
    channel **at = &l->channels;
    while (*at && strcmp((*at)->name, name) != 0) at = &(*at)->next;
    return at;
}

static bool want(listener *l, const char *name)
{
    channel **at = find(l, name);
    if (!*at) {
        size_t n = strlen(name) + 1;
        *at = weft__calloc(sizeof **at + n);
        if (!*at) return false;
        memcpy((*at)->name, name, n);
    }
    (*at)->subs++;
    return true;
}

/* A name between double quotes is as it is. */
static bool say(listener *l, const char *verb, const char *name)
{
    char sql[160], *to = sql + snprintf(sql, sizeof sql, "%s \"", verb);
    for (; *name; name++) {
        if (*name == '"') *to++ = '"';
        *to++ = *name;
    }
    *to++ = '"';
    *to = 0;
    return PQsendQueryParams(l->conn.pg, sql, 0, NULL, NULL, NULL, NULL, 1);
}

/* ---- the connection ---- */

static void lost(listener *l, const char *why);

static void on_retry(weft__timer *t)
{
    listener *l = (listener *)((char *)t - offsetof(listener, retry));
    if (l->subs && !l->conn.pg && !l->conn.opening) weft__pg_open(&l->conn);
}

static void retry_later(listener *l)
{
    weft__os *os = weft__loop_os(loop_of(l));
    int64_t ms = BACKOFF_MS;
    for (int i = 0; i < l->failures && ms < BACKOFF_MAX_MS; i++) ms *= 2;
    if (ms > BACKOFF_MAX_MS) ms = BACKOFF_MAX_MS;
    ms = ms / 2 + (int64_t)(os->ops->random(os) % (uint64_t)(ms / 2 + 1));
    l->failures++;
    l->retry.fire = on_retry;
    if (l->retry.place || weft__timer_start(loop_of(l), &l->retry, weft__loop_clock(loop_of(l)) + ms * WEFT__PG_MS) == 0) return;
    for (weft_db_sub *s = l->subs; s; s = s->next) weft__db_sub_over(s);        /* without memory for a timer it would wait for ever */
}

/* What nobody has asked for yet on this connection, with a Sync behind it. */
static void ask(listener *l)
{
    if (!l->conn.open) return;
    bool fine = true;
    for (channel *c = l->channels; c && fine; c = c->next) {
        if (c->asked) continue;
        c->asked = true;
        fine = say(l, "LISTEN", c->name);
    }
    l->sent++;
    for (weft_db_sub *s = l->subs; s; s = s->next)
        if ((!s->there || s->lost) && !s->batch) s->batch = l->sent;
    if (!fine || !PQpipelineSync(l->conn.pg) || !weft__pg_flush(&l->conn)) lost(l, "the connection broke");
}

/* Those that were there wait for the next one; those that were not are told. */
static void lost(listener *l, const char *why)
{
    char text[300];
    snprintf(text, sizeof text, "%s", why);          /* it may be libpq's, and go with the connection */
    weft__pg_close(&l->conn);
    l->conn.broken = false;
    l->sent = l->done = 0;
    l->failed = false;
    for (channel *c = l->channels; c; c = c->next) c->asked = false;
    for (weft_db_sub *s = l->subs; s; s = s->next) {
        s->batch = 0;
        if (s->there) s->lost = true;
        else if (!s->failed) {
            weft__buf_printf(&s->fault, "the database cannot be reached: %s", text);
            weft__db_sub_failed(s, WEFT_EDB_AWAY);
        }
    }
    if (l->subs && !l->core->closing) retry_later(l);
}

void weft__pg_listen_opened(weft__pg_conn *c)
{
    c->open = true;
    ask(c->listener);
}

void weft__pg_listen_unopened(weft__pg_conn *c, const char *why) { lost(c->listener, why); }

/* ---- what comes ---- */

static void tell(listener *l, const PGnotify *n)
{
    for (weft_db_sub *s = l->subs; s; s = s->next)
        for (size_t i = 0; i < s->channels_count && s->there && !s->lost; i++) {
            if (strcmp(s->channels[i], n->relname) != 0) continue;
            weft__db_sub_told(s, n->relname, n->extra, n->be_pid);
            break;
        }
}

/* A batch that failed leaves those alone that are there: they try again with another connection. False: that is what is to be done. */
static bool batch_over(listener *l)
{
    bool again = false;
    l->done++;
    for (weft_db_sub *s = l->subs; s; s = s->next) {
        if (s->batch != l->done) continue;
        s->batch = 0;
        if (!l->failed) weft__db_sub_there(s);
        else if (!s->there && !s->failed) weft__db_sub_failed(s, WEFT_EDB);
        else again = true;
    }
    if (l->failed) again = true;                     /* which of the channels there are is not known */
    else l->failures = 0;
    l->failed = false;
    return !again;
}

static void note_failure(listener *l, const PGresult *r)
{
    const char *why = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    l->failed = true;
    for (weft_db_sub *s = l->subs; s; s = s->next)
        if (s->batch == l->done + 1 && !s->there && !s->fault.len) weft__buf_printf(&s->fault, "%s", why ? why : "the server refused");
}

void weft__pg_listen_ready(weft__pg_conn *c)
{
    listener *l = c->listener;
    bool fine = !c->broken;
    for (PGresult *r; fine && (r = weft__pg_result(c));) {
        ExecStatusType is = PQresultStatus(r);
        if (is == PGRES_FATAL_ERROR) note_failure(l, r);
        if (is == PGRES_PIPELINE_SYNC) fine = batch_over(l);
        PQclear(r);
    }
    for (PGnotify *n; fine && (n = PQnotifies(c->pg)); PQfreemem(n)) tell(l, n);
    if (!fine || PQstatus(c->pg) == CONNECTION_BAD) lost(l, "the connection broke");
}

/* ---- who listens ---- */

static void link_sub(listener *l, weft_db_sub *s)
{
    s->prev = NULL;
    s->next = l->subs;
    if (s->next) s->next->prev = s;
    l->subs = s;
    s->listed = true;
}

static void unlink_sub(listener *l, weft_db_sub *s)
{
    *(s->prev ? &s->prev->next : &l->subs) = s->next;
    if (s->next) s->next->prev = s->prev;
    s->listed = false;
}

static void drop_channels(listener *l, const weft_db_sub *s, size_t n, bool *said)
{
    for (size_t i = 0; i < n; i++) {
        channel **at = find(l, s->channels[i]), *c = *at;
        if (--c->subs) continue;
        if (c->asked && l->conn.open && l->subs) *said |= say(l, "UNLISTEN", c->name);
        *at = c->next;
        weft__free(c);
    }
}

static void sit_down(listener *l)
{
    weft__timer_stop(loop_of(l), &l->retry);
    weft__pg_open_end(&l->conn);
    weft__pg_close(&l->conn);
    l->sent = l->done = 0;
    l->failed = false;
    l->failures = 0;
}

void weft__pg_unlisten(weft_db_sub *s)
{
    listener *l = weft__pg_core_of(s->root)->listener;
    bool said = false;
    unlink_sub(l, s);
    drop_channels(l, s, s->channels_count, &said);
    if (!l->subs) sit_down(l);
    else if (said) ask(l);
}

int weft__pg_listen(weft_db *root, weft_db_sub *s)
{
    weft__pg_core *core = weft__pg_core_of(root);
    listener *l = core->listener;
    bool said = false;
    if (!l) {
        l = core->listener = weft__calloc(sizeof *l);
        if (!l) return WEFT_ENOMEM;
        l->core = core;
        l->conn = (weft__pg_conn){ .core = core, .fd = -1, .listener = l };
    }
    for (size_t i = 0; i < s->channels_count; i++) {
        if (want(l, s->channels[i])) continue;
        drop_channels(l, s, i, &said);
        if (said) ask(l);
        return WEFT_ENOMEM;
    }
    link_sub(l, s);
    if (l->conn.open) ask(l);
    else if (!l->conn.opening) {
        weft__timer_stop(loop_of(l), &l->retry);
        weft__pg_open(&l->conn);
    }
    return 0;
}

void weft__pg_listen_end(weft__pg_core *core)
{
    listener *l = core->listener;
    bool said = false;
    if (!l) return;
    for (weft_db_sub *s; (s = l->subs);) {
        unlink_sub(l, s);
        drop_channels(l, s, s->channels_count, &said);
        weft__db_sub_over(s);
    }
    sit_down(l);
    weft__free(l);
    core->listener = NULL;
}
