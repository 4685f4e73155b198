#ifndef WEFT_SRC_DB_POSTGRES_H
#define WEFT_SRC_DB_POSTGRES_H
/* PostgreSQL over libpq, on the loop alone. A connection is shared by plain reads that are known to be quick, whose queries follow each other without
 * waiting for answers; or taken by one task for a statement, a transaction or rows. */
#include <libpq-fe.h>
#include "db/engine.h"
#include "db/postgres_type.h"
#include "os/jobs.h"

enum { WEFT__PG_SHOWN = 300, WEFT__PG_SHARED_MAX = 256, WEFT__PG_TURN_MAX = 32, WEFT__PG_ITEMS_MAX = 128, WEFT__PG_BYTES_AT_ONCE = 256 * 1024, WEFT__PG_DRAIN_MS = 5000,
    WEFT__PG_ROW_MAX = 64 << 20, WEFT__PG_LARGE = 64 * 1024, WEFT__PG_READS_MAX = 64 };
#define WEFT__PG_MS INT64_C(1000000)
/* How long a statement took (its `slow`): SLOW was measured alone; of a batch that took long each may be the reason, and one is tried alone. */
enum { WEFT__PG_QUICK, WEFT__PG_SLOW, WEFT__PG_SUSPECT, WEFT__PG_TRIED };
/* Where a query of the shared kind is. */
enum { WEFT__PG_WAITS = 1, WEFT__PG_SENT, WEFT__PG_GIVEN, WEFT__PG_OVER };

typedef struct weft__query_queue { weft__query *first, *last; int count; } weft__query_queue;
typedef struct weft__pg_core weft__pg_core;
typedef struct weft__pg_conn weft__pg_conn;

/* What a statement is known as, once a database has been asked. */
typedef struct weft__pg_known {
    bool rows;                       /* it gives some */
    int params, columns;
    uint32_t *oids;                  /* of its values */
    uint32_t *types;                 /* of the columns that the plan was made for */
    char **names;
    weft__row_plan *plan;
    uint64_t plans;                  /* how many there have been */
} weft__pg_known;

/* What has been sent on a shared connection, and is answered in this order. */
typedef enum { WEFT__PG_QUERY, WEFT__PG_PREPARE, WEFT__PG_DROP, WEFT__PG_SYNC } weft__pg_what;
typedef struct weft__pg_sent {
    weft__pg_what what;
    weft__query *q;                  /* NULL: its task has left */
    int rc;                          /* what came of it: told when the Sync behind it says that it stands */
    PGresult *error;                 /* why it failed, until then */
    int slot;
    uint64_t id;
} weft__pg_sent;

typedef struct weft__pg_cancel weft__pg_cancel;
typedef struct weft__pg_opening weft__pg_opening;
typedef struct weft__pg_listener weft__pg_listener;

/* Out of pipeline mode, for a COPY: what comes is taken at the reader's pace (OUT); what comes while rows are sent is a failure (IN), and stays where the poller
 * tells of it; all of it has been sent, or is given up (END). */
typedef enum { WEFT__PG_COPIES_NOT, WEFT__PG_COPIES_OUT, WEFT__PG_COPIES_IN, WEFT__PG_COPIES_END } weft__pg_copying;

struct weft__pg_conn {
    weft__pg_core *core;
    weft__pg_listener *listener;     /* whose it is; NULL: one of the pool */
    PGconn *pg;                      /* NULL: it is not there */
    weft__watch watch;
    int fd;                          /* that is watched; -1: none */
    weft__watching how;
    bool open;                       /* it takes queries; false with `pg`: it is being opened */
    bool broken;                     /* nothing more will come */
    bool taken;                      /* by one task */
    bool reserved;                   /* somebody waits to take it: it gets no more shared ones */
    weft__pg_copying copying;
    bool heard;                      /* something came in the middle of a COPY that is sent */
    bool saved;                      /* the savepoint of its transaction's last statement stands */
    uint64_t *kept;                  /* prepared statements by slot; the last place is for one without */
    int64_t opened_ns, until_ns, free_ns;    /* since when; when it is to be replaced; since when nobody uses it */
    bool used;                       /* a query was answered on it, or ended by us: it is no server that closes each connection */
    weft__fiber *reader;             /* who has taken it and waits */
    bool one_by_one;                 /* rows of the result that comes next are told as they come, and not all in the end */
    bool goes_on;                    /* something was read since the last Sync's answer behind which nothing was to come */
    int reads;                       /* times that something was read since the last result or row; `incoming`: how many bytes at least, but for those of the first time */
    size_t incoming;
    weft__pg_cancel *cancel;         /* on its way to the server: nothing is sent meanwhile, which it could hit */
    weft__timer limit;               /* for an end that must come */
    weft__pg_opening *opening;
    weft__pg_sent *sent;             /* a ring: [first, at) answered, [at, end) not; a batch begins at first */
    uint32_t first, at, end, room;
    int shared, this_turn;           /* queries in it that tasks wait for; sent since the last Sync */
    bool failed, given_up;           /* the batch; because of one that held up the others */
    int64_t batch_ns;                /* when it was at the server first */
    weft__timer patience;            /* looks, now and then, whether one holds up the others of a batch: */
    uint32_t seen_at;                /* `at` when it looked last */
};

struct weft__pg_core {
    weft_db *root;
    PQconninfoOption *info, *defaults;
    int64_t connect_ns;              /* how long connecting may take */
    weft__hook hook;
    weft__pool *pool;                /* for cancels, which libpq sends in a blocking way */
    weft__timer tick, retry;
    weft__query_queue shared, alone; /* that wait */
    uint64_t queued;
    weft__pg_types types;
    weft_arena made;                 /* of values, until they are sent or read */
    char *part;                      /* of what comes, until libpq has it (postgres_conn.c) */
    const char *values[WEFT__PLACES_MAX];
    int lengths[WEFT__PLACES_MAX], formats[WEFT__PLACES_MAX];
    weft__cell *cells;
    int cells_room;
    bool away;                       /* connecting has failed, and nothing is open since */
    int failures;                    /* since one was of use */
    int64_t no_more_until_ns;        /* one more could not be opened: not at once again */
    weft__buf why;                   /* it failed */
    int opening;
    bool closing, dirty;
    int in_flight;                   /* calls of run */
    weft__fiber *closer;
    uint64_t cursors;
    weft__pg_listener *listener;     /* NULL: nobody has listened yet */
    int sticky;                      /* the connection that shared queries went to last */
    weft__pg_conn conns[];           /* opts.connections_max */
};

static inline weft__pg_core *weft__pg_core_of(const weft_db *root) { return root->core; }
static inline int weft__pg_room(const weft__pg_core *c) { return c->root->opts.connections_max; }

static inline void weft__query_add(weft__query_queue *l, weft__query *q)
{
    q->next = NULL;
    q->prev = l->last;
    *(l->last ? &l->last->next : &l->first) = q;
    l->last = q;
    l->count++;
    q->queue = l;
}

static inline void weft__query_remove(weft__query *q)
{
    weft__query_queue *l = q->queue;
    *(q->prev ? &q->prev->next : &l->first) = q->next;
    *(q->next ? &q->next->prev : &l->last) = q->prev;
    l->count--;
    q->queue = NULL;
}

/* postgres_open.c: begin to open it; weft__pg_opened or weft__pg_unopened tells of the end. */
void weft__pg_open(weft__pg_conn *c);
void weft__pg_open_ready(weft__pg_conn *c);
void weft__pg_open_end(weft__pg_conn *c);
/* The URL as libpq's settings. 0; WEFT_EINVAL with a text; WEFT_ENOMEM. */
int weft__pg_settings(weft__pg_core *c, weft_str rest, weft_str *fault);

/* postgres_conn.c */
void weft__pg_watch(weft__pg_conn *c, weft__watching how);
void weft__pg_unwatch(weft__pg_conn *c);
/* What is written goes as far as it can; false: the connection is broken. */
bool weft__pg_flush(weft__pg_conn *c);
/* Read what has come, and count it. */
void weft__pg_consume(weft__pg_conn *c);
/* The next result that is here; NULL: none yet. */
PGresult *weft__pg_result(weft__pg_conn *c);
void weft__pg_close(weft__pg_conn *c);
/* Ask the server to end what the connection is at: it is told so on a thread. Bounded: a connection that does not let go is broken then. */
void weft__pg_stop(weft__pg_conn *c);
/* The same bound alone. */
void weft__pg_bound(weft__pg_conn *c, int64_t ms);
void weft__pg_broken(weft__pg_conn *c);

/* postgres_pool.c */
void weft__pg_dispatch(weft__pg_core *c);
void weft__pg_opened(weft__pg_conn *c);
void weft__pg_unopened(weft__pg_conn *c, const char *why);
/* It is of use: a query was answered, or ended by us. */
void weft__pg_used(weft__pg_conn *c);
/* It has died: closed, and what follows of that. */
void weft__pg_died(weft__pg_conn *c);
/* One for this query alone, in q->lane. 0 or a code, recorded. */
int weft__pg_take(weft_db *root, weft__query *q);
void weft__pg_give(weft__pg_conn *c);
/* Run on a shared one. 0: q->rc tells; 1: it is to have one alone; < 0: recorded. */
int weft__pg_share(weft_db *root, weft__query *q);
void weft__pg_refuse(weft__query_queue *from, int rc);
bool weft__pg_holds_up(const weft_db *root, const weft__lease *l, const weft__query *q);
bool weft__pg_reads(const weft__query *q);
void weft__pg_tell(weft__query *q);

/* postgres_listen.c: an engine's listen and unlisten; the end of all; what is told of its connection, which is none of the pool. */
int weft__pg_listen(weft_db *root, weft_db_sub *sub);
void weft__pg_unlisten(weft_db_sub *sub);
void weft__pg_listen_end(weft__pg_core *core);
void weft__pg_listen_opened(weft__pg_conn *c);
void weft__pg_listen_unopened(weft__pg_conn *c, const char *why);
void weft__pg_listen_ready(weft__pg_conn *c);

/* postgres_share.c */
bool weft__pg_shared_send(weft__pg_conn *c, weft__query *q);
void weft__pg_shared_sync(weft__pg_conn *c);
void weft__pg_shared_ready(weft__pg_conn *c);
void weft__pg_shared_leave(weft__query *q);
void weft__pg_shared_lost(weft__pg_conn *c);

/* postgres_trip.c: what is sent together on a connection that is taken, and answered in order. */
typedef struct weft__pg_trip {
    weft__pg_conn *conn;
    weft__query *q;
    int sent, main;                  /* results that come before the Sync's; which one is the query's own, -1: none */
    int got;
    size_t bytes;                    /* of the values that were sent */
    int prepare, drop, slot;         /* which results tell that the statement in this slot is there, or gone; -1 */
    uint64_t id;
    int begin_at, begin_end;         /* results of what begins levels of transactions */
    PGresult *result, *error;
    int error_at;
    int (*row)(struct weft__pg_trip *t, const PGresult *r);      /* takes a row of the query's own result as it comes: 0, or a code with q->fault, and it gets no more. NULL: all come in the end */
    int row_rc;                      /* what it has said */
    int64_t rows;                    /* that it was given of this result */
    uint64_t plans;                  /* its own, of the plan that they are read by */
    size_t came, dropped;            /* bytes of these, and of those that nobody wants */
} weft__pg_trip;
/* Until something may have come, or gone; a cancel or deadline asks the server to end what it is at, and is in q->stop then. */
void weft__pg_wait(weft__pg_conn *c, weft__query *q);
weft__pg_trip weft__pg_trip_of(weft__pg_conn *c, weft__query *q);
void weft__pg_say(weft__pg_trip *t, const char *sql);
void weft__pg_prepare(weft__pg_trip *t, bool describe);
/* Have the server look at it, which must be one statement; nothing of it is run. */
void weft__pg_parse(weft__pg_trip *t, const char *sql);
/* Prepare it without a name, and ask what it takes and gives: the query's own result. */
void weft__pg_look_at(weft__pg_trip *t, const char *sql);
/* Values, and the statement with them as the query's own result. 0; WEFT_EINVAL, WEFT_ENOMEM, WEFT_ELIMIT with q->fault, and nothing was sent. */
int weft__pg_execute(weft__pg_trip *t, const weft__cell *cells);
/* What has been sent is to be answered, but nothing ends here. */
void weft__pg_ask(weft__pg_trip *t);
/* Read until that result is here: 0; WEFT_EDB_LOST; another failure of the server's, a code with q->fault. */
int weft__pg_read(weft__pg_trip *t, int until);
/* Sync, and read to its end; the same in two steps, of which the second may stop when `most` bytes of rows have come: WEFT__PG_HALFWAY, to be gone on with. */
enum { WEFT__PG_HALFWAY = 1 };
int weft__pg_sync(weft__pg_trip *t);
void weft__pg_sync_send(weft__pg_trip *t);
int weft__pg_sync_read(weft__pg_trip *t, size_t most);
void weft__pg_trip_end(weft__pg_trip *t);
/* A trip of one command. */
int weft__pg_command(weft__pg_conn *c, weft__query *q, const char *sql);
int weft__pg_bind(weft__pg_core *c, const weft__query *q, const weft__cell *cells, weft__buf *fault);
const char *weft__pg_name(char to[32], uint64_t id);

/* postgres_failed.c: a result of the server's as a code, with its text in q->fault. */
int weft__pg_failed(weft__query *q, const PGresult *r);
int weft__pg_lost(weft__pg_conn *c, weft__query *q);
bool weft__pg_lost_place(const PGresult *r);
bool weft__pg_outdated(const PGresult *r);
/* A cancel, or a statement_timeout, has ended it. */
bool weft__pg_ended(const PGresult *r);

/* postgres_run.c: a query on the connection that is taken for it; q->rc. */
int weft__pg_run(weft__pg_conn *c, weft__query *q);
int weft__pg_describe(weft__pg_conn *c, weft__query *q, bool anew);
/* The types in such a description are known, or asked for. */
int weft__pg_types_of(weft__pg_conn *c, weft__query *q, const PGresult *description);
/* A result to what the query wants of it: its rc. */
int weft__pg_take_rows(weft__pg_core *c, weft__query *q, const PGresult *r);
/* A trip's `row`: to where the query wants it; and what is to be said of its result when all have come. */
int weft__pg_take_row(weft__pg_trip *t, const PGresult *r);
/* The same of the i-th item's result. */
int weft__pg_take_item(weft__pg_core *c, weft__query *q, const PGresult *r, size_t i);
int weft__pg_cells(weft__pg_core *c, weft__query *q, const PGresult *r, int row);
/* In a transaction: begin what has not begun, and a savepoint behind which nothing can spoil it. Elsewhere nothing. */
void weft__pg_guard(weft__pg_trip *t);
/* The trip has failed, or what came of it: in a transaction back to that savepoint. */
void weft__pg_undo(weft__pg_conn *c, weft__query *q);
static inline bool weft__pg_inside(const weft__query *q) { return q->lease && !q->lease->rows; }
/* Commands whose failures are nobody's to read. */
void weft__pg_quietly(weft__pg_conn *c, const weft__query *q, const char *first, const char *second);
/* postgres_many.c, postgres_rows.c */
int weft__pg_run_each(weft__pg_conn *c, weft__query *q, bool *outdated);
int weft__pg_run_script(weft__pg_conn *c, weft__query *q);
int weft__pg_run_rows(weft__pg_conn *c, weft__query *q);
/* The columns of a result as those of the rows. */
int weft__pg_rows_names(weft_rows *r, const PGresult *res);
/* postgres_copy.c */
int weft__pg_run_copy(weft__pg_conn *c, weft__query *q);
int weft__pg_copy_row(weft_rows *to, const weft__cell *cells, weft__buf *fault);
#endif
