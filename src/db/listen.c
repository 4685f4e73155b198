/* Messages: what waits for a reader, and its waiting. What brings them is the engine's. */
#include "db/listen.h"
#include <string.h>
#include "base/mem.h"
#include "task/job.h"
#include "wire/utf8.h"

enum { CHANNELS_MAX = 100, NAME_MAX_BYTES = 63, TEXT_MAX_BYTES = 7999, MESSAGES_USUAL = 1000, MESSAGES_MAX = 100000 };

/* ---- what waits ---- */

static void wake(weft_db_sub *sub)
{
    if (sub->reader) weft__wake(sub->reader, 0);
}

static void add(weft_db_sub *sub, weft__db_told *m)
{
    m->next = NULL;
    *(sub->last ? &sub->last->next : &sub->first) = m;
    sub->last = m;
    sub->count++;
    wake(sub);
}

/* It says that something was lost before it. One at a time, which keeps its place: moved to the end again and again, it would never come to who is
 * always slower than what is told. Of what is lost behind it another one tells, as soon as it is taken. */
void weft__db_sub_gap(weft_db_sub *sub)
{
    if (sub->last == &sub->gap) return;
    if (sub->gap_waits) {
        sub->gap_again = true;
        return;
    }
    sub->gap_waits = true;
    add(sub, &sub->gap);
}

void weft__db_sub_told(weft_db_sub *sub, const char *channel, const char *text, int process)
{
    size_t name = strlen(channel) + 1, n = strlen(text) + 1;
    bool fits = sub->count < sub->messages_max && n <= TEXT_MAX_BYTES + 1;
    weft__db_told *m = fits ? weft__malloc(sizeof *m + name + n) : NULL;
    if (!m) {
        weft__db_sub_gap(sub);
        return;
    }
    char *bytes = (char *)(m + 1);
    memcpy(bytes, channel, name);
    memcpy(bytes + name, text, n);
    *m = (weft__db_told){ .process = process, .channel = { bytes, name - 1 }, .text = { bytes + name, n - 1 } };
    add(sub, m);
}

static weft__db_told *take(weft_db_sub *sub)
{
    weft__db_told *m = sub->first;
    if (!m) return NULL;
    sub->first = m->next;
    if (!sub->first) sub->last = NULL;
    sub->count--;
    if (m != &sub->gap) return m;
    sub->gap_waits = false;
    if (sub->gap_again) weft__db_sub_gap(sub);
    sub->gap_again = false;
    return m;
}

static void drop(weft_db_sub *sub, weft__db_told *m)
{
    if (m && m != &sub->gap) weft__free(m);
}

/* ---- what the engine tells ---- */

void weft__db_sub_there(weft_db_sub *sub)
{
    bool again = sub->lost;
    sub->there = true;
    sub->lost = false;
    if (again) weft__db_sub_gap(sub);
    else wake(sub);
}

void weft__db_sub_failed(weft_db_sub *sub, int rc)
{
    sub->failed = rc;
    wake(sub);
}

void weft__db_sub_over(weft_db_sub *sub)
{
    sub->over = true;
    wake(sub);
}

/* ---- life ---- */

static void sub_free(weft_db_sub *sub)
{
    for (weft__db_told *m; (m = take(sub));) drop(sub, m);
    drop(sub, sub->taken);
    for (size_t i = 0; sub->channels && i < sub->channels_count; i++) weft__free(sub->channels[i]);
    weft__free(sub->channels);
    weft__buf_free(&sub->fault);
    weft__db_drop(sub->root);
    weft__free(sub);
}

static weft_db_sub *sub_new(weft_db *root, const char *const *channels, size_t n, int messages_max)
{
    weft_db_sub *sub = weft__calloc(sizeof *sub);
    if (!sub) return NULL;
    sub->root = root;
    weft__db_keep(root);
    weft__buf_init(&sub->fault, 512);
    sub->messages_max = messages_max;
    sub->channels_count = n;
    sub->channels = weft__calloc(n * sizeof *sub->channels);
    for (size_t i = 0; sub->channels && i < n; i++) {
        size_t len = strlen(channels[i]) + 1;
        if (!(sub->channels[i] = weft__malloc(len))) return sub_free(sub), NULL;
        memcpy(sub->channels[i], channels[i], len);
    }
    if (!sub->channels) return sub_free(sub), NULL;
    return sub;
}

void weft_db_unlisten(weft_db_sub *sub)
{
    if (!sub) return;
    if (sub->listed) sub->root->engine->unlisten(sub);
    weft__db_sub_over(sub);
}

void weft__db_sub_leave(weft_db_sub **at)
{
    weft_db_sub *sub = *at;
    *at = NULL;
    if (!sub) return;
    weft_db_unlisten(sub);
    sub->left = true;
    if (!sub->reader) sub_free(sub);                 /* else its reader does */
}

/* ---- listening ---- */

static bool is_name(const char *s)
{
    size_t n = s ? strlen(s) : 0;
    return n && n <= NAME_MAX_BYTES && weft__utf8_valid(s, n);
}

static int check(const weft_db *db, const char *const *channels, size_t n, const weft_db_listen_opts *o)
{
    int rc = weft__db_usable(db, "LISTEN", WEFT__HERE);
    if (rc < 0) return rc;
    if (!db->root->engine->listen) return weft_fail(WEFT_EINVAL, "weft_db_listen: messages are PostgreSQL's, and this is %s", db->root->url);
    if (db->root != db) return weft_fail(WEFT_EINVAL, "weft_db_listen of a transaction: it is for the database itself");
    if (!n || n > CHANNELS_MAX) return weft_fail(WEFT_EINVAL, "weft_db_listen: %zu channels; 1 to 100 are one subscription", n);
    if (o->messages_max < 0 || o->messages_max > MESSAGES_MAX) return weft_fail(WEFT_EINVAL, "weft_db_listen: .messages_max is %d; it must be 0 to 100 000", o->messages_max);
    for (size_t i = 0; i < n; i++)
        if (!is_name(channels[i])) return weft_fail(WEFT_EINVAL, "weft_db_listen: the name of a channel has 1 to 63 bytes of UTF-8, and '%.80s' has not", channels[i] ? channels[i] : "NULL");
    return 0;
}

static int wait_there(weft_db_sub *sub)
{
    const weft_db *root = sub->root;
    int ms = root->opts.acquire_ms, rc = 0;
    int64_t by = ms < 0 ? INT64_MAX : weft__loop_now(root->loop) + (int64_t)ms * 1000000;
    sub->reader = weft__self();
    while (!sub->there && !sub->failed && !sub->over && rc == 0)
        rc = weft__scope_effective(sub->reader->scope) ? WEFT_ECANCELED : weft__park_undelivered("a channel of messages", NULL, by);
    weft__fiber *me = sub->reader;
    sub->reader = NULL;
    if (sub->there) return 0;
    if (sub->over) return weft_fail(WEFT_ECLOSED, "weft_db_listen: the database was closed");
    if (sub->failed) {
        rc = weft_fail(sub->failed, "weft_db_listen '%s': %.*s", sub->channels[0], WEFT_FMT(weft__buf_str(&sub->fault)));
        if (sub->failed == WEFT_EDB_AWAY) weft__retry_after(rc);
        return rc;
    }
    if (rc == WEFT__DEADLINE) return weft_fail(WEFT_ETIMEDOUT, "weft_db_listen '%s': the server has not confirmed it within %d ms", sub->channels[0], ms);
    return rc == WEFT_ENOMEM ? weft_fail(rc, "weft_db_listen: no memory to wait") : weft__deliver(me, rc);
}

int weft_db_listen_with(weft_db *db, weft_db_sub **out, const char *const *channels, size_t n, const weft_db_listen_opts *opts)
{
    int rc = check(db, channels, n, opts);
    if (rc < 0) return rc;
    weft_db_sub *sub = sub_new(db->root, channels, n, opts->messages_max ? opts->messages_max : MESSAGES_USUAL);
    if (!sub) return weft_fail(WEFT_ENOMEM, "weft_db_listen: no memory for a subscription");
    rc = db->root->engine->listen(db->root, sub);
    if (rc < 0) rc = weft_fail(rc, "weft_db_listen: no memory for a connection");
    else rc = wait_there(sub);
    if (rc == 0) *out = sub;
    else weft__db_sub_leave(&sub);
    return rc;
}

/* ---- reading ---- */

/* 0; 1: the block that it was of has been left meanwhile. */
static int wait_told(weft_db_sub *sub)
{
    sub->reader = weft__self();
    int rc = weft__park("a message of a database", INT64_MAX);
    sub->reader = NULL;
    if (!sub->left) return rc;
    sub_free(sub);
    return rc < 0 ? rc : 1;
}

int weft_db_next(weft_db_sub *sub, weft_db_message *out)
{
    if (!weft__self()) return weft__no_task("weft_db_next");
    if (!sub) return weft_fail(WEFT_EINVAL, "weft_db_next: no subscription (NULL)");
    if (sub->reader) return weft_fail(WEFT_EBUSY, "weft_db_next: another task reads this subscription");
    int rc = sub->first ? weft__checkpoint() : 0;
    while (rc == 0 && !sub->over && !sub->failed && !sub->first) rc = wait_told(sub);
    if (rc || sub->over) return rc < 0 ? rc : 0;     /* 1: it has left, and is gone */
    if (!sub->first) return weft_fail(sub->failed, "weft_db_next '%s': %.*s", sub->channels[0], WEFT_FMT(weft__buf_str(&sub->fault)));
    drop(sub, sub->taken);
    const weft__db_told *m = sub->taken = take(sub);
    bool gap = m == &sub->gap;
    *out = (weft_db_message){ .channel = gap ? WEFT_S("") : m->channel, .text = gap ? WEFT_S("") : m->text, .process = m->process, .gap = gap };
    return 1;
}

/* ---- sending ---- */

int weft_db_notify_with(weft_db *db, const char *channel, const char *text, const char *place)
{
    int rc = weft__db_usable(db, "NOTIFY", place);
    if (rc < 0) return rc;
    size_t n = text ? strlen(text) : 0;
    if (!db->root->engine->listen) return weft_fail(WEFT_EINVAL, "weft_db_notify: messages are PostgreSQL's, and this is %s", db->root->url);
    if (!is_name(channel)) return weft_fail(WEFT_EINVAL, "weft_db_notify: the name of a channel has 1 to 63 bytes of UTF-8, and '%.80s' has not", channel ? channel : "NULL");
    if (n > TEXT_MAX_BYTES) return weft_fail(WEFT_EINVAL, "weft_db_notify '%s': a text of %zu bytes; it must have less than 8 000: send the key of a row", channel, n);
    return weft_db_execute_with(db, &(const weft_sql){ .sql = "SELECT pg_notify({}, {})", .place = place, weft_values(channel, text ? text : "") });
}
