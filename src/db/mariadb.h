#ifndef WEFT_SRC_DB_MARIADB_H
#define WEFT_SRC_DB_MARIADB_H
/* MariaDB and MySQL over libmariadb, whose calls wait: a trip to the server is a job of a thread. All else is the loop's: who has which connection, who
 * waits, when one is opened and closed. So nothing here needs a lock: a connection is its thread's while a job of it runs, and the loop's before and after. */
#include <mysql.h>
#include "db/engine.h"
#include "os/borrowed.h"
#include "os/jobs.h"

enum { WEFT__MARIA_SHOWN = 300 };
#define WEFT__MARIA_MS INT64_C(1000000)
/* The connection was found dead before anything of the query was run: another one is for it. */
enum { WEFT__MARIA_STALE = -100001 };

typedef struct weft__query_queue { weft__query *first, *last; int count; } weft__query_queue;
typedef struct weft__maria_core weft__maria_core;
typedef struct weft__maria_conn weft__maria_conn;
typedef struct weft__maria_kill weft__maria_kill;

/* What the URL says. Shared by counting, and any thread's to read: a thread may be at it when the database is gone. */
typedef enum { WEFT__MARIA_PLAIN, WEFT__MARIA_PREFER, WEFT__MARIA_REQUIRE, WEFT__MARIA_VERIFY } weft__maria_tls;
typedef struct weft__maria_settings {
    int refs;                        /* atomic */
    char *host, *socket, *user, *password, *schema, *ca, *cert, *key;
    unsigned port, connect_s, read_s;
    weft__maria_tls tls;
    int busy_ms, statements_max;
    bool read_only;
} weft__maria_settings;

/* A statement as a connection has it prepared. */
typedef struct weft__maria_kept {
    uint64_t id;
    MYSQL_STMT *stmt;
    weft__row_plan *plan;            /* for rows of plan->schema with columns of these names */
    uint64_t names;
} weft__maria_kept;

/* Where libmariadb puts the value of a column. */
typedef struct weft__maria_column {
    enum enum_field_types type;      /* the server's */
    bool binary, is_unsigned;
    my_bool null, error;
    unsigned long len;
    union { int64_t i; double d; MYSQL_TIME time; };
    char *text;                      /* bytes, and texts made of times */
    size_t room;
} weft__maria_column;

struct weft__maria_conn {
    /* The loop's: */
    weft__maria_core *core;
    int at;                          /* among the core's */
    weft__job job;
    weft__watch watch;
    bool opening, open, taken, working;      /* working: a job of it runs */
    bool given_up;                   /* opening has taken too long: nobody waits for its end */
    bool used;                       /* a query has run on it */
    weft__maria_kill *kill;          /* on its way to the server: nothing is run meanwhile, which it could hit */
    weft__fiber *reader;             /* waits for the end of the job, or of the kill */
    weft__timer limit;
    int64_t opened_ns, until_ns, free_ns, cut_ns;    /* since when; when it is to be replaced; since when nobody uses it; when what it is at is cut */
    int socket;                      /* a descriptor of our own for it, to cut it while the thread reads; -1: none */
    /* The job's: */
    weft__maria_settings *settings;
    weft__query *q;
    MYSQL *my;
    uint64_t server;                 /* that it is to */
    bool broken;                     /* nothing more will come */
    bool spent;                      /* a script ran: nobody gets it after this one */
    bool check;                      /* it was idle for long: is it there? */
    bool locked, autocommit_off;     /* until the end of a migration: it has the lock; what it CREATEs ends no more than itself */
    weft__maria_kept *kept;
    weft__maria_column *columns;
    MYSQL_BIND *into, *params;
    weft__cell *cells;
    int columns_room, params_room;
    size_t packet_max;               /* bytes that the server takes in a message of values */
    char why[300];                   /* it could not be opened */
};

struct weft__maria_core {
    weft_db *root;
    weft__maria_settings *settings;
    weft__pool *pool;
    weft__timer tick, retry;
    weft__query_queue waiting;
    bool away;                       /* connecting has failed, and nothing is open since */
    int failures, opening;           /* failures: since one was of use */
    int64_t no_more_until_ns;        /* one more could not be opened: not at once again */
    char why[300];
    bool closing;
    int in_flight;                   /* calls of run */
    weft__fiber *closer;
    weft__maria_conn *conns[];       /* opts.connections_max; NULL: it is not there */
};

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

static inline weft__maria_core *weft__maria_core_of(const weft_db *root) { return root->core; }
static inline int weft__maria_room(const weft__maria_core *c) { return c->root->opts.connections_max; }

/* mariadb_url.c: 0; WEFT_EINVAL with a text; WEFT_ENOMEM. */
int weft__maria_settings_of(weft_str rest, const weft_db_opts *o, weft__maria_settings **out, weft_str *fault) WEFT_NODISCARD;
void weft__maria_settings_drop(weft__maria_settings *s);

/* mariadb_pool.c, on the loop. */
void weft__maria_dispatch(weft__maria_core *core);
/* A connection for this query alone, in q->lane. 0 or a code, recorded. */
int weft__maria_take(weft_db *root, weft__query *q) WEFT_NODISCARD;
void weft__maria_give(weft__maria_conn *c);
void weft__maria_close(weft__maria_conn *c);
void weft__maria_refuse(weft__query_queue *from, int rc);
bool weft__maria_holds_up(const weft_db *root, const weft__lease *l, const weft__query *q);

/* mariadb_job.c: jobs of connections, on the loop; each tells `done` when it is through. 0, or why no thread took it. */
int weft__maria_open(weft__maria_conn *c) WEFT_NODISCARD;
/* Run c->q there, and wait for its end, q->rc. What is cancelled or late is ended in the server. */
void weft__maria_trip(weft__maria_conn *c, weft__query *q);
/* Of a connection that nothing refers to any more. */
void weft__maria_end(weft__maria_conn *c);
void weft__maria_forget_kill(weft__maria_conn *c);
weft__maria_conn *weft__maria_conn_new(weft__maria_core *core, int at);
/* What opening came to. */
void weft__maria_opened(weft__maria_conn *c);
void weft__maria_unopened(weft__maria_conn *c, const char *why);

/* ---- the rest runs on threads ---- */

/* mariadb_conn.c: a connection to the server, set up unless `bare`; NULL with a text in why[300]. */
MYSQL *weft__maria_connect(const weft__maria_settings *s, bool bare, char *why);
/* What has been opened for it is given back. */
void weft__maria_disconnect(weft__maria_conn *c);
/* How many bytes of values and what goes with them a message may have; 0: it cannot be asked. */
size_t weft__maria_packet_max(MYSQL *my);
/* Which server this is, whatever stands between: a number; 0: it does not say. */
uint64_t weft__maria_server(MYSQL *my);
/* Numbers of connections are a server's own: nothing is ended where a new connection reaches another one. */
void weft__maria_kill_query(const weft__maria_settings *s, uint64_t server, unsigned long id);
/* One of our own commands: 0, or a code with its text in q->fault. */
int weft__maria_command(weft__maria_conn *c, weft__query *q, const char *sql);
static inline bool weft__maria_in_transaction(const weft__maria_conn *c) { return c->my->server_status & SERVER_STATUS_IN_TRANS; }

/* mariadb_failed.c: a failure of the server's or of libmariadb's as a code, with its text in q->fault. */
int weft__maria_failed(weft__maria_conn *c, weft__query *q);
int weft__maria_stmt_failed(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt);
unsigned weft__maria_stmt_errno(const weft__maria_conn *c, MYSQL_STMT *stmt);
bool weft__maria_is_gone(unsigned code);

/* mariadb_stmt.c: prepared statements. *own: it is nobody else's, and to be closed. */
int weft__maria_prepare(weft__maria_conn *c, weft__query *q, weft__maria_kept **kept, weft__maria_kept *own);
void weft__maria_kept_end(weft__maria_kept *k);
int weft__maria_execute(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt, const weft__cell *cells);
/* Where columns go. 0 or a code. */
int weft__maria_bind_columns(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt);
/* The next row into c->cells: 1, 0 at the end, or a code. */
int weft__maria_fetch(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt);
/* Rows that nobody wants any more: many of them are not read to their end. */
void weft__maria_leave_rows(weft__maria_conn *c, MYSQL_STMT *stmt);

/* How a value of this kind is bound, how long a text is then, and room in c->params for n of them. */
enum enum_field_types weft__maria_type(weft__cell_kind kind);
unsigned long weft__maria_text_len(const weft__cell *c);
/* What a value takes in a message, at most. */
size_t weft__maria_value_bytes(const weft__cell *c);
/* WEFT_ELIMIT, with a text that names the largest of an item's values: the server would refuse the message, and close. */
int weft__maria_too_large(const weft__maria_conn *c, weft__query *q, const weft__cell *cells, size_t bytes);
int weft__maria_params_room(weft__maria_conn *c, int n) WEFT_NODISCARD;

/* mariadb_bulk.c: a statement that has places and gives no rows, for all items of q, many in a message: how many rows have changed, or a code. The server does not
 * say which item it was that failed. Has this one such messages? MySQL has not. */
bool weft__maria_has_bulk(const weft__maria_conn *c);
int weft__maria_bulk(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt) WEFT_NODISCARD;

/* mariadb_rows.c: what comes of a statement that has been executed; its rc. */
int weft__maria_take_rows(weft__maria_conn *c, weft__query *q, weft__maria_kept *k);
int weft__maria_run_rows(weft__maria_conn *c, weft__query *q);

/* mariadb_run.c: c->q on its connection; its rc in q->rc. */
void weft__maria_run(weft__maria_conn *c, weft__query *q);
#endif
