/* Transactions as scopes: begun with their first statement, rolled back unless they were committed. */
#include <string.h>
#include "base/mem.h"
#include "db/engine.h"
#include "task/job.h"

enum { SHOWN = 300 };

/* What stands for a transaction there was no memory for. */
static weft_db no_memory = { .root = &no_memory, .failed = WEFT_ENOMEM };

int weft__db_usable(const weft_db *db, const char *what, const char *place)
{
    if (!weft__self()) return weft__no_task("a statement");
    if (!db) return weft__fail(place, WEFT_EINVAL, "no database (NULL): %.*s", SHOWN, what);
    if (db->failed) return weft__fail(place, db->failed, "no memory for the transaction: %.*s", SHOWN, what);
    if (weft__self()->loop != db->root->loop) return weft__fail(place, WEFT_EINVAL, "the database belongs to the loop that opened it, and this is another: %.*s", SHOWN, what);
    if (db->root->closing) return weft__fail(place, WEFT_ECLOSED, "the database was closed: %.*s", SHOWN, what);
    if (db->root == db) return 0;
    for (const weft_db *t = db; t; t = t->outer)
        if (t->ended || t->ending) return weft__fail(place, WEFT_ECLOSED, "the transaction begun at %s has ended: %.*s", t->place, SHOWN, what);
    if (db->first->over) return weft__fail(place, WEFT_EDB, "the database has rolled back the transaction begun at %s, as it told before: %.*s", db->place, SHOWN, what);
    if (db->first->copying)
        return weft__fail(place, WEFT_EBUSY, "a COPY begun at %s has the connection of this transaction until it ends: %.*s", db->first->copying->place, SHOWN, what);
    if (db->first->busy || db->first->endings) return weft__fail(place, WEFT_EBUSY, "another task is at a statement of the transaction begun at %s: %.*s", db->place, SHOWN, what);
    return 0;
}

/* ---- a query in it ---- */

static void levels_begin(weft_db *tx, weft__query *q)
{
    q->begin_from = tx->level + 1;
    q->begin_to = tx->level;
    for (weft_db *t = tx; t && !t->begun; t = t->outer) q->begin_from = t->level;
    q->takes = q->begin_from == 0;
    q->reads = tx->first->reads;
    q->patient = tx->first->patient;
    q->lease = &tx->first->lease;
}

/* Savepoints are a stack: the end of one is that of all begun since, whoever began them. */
static int alone(const weft_db *tx, const weft__query *q)
{
    for (const weft_db *t = tx; t->outer; t = t->outer) {
        const weft_db *other = t->outer->inner;
        if (other && other != t)
            return weft__fail(q->place, WEFT_EBUSY, "the savepoint begun at %s is to end before the one begun at %s begins, in the same transaction: %.*s", other->place, t->place, SHOWN, q->text);
    }
    return 0;
}

static void level_begun(weft_db *t)
{
    t->begun = true;
    if (t->outer) t->outer->inner = t;
}

static void level_ended(weft_db *t)
{
    t->ended = true;
    if (t->outer && t->outer->inner == t) t->outer->inner = NULL;
}

static void levels_begun(weft_db *tx, const weft__query *q)
{
    for (weft_db *t = tx; t; t = t->outer)
        if (t->level >= q->begin_from && t->level < q->begin_from + q->begun) level_begun(t);
    if (q->takes && !q->held) tx->first->begun = false;
    tx->first->over |= q->over;
}

static void tell(weft__leaver **leaving)
{
    for (weft__leaver *l; (l = *leaving);) {
        *leaving = l->next;
        l->told = true;
        weft__wake(l->fiber, 0);
    }
}

void weft__db_idle(bool *busy, weft__leaver **leaving)
{
    *busy = false;
    tell(leaving);
}

/* It is out of the list when it is told, which the compiler does not see. */
static __attribute__((noinline)) void wait_in(weft__leaver **leaving, weft__leaver *me)
{
    me->next = *leaving;
    *leaving = me;
}

void weft__db_wait_idle(const bool *busy, weft__leaver **leaving)
{
    weft__leaver me = { NULL, weft__self(), !*busy };
    if (*busy) wait_in(leaving, &me);
    while (!me.told) weft__park_through("a statement of the transaction", NULL);
}

int weft__db_run(weft_db *db, weft__query *q)
{
    if (db->root == db) return db->engine->run(db, q);
    weft_db *first = db->first;
    int rc = alone(db, q);
    if (rc < 0) return rc;
    levels_begin(db, q);
    first->busy = true;
    rc = db->engine->run(db->root, q);
    levels_begun(db, q);
    weft__db_idle(&first->busy, &first->leaving);
    return rc;
}

/* ---- begin ---- */

static void lease_init(weft_db *tx, weft__fiber *f, const char *place)
{
    tx->lease = (weft__lease){ .fiber = f, .serial = f ? f->serial : 0, .task = f ? weft_task_name(f->task) : "", .label = weft__task_label_around(), .place = place, .reads = tx->reads };
}

weft_db *weft__transaction_enter(weft_db *db, const weft_transaction_opts *opts, const char *place)
{
    if (!db || db->failed) return db;
    weft_db *tx = weft__malloc(sizeof *tx);
    if (!tx) return &no_memory;
    bool nested = db->root != db;
    *tx = (weft_db){ .engine = db->engine, .root = db->root, .place = place, .outer = nested ? db : NULL, .level = nested ? db->level + 1 : 0 };
    tx->first = nested ? db->first : tx;
    tx->reads = nested ? db->first->reads : opts->read_only;
    if (nested && db->ended) tx->ended = true;
    if (tx->level > WEFT__SAVEPOINTS_MAX) tx->failed = WEFT_ELIMIT;
    if (!nested) lease_init(tx, weft__self(), place);
    weft__db_keep(tx->root);
    return tx;
}

/* ---- end ---- */

static int end(weft_db *tx, weft__to_do what)
{
    weft__query q = { .what = what, .place = tx->place, .text = what == WEFT__DO_COMMIT ? "commit" : "rollback", .level = tx->level,
        .lease = &tx->first->lease, .ends = tx->level == 0, .begin_to = -1, .patient = what == WEFT__DO_COMMIT && tx->first->patient };
    weft__buf_init(&q.fault, 1024);
    tx->first->busy = true;
    int rc = tx->engine->run(tx->root, &q);
    tx->first->over |= q.over;
    weft__db_idle(&tx->first->busy, &tx->first->leaving);
    weft__buf_free(&q.fault);
    bool stays = what == WEFT__DO_COMMIT && rc == WEFT_EDB_REFERENCE;
    if (!stays) level_ended(tx);
    return rc;
}

/* With the end of an outer one it has ended as well. */
static bool runs(const weft_db *tx)
{
    bool open = tx->begun && tx->first->lease.held;
    for (const weft_db *t = tx->outer; t; t = t->outer) open &= !t->ended;
    return open;
}

int weft_db_commit(weft_db *tx)
{
    int rc = weft__db_usable(tx, "commit", tx ? tx->place : WEFT__HERE);
    if (rc < 0) return rc;
    if (tx->root == tx) return weft_fail(WEFT_EINVAL, "weft_db_commit of a database: it is for a WEFT_TRANSACTION");
    if (tx->begun) weft__rows_end_from(tx->first, tx->level);        /* else those of its level are another's */
    if (runs(tx)) return end(tx, WEFT__DO_COMMIT);
    level_ended(tx);                                 /* it never began */
    return 0;
}

static int undo(weft_db *tx)
{
    weft_db *first = tx->first;
    while (first->busy) weft__db_wait_idle(&first->busy, &first->leaving);
    if (tx->ended) return WEFT_ECLOSED;              /* the database was closed meanwhile */
    if (tx->begun && first->copying) weft__rows_end(first->copying);       /* of an outer one, it was begun since all the same */
    if (tx->begun) weft__rows_end_from(first, tx->level);
    if (runs(tx)) return end(tx, WEFT__DO_ROLLBACK);
    level_ended(tx);
    return 0;
}

/* Who is at it begins nothing more, so that it comes to an end however fast one statement would follow the other. */
static int roll_back(weft_db *tx)
{
    weft_db *first = tx->first;
    tx->ending++;
    if (first != tx) first->endings++;
    if (tx->begun) weft__rows_refuse_from(first, tx->level);
    int rc = undo(tx);
    tx->ending--;
    if (first != tx) first->endings--;
    tell(&first->leaving);
    return rc;
}

/* Another task rolls it back: it is there until that is through. */
static void wait_alone(weft_db *tx)
{
    for (bool others = tx->ending > 0; others; others = tx->ending > 0) weft__db_wait_idle(&others, &tx->first->leaving);
}

int weft_db_rollback(weft_db *tx)
{
    if (!tx || tx->root == tx) return weft_fail(WEFT_EINVAL, "weft_db_rollback is for a WEFT_TRANSACTION");
    return tx->ended ? WEFT_ECLOSED : roll_back(tx);
}

void weft__transaction_leave(weft_db *const *at)
{
    weft_db *tx = *at;
    if (!tx || tx == &no_memory || tx->root == tx) return;
    if (!tx->ended) roll_back(tx);
    wait_alone(tx);
    weft__db_drop(tx->root);
    weft__free(tx);
}
