#ifndef WEFT_SRC_DB_ENGINE_H
#define WEFT_SRC_DB_ENGINE_H
/* The seam: what an engine (SQLite, PostgreSQL, ...) does, and what all of them share. */
#include "db/row.h"
#include "db/statement.h"
#include "task/fiber.h"
#include "weft/db.h"
#include "weft/listen.h"

/* A statement as all calls of it share it: found by its text, on the loop. What is below `id` is any thread's to read. */
typedef struct weft__statement {
    struct weft__statement *next;    /* in its chain */
    uint64_t hash, id;               /* ids are never used again */
    uint64_t used;                   /* when last */
    int slot;                        /* its place among those that a connection keeps; -1: it is not kept */
    int refs;
    weft_str text;                   /* the user's */
    weft__parsed parsed;
    int writes;                      /* atomic; 0: not known yet, 1: it reads, 2: it writes */
    int slow;                        /* atomic; it took long when it was last run */
    void *known;                     /* what an engine knows of it, on the loop; freed by `forget` */
    void (*forget)(void *known);
} weft__statement;
enum { WEFT__READS = 1, WEFT__WRITES };

typedef struct weft__statements {
    weft__statement **chains, **slots;
    int room;
    uint64_t next_id, clock;
    weft__dialect dialect;
} weft__statements;
int weft__statements_init(weft__statements *s, int room, weft__dialect dialect) WEFT_NODISCARD;
void weft__statements_free(weft__statements *s);
/* The statement of this text, with one more reference. 0; the codes and texts of weft__sql_parse; WEFT_ENOMEM. */
int weft__statements_find(weft__statements *s, weft_str text, weft__statement **out, const char **fault) WEFT_NODISCARD;
void weft__statements_drop(weft__statements *s, weft__statement *st);

typedef struct weft__query weft__query;

/* Who has a connection for himself: a transaction, or rows that are being read. On the loop. */
typedef struct weft__lease {
    struct weft__lease *next, *prev; /* of the database, those that have begun */
    weft__fiber *fiber;              /* whose block it is; compared, and followed only while `rows` is false: that block lies around it */
    uint64_t serial;                 /* of that task: rows may outlive it, and another be at its address */
    const char *task, *place;        /* static */
    const char *label;
    int64_t since_ns;
    bool held, rows, reads;
    void *lane;                      /* the engine's */
} weft__lease;

/* lease.c: a query runs that has no lease yet; it may wait for a connection still. */
void weft__query_runs(weft_db *root, weft__query *q);
void weft__query_ran(weft_db *root, weft__query *q);
/* Word of a lease has come. */
void weft__lease_begins(weft_db *root, weft__lease *l);
void weft__lease_ends(weft_db *root, weft__lease *l);
/* It begins and ends as the query says that was run in it. */
void weft__lease_follows(weft_db *root, weft__query *q);
/* Who waits for a connection, and on whom: leases that `holds_up` says so of. Holders are told for the list of tasks. */
typedef struct weft__waited { weft__held held; const weft__query *q; const weft_db *root; bool (*holds_up)(const weft_db *, const weft__lease *, const weft__query *); } weft__waited;
weft__waited weft__waited_of(const weft_db *root, const weft__query *q, bool (*holds_up)(const weft_db *, const weft__lease *, const weft__query *));
/* None became free in time: WEFT_EDB_BUSY, with the names of who has them and since when; "no connection that reads". */
int weft__lease_missed(const weft__waited *w, const char *what);
/* The task's own, `most` of which leave none for it: that would have to end first. NULL: fewer hold it up. */
const weft__lease *weft__lease_own(const weft__waited *w, int most);
int weft__lease_own_failed(const weft__query *q, const weft__lease *own);
/* The first one there is ends, as the database is closed: what it was is rolled back; or its task goes on first. */
void weft__lease_end_first(weft_db *root);

/* How deep transactions lie in each other. */
enum { WEFT__SAVEPOINTS_MAX = 32 };

/* What is asked of an engine: one trip. It lies on the stack of the task that waits for its end. */
typedef enum {
    WEFT__DO_COUNT, WEFT__DO_ONE, WEFT__DO_ALL, WEFT__DO_EACH, WEFT__DO_SCRIPT, WEFT__DO_ROWS, WEFT__DO_MORE, WEFT__DO_ROWS_END,
    WEFT__DO_COMMIT, WEFT__DO_ROLLBACK, WEFT__DO_OPEN, WEFT__DO_CLOSE
} weft__to_do;

/* What EACH runs its statement for, each.c. */
typedef struct weft__items {
    const char *first;
    size_t count;
    weft__row_plan *plan;            /* of an item */
    const weft__column **columns;    /* of it, by place */
    weft__cell *cells;               /* of the item that is at hand */
    weft_arena made;                 /* of these */
    bool one;                        /* each of them gives one row */
    size_t done, told;               /* the engine's */
    uint64_t plan_seen;
    bool failed;
} weft__items;

/* What rows are that are copied (PostgreSQL's COPY): models row by row, bytes that come, or what is written. */
typedef enum { WEFT__COPY_ROWS, WEFT__COPY_OUT, WEFT__COPY_IN } weft__copy_way;
typedef struct weft__copy {
    weft__copy_way way;
    const char *options;             /* static: " (FORMAT csv)" */
    const char *into, *columns;      /* IN: a table as COPY names it; of models: what SELECTs the columns that are written, for their types */
    bool last;                       /* IN: what is written is whole, and is to stay */
    bool headed;                     /* ROWS: what comes before the first one has come */
    uint32_t *oids;                  /* of the columns; weft__free */
    int count;                       /* IN, of models: how many are written, from the beginning */
    int64_t rows;                    /* in all, when it has ended */
} weft__copy;

struct weft__query_queue;
struct weft__query {
    weft__to_do what;
    weft__statement *statement;      /* of COUNT to EACH, and ROWS */
    const weft__cell *cells;         /* bound, as many as it has places; in `values` */
    weft_arena values;
    const char *text, *place;        /* the SQL, for messages and of SCRIPT; where the call stands */
    const weft_schema *schema;       /* of a row; NULL: COUNT, and EACH when it counts */
    void *out;                       /* ONE: memory of the schema's size; ALL, EACH: a list; neither is the user's */
    weft__items *items;              /* of EACH */
    weft_rows *rows;
    weft__lease *lease;              /* NULL: any connection will do */
    bool takes, ends;                /* the lease begins with it if it succeeds, ends with it in any case */
    int begin_from, begin_to;        /* levels of transactions that begin before it: 0 the transaction, more its savepoints; to < from: none */
    int level;                       /* of COMMIT and ROLLBACK */
    bool reads;                      /* begin_from 0 is one that reads alone */
    bool patient;                    /* of a migration, its COMMIT too: neither statement_ms nor busy_ms bounds it; the end of its scope does, what must run by statement_ms from then on */
    bool may_commit;                 /* a SCRIPT that is a migration: in MariaDB a CREATE in it commits, and the transaction goes on behind it */
    weft_arena arena;                /* what comes of it; thread's while it runs */
    weft__buf fault;                 /* why it failed */
    int begun;                       /* how many levels it has begun, also when it failed */
    bool over;                       /* the database has ended the transaction around it */
    bool held;                       /* the lease has begun */
    int rc;                          /* rows or 0 */
    weft_db *root;                   /* kept until weft__query_end; NULL: it was not begun */

    /* The engine's: */
    weft__query *next, *prev;
    weft__query *later, *earlier;    /* of the database, those that run without a lease */
    struct weft__query_queue *queue; /* that it is in */
    void *lane;                      /* that it is given, or run by */
    uint64_t seq;                    /* when it was handed over */
    int64_t from_ns;
    weft__fiber *fiber;
    int state;
    int stop;                        /* atomic: a code to end with */
    bool told;
    bool alone;                      /* it shares none with others */
};

/* The functions of an engine. All but `open` and `close` are called with a query that is filled, and return its rc: < 0 recorded. */
typedef struct weft__engine {
    const char *scheme;
    weft__dialect dialect;
    const char *migrated;            /* SQL: is there a table weft_migrations? */
    const char *lock;                /* SQL, in a transaction: until its end no other migration runs; NULL: writing does that by itself */
    bool lock_is_told;               /* it gives 1, or 0: not yet */
    const char *migrations;          /* SQL that makes this table, outside of a transaction; NULL: the one that serves all, in one */
    int (*open)(weft_db *db, weft_str rest, weft_str *fault);    /* rest: behind "scheme://" */
    int (*run)(weft_db *root, weft__query *q);
    bool (*at_work)(const weft_db *root, const weft__query *q, const weft__query *waits);   /* q has a connection that the other could have */
    int (*close)(weft_db *root);
    void (*abandon)(weft_db *root);  /* no loop turns any more */
    int (*listen)(weft_db *root, weft_db_sub *sub);      /* NULL: it has no messages; 0 or WEFT_ENOMEM, listen.h */
    void (*unlisten)(weft_db_sub *sub);
    /* NULL: it does not copy. A row's cells to what is written next: 0; WEFT_EINVAL with a text; WEFT_ENOMEM, WEFT_ELIMIT. */
    int (*copy_row)(weft_rows *to, const weft__cell *cells, weft__buf *fault);
} weft__engine;
extern const weft__engine weft__sqlite, weft__postgres, weft__postgres_short, weft__mariadb, weft__mariadb_mysql;
/* What must be run, whatever is cancelled: ends, and openings. */
static inline bool weft__query_must_run(const weft__query *q)
{
    return q->what == WEFT__DO_COMMIT || q->what == WEFT__DO_ROLLBACK || q->what == WEFT__DO_ROWS_END || q->what == WEFT__DO_CLOSE || q->what == WEFT__DO_OPEN;
}
/* Its failure, recorded: q->rc with the text in q->fault. The one of a deadline; and a header Retry-After for a record of this code. */
int weft__query_failed(const weft_db *root, const weft__query *q);
int weft__query_late(const weft_db *root, const weft__query *q);
void weft__retry_after(int rc);

/* How long a server is left alone after so many failures in a row: twice as long each time, and not all programs at the same moment. */
#define WEFT__DB_BACKOFF_MAX_NS INT64_C(2000000000)
int64_t weft__db_backoff_ns(weft__loop *loop, int failures);

/* A task that waits for another to be through with a transaction or rows; on its stack. */
typedef struct weft__leaver { struct weft__leaver *next; weft__fiber *fiber; bool told; } weft__leaver;

/* A database, or a transaction in one. */
struct weft_db {
    const weft__engine *engine;
    weft_db *root;                   /* itself, or the database that this is a transaction of */
    weft_db *outer;                  /* around a savepoint */
    weft_db *inner;                  /* the savepoint that has begun in it */
    int failed;                      /* there was no memory for it: the code of all its calls */
    /* Of a database: */
    weft_db_opts opts;
    weft__statements statements;
    struct weft__table *tables;      /* models that were used as tables, table.h */
    weft__loop *loop;
    weft__lease *leases;
    weft__query *runs, *runs_last;   /* those without a lease, the first one that came first */
    char *url;                       /* for people */
    weft_db *next, *prev;            /* of the loop, those that are open */
    void *core;                      /* the engine's */
    bool closing, closed;
    int refs;                        /* itself until it is closed, transactions and rows */
    /* Of a transaction: */
    weft_db *first;                  /* the outermost one */
    int level;
    bool patient;                    /* as its queries are */
    bool reads, begun, ended, over, busy;    /* `over`: the database has ended it; busy of the outermost one: a query of it is under way */
    const char *place;
    weft__lease lease;               /* of the outermost one */
    weft_rows *rows;                 /* of the outermost one: those read in it and in its savepoints */
    weft_rows *copying;              /* of the outermost one: has its connection to itself until it ends */
    int ending;                      /* calls that roll it back, or wait to: it stays until these are out of it */
    int endings;                     /* of the outermost one: the same of all its levels */
    weft__leaver *leaving;           /* of the outermost one: wait for `busy` to end, or for such calls to go */
};

/* How long it may take in all, from its call on; -1: no bound. */
static inline int weft__query_ms(const weft_db *root, const weft__query *q) { return q->patient ? -1 : root->opts.statement_ms; }

struct weft_rows {
    weft_rows *next, *prev;          /* of its transaction */
    weft_db *root;
    weft_db *db;                     /* the database or transaction it is of; NULL: that transaction has ended, and may be gone */
    int level;                       /* of the transaction */
    weft__lease lease;
    bool in_transaction, over;       /* over: there are no more behind those in the buffer */
    bool busy;                       /* one task is at them, whose call it is, or who ends them */
    int callers;                     /* in a call of them, with those that wait to close them: they stay until these are out of it */
    weft__leaver *leaving;           /* wait for `busy` to end, or for callers to go */
    int failed;                      /* why nothing more may be done with them; set before their end, which a call that is under way may have to make */
    char *text;
    const char *place;
    weft__buf buffer;                /* rows: their cells one behind the other */
    size_t at;
    char **names;
    int columns;
    weft__cell *cells;               /* of the row being read */
    weft__row_plan *plan;
    weft_arena arena;                /* of the last row */
    void *statement;                 /* the engine's; NULL: it has let go of them */
    weft__copy *copy;                /* they are copied; NULL: a cursor */
};

/* Append a row's cell, and read it again. */
void weft__cell_put(weft__buf *to, const weft__cell *c);
const char *weft__cell_get(const char *at, weft__cell *c);

/* rows.c: open them; `copy` becomes theirs, with what is in it, on failure too. One step, which fills the buffer, or empties it (IN). Their memory. */
int weft__rows_open(weft_rows **out, weft_db *db, const weft_sql *sql, weft__copy *copy) WEFT_NODISCARD;
int weft__rows_step(weft_rows *rows) WEFT_NODISCARD;
/* weft__checkpoint, behind which they are as they were, or it says why not (what: by whom). */
int weft__rows_checkpoint(const weft_rows *rows, const char *what) WEFT_NODISCARD;
/* Before a call: 0, or why it cannot be; `what`: the call's name. */
int weft__rows_usable(const weft_rows *rows, const char *what) WEFT_NODISCARD;
/* Around all of a call that may wait: no other task is at them meanwhile, and who closes or leaves them waits. Behind the exit, which passes on rc, they may be gone. */
void weft__rows_enter(weft_rows *rows);
int weft__rows_exit(weft_rows *rows, int rc);
/* In one: what has failed ends them; rc. */
int weft__rows_kept(weft_rows *rows, int rc);

/* rows.c, in a call of them, or for the end of their transaction: the rows are over; the engine lets go of what they have. */
void weft__rows_end(weft_rows *rows);
/* All that were opened in a transaction of this level or an inner one, and what copies; the first says so, and who is at them does not go on. */
void weft__rows_refuse_from(weft_db *first, int level);
void weft__rows_end_from(weft_db *first, int level);
int weft__db_run(weft_db *db, weft__query *q) WEFT_NODISCARD;
/* Before a call: 0 or why it cannot be. */
int weft__db_usable(const weft_db *db, const char *what, const char *place) WEFT_NODISCARD;
/* `busy` ends, and who waits for it is told; wait for that, once: what they lie in may be gone then. */
void weft__db_idle(bool *busy, weft__leaver **leaving);
void weft__db_wait_idle(const bool *busy, weft__leaver **leaving);
void weft__db_keep(weft_db *root);
void weft__db_drop(weft_db *root);

/* weft_db_script of a migration, in its transaction. */
int weft__db_migration(weft_db *tx, const char *text, const char *place) WEFT_NODISCARD;

/* Fills in statement and cells from what the user gave. 0, or a code, recorded. In each case weft__query_end. */
int weft__query_begin(weft__query *q, weft_db *db, const weft_sql *sql) WEFT_NODISCARD;
/* The same for one without a statement. */
int weft__query_plain(weft__query *q, weft_db *db, const char *text, const char *place) WEFT_NODISCARD;
void weft__query_end(weft__query *q);
/* Memory of the task for what comes of it, *out of `size` bytes; and, when it has come, all of it becomes the task's. 0, or a code, recorded. */
int weft__query_memory(weft__query *q, size_t size, void **out) WEFT_NODISCARD;
int weft__query_keep(weft__query *q) WEFT_NODISCARD;
/* The same memory, when what came of it has been copied to where it belongs, or nothing was. */
void weft__query_give_back(const weft__query *q, char *piece, size_t size, bool fine);

/* each.c: the values of the i-th item, in items->cells until the next. 0; WEFT_EINVAL with a text in q->fault; WEFT_ENOMEM, WEFT_ELIMIT. */
int weft__item_cells(weft__query *q, size_t i) WEFT_NODISCARD;
/* The rows of the i-th are in the list: 0, or WEFT_ENOENT, WEFT_EDB with a text: there is not one where there must be. */
int weft__item_rows(weft__query *q, size_t i) WEFT_NODISCARD;
/* None of its rows is there (again). */
void weft__items_begin(weft__query *q);
#endif
