/* LISTEN: one connection for all subscriptions of a database, which is there as long as one of them is; what was lost with it is told as a gap. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/listen.h"
#include "db/postgres.h"

/* Each is asked for by itself: one that the server refuses costs no other anything. */
typedef struct channel {
    struct channel *next;
    int subs;                        /* that want it */
    uint64_t asked;                  /* the command of this connection that asks for it; 0: none yet */
    bool there;                      /* it has been answered well */
    char name[];
} channel;

struct weft__pg_listener {
    weft__pg_core *core;
    weft__pg_conn conn;
    weft_db_sub *subs;
    channel *channels;
    weft__timer retry;
    int failures;                    /* since one lasted */
    int64_t there_ns;                /* since when this connection has a channel; 0: it has none */
    uint64_t sent, done;             /* commands: each has a Sync of its own behind it */
    bool failed;                     /* the one that is being answered */
    char why[300];                   /* ... and with what */
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

/* A name between double quotes is as it is. What cannot be said is told by the flush behind it. */
static void say(listener *l, const char *verb, const char *name)
{
    char sql[160], *to = sql + snprintf(sql, sizeof sql, "%s \"", verb);
    for (; *name; name++) {
        if (*name == '"') *to++ = '"';
        *to++ = *name;
    }
    *to++ = '"';
    *to = 0;
    l->sent++;
    l->conn.broken |= !PQsendQueryParams(l->conn.pg, sql, 0, NULL, NULL, NULL, NULL, 1) || !PQpipelineSync(l->conn.pg);
}

/* ---- the connection ---- */

static void lost(listener *l, const char *why);
static void ask(listener *l);

static void on_retry(weft__timer *t)
{
    listener *l = (listener *)((char *)t - offsetof(listener, retry));
    if (l->conn.open) ask(l);
    else if (l->subs && !l->conn.opening) weft__pg_open(&l->conn);
}

static void retry_later(listener *l)
{
    if (l->retry.place) return;
    int64_t wait_ns = weft__db_backoff_ns(loop_of(l), l->failures++);
    l->retry.fire = on_retry;
    if (weft__timer_start(loop_of(l), &l->retry, weft__loop_clock(loop_of(l)) + wait_ns) == 0) return;
    for (weft_db_sub *s = l->subs; s; s = s->next) { /* without a timer it would wait for ever */
        if (s->failed) continue;
        weft__buf_printf(&s->fault, "no memory to connect again; what is listened to anew may be");
        weft__db_sub_failed(s, WEFT_ENOMEM);
    }
}

/* What nobody has asked for yet on this connection. */
static void ask(listener *l)
{
    for (channel *c = l->channels; c; c = c->next) {
        if (c->asked) continue;
        say(l, "LISTEN", c->name);
        c->asked = l->sent;
    }
    if (!weft__pg_flush(&l->conn)) lost(l, "the connection broke");
}

/* One that lasted was no server that confirms and closes, again and again. */
static void close_it(listener *l)
{
    bool lasted = l->there_ns && weft__loop_now(loop_of(l)) - l->there_ns >= WEFT__DB_BACKOFF_MAX_NS;
    weft__pg_close(&l->conn);
    l->conn.broken = false;
    if (lasted) l->failures = 0;
    l->there_ns = 0;
    l->sent = l->done = 0;
    l->failed = false;
}

/* Those that were there wait for the next one; those that were not are told. */
static void lost(listener *l, const char *why)
{
    char text[300];
    snprintf(text, sizeof text, "%s", why);          /* it may be libpq's, and go with the connection */
    close_it(l);
    for (channel *c = l->channels; c; c = c->next) {
        c->asked = 0;
        c->there = false;
    }
    for (weft_db_sub *s = l->subs; s; s = s->next) {
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

static bool has(const weft_db_sub *s, const channel *c)
{
    for (size_t i = 0; i < s->channels_count; i++)
        if (strcmp(s->channels[i], c->name) == 0) return true;
    return false;
}

static bool all_there(listener *l, const weft_db_sub *s)
{
    for (size_t i = 0; i < s->channels_count; i++)
        if (!(*find(l, s->channels[i]))->there) return false;
    return true;
}

/* It is listened to by now: so are subscriptions that wait for nothing else. */
static void confirmed(listener *l, channel *c)
{
    c->there = true;
    if (!l->there_ns) l->there_ns = weft__loop_now(loop_of(l));
    for (weft_db_sub *s = l->subs; s; s = s->next)
        if ((!s->there || s->lost) && !s->failed && has(s, c) && all_there(l, s)) weft__db_sub_there(s);
}

/* Who has not begun is told. Who had it on the connection before waits, for as long as it takes: it is asked for again, here, where others have theirs; or, where nobody
 * has any, on another connection, which may be to another server. False: that is what is to be done. */
static bool refused(listener *l, channel *c)
{
    bool waits = false, any = false;
    for (weft_db_sub *s = l->subs; s; s = s->next) {
        if (s->failed || !has(s, c)) continue;
        waits |= s->there;
        if (s->there) continue;
        weft__buf_printf(&s->fault, "'%s': %s", c->name, l->why);
        weft__db_sub_failed(s, WEFT_EDB);
    }
    c->asked = 0;
    for (const channel *other = l->channels; other; other = other->next) any |= other->there || other->asked;
    if (waits && any) retry_later(l);
    return any || !waits;
}

/* A command has been answered: one of a channel that is of interest still, or another. False: the connection is to be given up. */
static bool answered(listener *l)
{
    bool failed = l->failed;
    channel *c = l->channels;
    l->done++;
    l->failed = false;
    while (c && c->asked != l->done) c = c->next;
    if (c && failed) return refused(l, c);
    if (c) confirmed(l, c);
    return true;
}

static bool note_failure(listener *l, const PGresult *r)
{
    const char *why = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    l->failed = true;
    snprintf(l->why, sizeof l->why, "%s", why ? why : "the server refused");
    return !weft__pg_lost_place(r);
}

void weft__pg_listen_ready(weft__pg_conn *c)
{
    listener *l = c->listener;
    bool fine = !c->broken;
    for (PGresult *r; fine && (r = weft__pg_result(c));) {
        ExecStatusType is = PQresultStatus(r);
        if (is == PGRES_FATAL_ERROR) fine = note_failure(l, r);
        if (is == PGRES_PIPELINE_SYNC) fine = answered(l);
        PQclear(r);
    }
    for (PGnotify *n; fine && (n = PQnotifies(c->pg)); PQfreemem(n)) {
        c->reads = 0;
        c->incoming = 0;
        tell(l, n);
    }
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

static void drop_channels(listener *l, const weft_db_sub *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        channel **at = find(l, s->channels[i]), *c = *at;
        if (--c->subs) continue;
        if (c->asked && l->conn.open && l->subs) say(l, "UNLISTEN", c->name);        /* what it was asked with is answered before */
        *at = c->next;
        weft__free(c);
    }
}

static void sit_down(listener *l)
{
    weft__timer_stop(loop_of(l), &l->retry);
    weft__pg_open_end(&l->conn);
    close_it(l);
}

void weft__pg_unlisten(weft_db_sub *s)
{
    listener *l = weft__pg_core_of(s->root)->listener;
    unlink_sub(l, s);
    drop_channels(l, s, s->channels_count);
    if (!l->subs) sit_down(l);
    else if (l->conn.open) ask(l);
}

int weft__pg_listen(weft_db *root, weft_db_sub *s)
{
    weft__pg_core *core = weft__pg_core_of(root);
    listener *l = core->listener;
    if (!l) {
        l = core->listener = weft__calloc(sizeof *l);
        if (!l) return WEFT_ENOMEM;
        l->core = core;
        l->conn = (weft__pg_conn){ .core = core, .fd = -1, .listener = l };
    }
    for (size_t i = 0; i < s->channels_count; i++) {
        if (want(l, s->channels[i])) continue;
        drop_channels(l, s, i);
        if (l->conn.open) ask(l);
        return WEFT_ENOMEM;
    }
    link_sub(l, s);
    if (!l->conn.open) {
        if (!l->conn.opening && !l->retry.place) weft__pg_open(&l->conn);        /* where that is waited for already, this one waits, too */
    } else if (all_there(l, s)) weft__db_sub_there(s);
    else ask(l);
    return 0;
}

void weft__pg_listen_end(weft__pg_core *core)
{
    listener *l = core->listener;
    if (!l) return;
    for (weft_db_sub *s; (s = l->subs);) {
        unlink_sub(l, s);
        drop_channels(l, s, s->channels_count);
        weft__db_sub_over(s);
    }
    sit_down(l);
    weft__free(l);
    core->listener = NULL;
}
