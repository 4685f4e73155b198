#ifndef WEFT_SRC_REDIS_INSIDE_H
#define WEFT_SRC_REDIS_INSIDE_H
/* What the files of this floor share: a Redis, its servers, their connections, and calls. */
#include "base/buf.h"
#include "io/stream.h"
#include "io/tls.h"
#include "task/fiber.h"
#include "task/waiters.h"
#include "weft/redis.h"
#include "wire/resp.h"

typedef struct weft__rconn weft__rconn;
typedef struct weft__rnode weft__rnode;
typedef struct weft__rcall weft__rcall;

enum {
    WEFT__REDIS_IN = 64 * 1024,      /* what is received at once */
    WEFT__REDIS_OUT_FULL = 1 << 20,  /* unsent bytes beyond which calls wait for room */
    WEFT__REDIS_BYTES_MAX = 1 << 30, /* of a command, and of what is unsent */
    WEFT__REDIS_HOST = 256,
    WEFT__REDIS_WHY = 300,
    WEFT__REDIS_STEPS_MAX = 10000,
    WEFT__REDIS_SHOWN = 200          /* of a command, in messages */
};

/* ---- calls: on the stack of the task that waits ---- */

struct weft__rcall {
    weft__fiber *fiber;
    weft_arena *arena;               /* where replies that are kept go */
    weft_str *replies;               /* as many as are expected: &one of one; an empty one came and could not be kept */
    weft_str one;
    uint32_t expected, came;
    weft__rconn *conn;               /* while replies are to come */
    uint64_t entry;                  /* of the first in the connection's ring */
    uint64_t from;                   /* where its bytes begin in all that the connection sends */
    int64_t until_ns;
    const char *why;                 /* it was lost; static */
    bool sent;                       /* it was put on a connection */
    bool told, unsent;               /* unsent: the connection was lost before a byte of it went */
    bool each;                       /* of several, each for itself: that one could not be kept is no failure of all */
    int rc;
    int missing;                     /* why a reply could not be kept, of the first; 0: none */
    char small[64];                  /* one short reply, so that it costs no memory of the task's */
};

/* ---- connections (conn.c) ---- */

typedef enum { WEFT__RCONN_CLOSED, WEFT__RCONN_OPENING, WEFT__RCONN_READY } weft__rconn_state;

struct weft__rconn {
    weft__stream stream;             /* first */
    weft_redis *root;
    weft__rnode *node;
    weft__rconn *next;               /* idle ones of one's own, of a node */
    weft__rconn *next_unsent;
    weft__rconn_state state;
    weft__buf out;                   /* unsent: from out_at on */
    size_t out_at;
    uint64_t gone;                   /* bytes sent so far: out_at of `out` is there in all that is sent */
    weft__buf in;                    /* of the reply that comes */
    weft__resp_scan scan;
    weft__rcall **ring;              /* whose replies come, in their order; NULL: nobody's any more */
    uint64_t head, tail;             /* entries that were answered, and all that ever were */
    uint32_t room;                   /* a power of two */
    weft__timer due;                 /* of the first that still waits */
    weft__timer again;               /* more can be received at once */
    int64_t heard_ns;
    const char *why;                 /* it was lost; static */
    weft__tls_session session;
    int64_t out_large_ns, in_large_ns;
    bool unsent, shared, resp3;
    bool opening;                    /* a task is in weft__rconn_open with it, lost or not: no other may begin */
    bool dropping;                   /* the reply that comes is kept no more: it is nobody's, or too large */
    bool too_large;
    bool busy;                       /* somebody works on it: it is freed later */
    bool dead;                       /* and is to be */
};

/* NULL: no memory. */
weft__rconn *weft__rconn_new(weft__rnode *node, bool shared);
/* Close it and tell all that wait for it; twice is once. */
void weft__rconn_lose(weft__rconn *c, const char *why);
/* Lose it and give it back, now or when nobody is in it. */
void weft__rconn_free(weft__rconn *c);
/* It is open: what comes from now on is read on the loop's stack. */
void weft__rconn_begin(weft__rconn *c);
/* Have what there is sent before the loop next waits. */
void weft__rconn_mark(weft__rconn *c);
/* Bytes of commands, and who waits for their replies: `skipped` that nobody wants, then the call's. 0, or WEFT_ENOMEM with nothing done. */
int weft__rconn_put(weft__rconn *c, weft_str bytes, uint32_t skipped, weft__rcall *call) WEFT_NODISCARD;
static inline uint32_t weft__rconn_waiting(const weft__rconn *c) { return (uint32_t)(c->tail - c->head); }
static inline bool weft__rconn_has_room(const weft__rconn *c);
/* A buffer whose bytes were used up, and when they were last many. More than 64 KiB of room are kept, up to 1 MiB, while that is wanted once a second. */
void weft__redis_spare(weft__buf *b, int64_t *large_ns, int64_t now_ns);
/* Wait for the replies: 0; or the code of a cancel, of the deadline (which is the connection's to watch when it is shared), or of a loss, with call->unsent. */
int weft__rcall_wait(weft__rcall *call, int64_t deadline_ns) WEFT_NODISCARD;
/* Begin one for so many replies; what it was before is forgotten. 0 or a code of the arena. */
int weft__rcall_begin(weft__rcall *call, uint32_t expected) WEFT_NODISCARD;
/* Its replies, when they have not been told yet, are nobody's. */
void weft__rcall_leave(weft__rcall *call);

/* Connect and greet, until deadline_ns: 0; else a code, with the connection closed and node->why filled unless it was a cancel (greet.c). */
int weft__rconn_open(weft__rconn *c, int64_t deadline_ns) WEFT_NODISCARD;
/* One command on a connection that nobody else uses; its reply is call->one. 0 or a code. */
int weft__rconn_ask(weft__rconn *c, weft__rcall *call, const weft_str *words, uint32_t n, int64_t deadline_ns) WEFT_NODISCARD;

/* ---- servers (node.c, own.c) ---- */

typedef struct weft__rholder {
    struct weft__rholder *next, *prev;
    const char *task, *label, *what;
    int64_t since_ns;
    weft__rconn *conn;               /* being opened, or open */
} weft__rholder;

struct weft__rnode {
    weft_redis *root;
    weft__rnode *next;
    char host[WEFT__REDIS_HOST];     /* a unix socket as weft/net.h writes them */
    int port;
    bool sentinel;                   /* it has no password, name or database of ours */
    weft__rconn **shared;            /* root->opts.connections */
    weft__rconn *idle;               /* of one's own, the newest first */
    int own;                         /* idle, held and being opened */
    weft__rholder *holders;
    weft__waiters waiting;           /* for a shared one to be open or to have room */
    weft__waiters own_waiting;
    int users;                       /* trips that were sent there, and subscriptions: it is not forgotten meanwhile */
    bool named;                      /* by a slot: while one is looked for that may be forgotten */
    int64_t down_until_ns;           /* no attempt before */
    int failures;                    /* in a row */
    int why_code;
    char why[WEFT__REDIS_WHY];       /* of the last */
};

weft__rnode *weft__rnode_new(weft_redis *root, const char *host, int port);
void weft__rnode_free(weft__rnode *node);
/* A shared connection that is open and has room, without waiting; NULL: none. */
weft__rconn *weft__rnode_ready(weft__rnode *node);
/* Whether a call may go there now: one is open, or may be opened. */
bool weft__rnode_usable(const weft__rnode *node);
/* Wait for there to be one, or open one: 0: look again; or a code, recorded. */
int weft__rnode_await(weft__rnode *node, const char *place, const char *text) WEFT_NODISCARD;
/* A connection of one's own, open: holder->conn. 0 or a code, recorded. `holder` lives until it is given back, `text` as long. */
int weft__rnode_own(weft__rnode *node, weft__rholder *holder, const char *place, const char *text) WEFT_NODISCARD;
/* Give holder->conn back. clean: it is as it was, and no reply is to come. */
void weft__rnode_give_back(weft__rnode *node, weft__rholder *holder, bool clean);
/* The Redis closes: who waits and who has one is told. */
void weft__rnode_close(weft__rnode *node);
/* One that was idle has gone. */
void weft__rnode_idle_lost(weft__rnode *node, weft__rconn *c);
/* It answered what it answers when it is not to be used: the next call connects anew. */
void weft__rnode_down(weft__rnode *node, const char *why);
/* For how long, after so many failures in a row. */
enum { WEFT__REDIS_RETRY_MS_MAX = 2000 };
int64_t weft__redis_backoff_ns(const weft_redis *r, int failures);
void weft__rnode_room(weft__rnode *node, bool all);
/* Records that it cannot be reached, with Retry-After. */
int weft__rnode_fail_down(const weft__rnode *node, const char *place, const char *text);
/* For answers: when to come again. */
void weft__redis_retry_after(int rc);

/* ---- a Redis ---- */

/* What a URL says; texts lie in `text`, so it is not copied. */
typedef struct weft__redis_url {
    bool tls, cluster;
    const char *master;              /* the name by which sentinels know it; NULL: there are none */
    const char *sentinels;           /* "host:port,host:port" */
    char host[WEFT__REDIS_HOST];
    int port, database;
    const char *user, *password;     /* NULL: none */
    char text[1024];
} weft__redis_url;
/* 0, or WEFT_EINVAL with *fault, a static text. */
int weft__redis_url_parse(const char *url, weft__redis_url *out, const char **fault) WEFT_NODISCARD;
/* Whether what a server says is a host may be connected to: a name or an address, and no path of a socket. */
bool weft__redis_host_good(const char *host);

typedef struct weft__rscripts weft__rscripts;

struct weft_redis {
    weft_redis *root;                /* itself, or what a session is of */
    weft_redis_opts opts;
    weft__loop *loop;
    weft__redis_url url;
    char *name;
    weft__tls_client *tls;
    weft__rnode *nodes;              /* of a cluster all that are known, the URL's first */
    weft__rnode *sentinels;
    weft__rnode **slots;             /* of a cluster: who has each; NULL: not known */
    weft_redis *next, *prev;         /* of the loop */
    weft__hook flush;
    weft__rconn *unsent;
    weft__buf scratch;               /* commands being written; good between two waits only */
    int64_t scratch_large_ns;
    char *in;                        /* WEFT__REDIS_IN bytes that came, likewise */
    weft__rscripts *scripts;
    weft_redis_sub *again;           /* subscriptions that connect anew */
    weft__waiters leaving;           /* who closes it, while calls are in it */
    int inside;                      /* calls */
    int refs;                        /* itself until it is closed, sessions and subscriptions */
    bool closing;
    /* Of a session: */
    const char *place;
    weft__rnode *node;               /* that the connection is of */
    weft__rholder holder;            /* with a connection from its first command on */
    bool kept;                       /* root is, until it ends */
    bool used;                       /* a command was sent */
    bool ended;                      /* a command of it failed without a reply */
    bool watched;                    /* WATCH was sent, and no EXEC behind it */
    bool stale;                      /* its server is no master any more */
    bool asking;                     /* its server is asked for a slot that is not yet its own: each command is, by ASKING */
};

static inline bool weft__rconn_has_room(const weft__rconn *c)
{
    return c->out.len - c->out_at < WEFT__REDIS_OUT_FULL && weft__rconn_waiting(c) < (uint32_t)c->root->opts.in_flight_max;
}
static inline int64_t weft__redis_until(const weft_redis *r, int ms) { return ms < 0 ? INT64_MAX : weft__loop_clock(r->loop) + ms * INT64_C(1000000); }

/* A call begins, and ends: 0, or why it cannot be, recorded. */
int weft__redis_enter(weft_redis *r, const char *place, const char *text) WEFT_NODISCARD;
/* What is given for a session that there was no memory for: who enters it is told so. */
weft_redis *weft__redis_none(void);
/* What a call that is told so returns. */
int weft__redis_closed(const char *place, const char *text) WEFT__COLD;
void weft__redis_leave(weft_redis *r);
void weft__redis_keep(weft_redis *root);
void weft__redis_drop(weft_redis *root);

/* ---- sentinels (sentinel.c) ---- */

/* Ask for the master: node->host and port. 0, or a code with node->why. */
int weft__sentinel_master(weft__rnode *node, int64_t deadline_ns) WEFT_NODISCARD;
/* Is it one? 0; WEFT_EREDIS with node->why; a code of the connection. */
int weft__sentinel_check(weft__rconn *c, int64_t deadline_ns) WEFT_NODISCARD;

/* ---- subscriptions (subscribe.c) ---- */

/* The Redis closes: those that connect anew give up; all others lost their connections. */
void weft__redis_subs_close(weft_redis *root);

/* ---- clusters (cluster.c, slot.c) ---- */

enum { WEFT__SLOTS_ALL = 16384, WEFT__SLOT_ANY = -1 };
int weft__slot_of(weft_str key);
/* The server of this address, known from now on. Of more than 1 000 one is forgotten that has no slot and nobody in it. NULL: no memory, or there is none. */
weft__rnode *weft__cluster_node(weft_redis *root, const char *host, int port);
/* Who has a slot as far as is known, or whoever may be asked; of what is no cluster its one server. */
weft__rnode *weft__cluster_route(weft_redis *root, int slot);
/* Whom `by` sends us to with MOVED or ASK; NULL: it says nobody. */
weft__rnode *weft__cluster_told(weft_redis *root, const weft__rnode *by, weft_str words, int *slot);

/* ---- commands (words.c, table.c, put.c) ---- */


/* What is known of a command before it is sent. */
typedef enum { WEFT__RKEY_FIRST, WEFT__RKEY_NONE, WEFT__RKEY_SECOND, WEFT__RKEY_COUNTED, WEFT__RKEY_COUNTED_LATE, WEFT__RKEY_STREAMS } weft__rkey;
enum { WEFT__RC_BLOCKS = 1, WEFT__RC_MAY_BLOCK = 2, WEFT__RC_SESSION = 4, WEFT__RC_NEVER = 8, WEFT__RC_SECOND = 16, WEFT__RC_EVAL = 32,
    WEFT__RC_BLOCK_FIRST = 64, WEFT__RC_BLOCK_MS = 128 };     /* for how long is the first word, not the last; is in milliseconds, not in seconds */
typedef struct weft__rknown { const char *name; int flags; weft__rkey key; const char *instead; } weft__rknown;
/* In any case of letters. Never NULL. */
const weft__rknown *weft__rknown_of(weft_str name);
/* Of one with WEFT__RC_SECOND: whether it may be sent with this second word; else what to do instead. */
const char *weft__rknown_second(const weft__rknown *known, weft_str second);

/* A command as it was written. */
typedef struct weft__rwritten {
    const weft__rknown *known;
    uint32_t words;
    bool blocks;
    int block_ms;                    /* for so long at most; 0: for ever, or as long as the server likes */
} weft__rwritten;
/* Whether a written command may block, and for how long (block.c). */
void weft__block_of(weft_str bytes, weft__rwritten *written);
/* The slot of a written command's key; WEFT__SLOT_ANY: it has none. */
int weft__slot_of_command(weft_str written, weft__rkey where);
/* Write it behind what is in `to`; `sha`: EVAL is written as EVALSHA with it. 0; WEFT_EINVAL and others, recorded: nothing is written then. */
int weft__rwrite(weft__buf *to, const weft_redis_command *command, const char *sha, weft__rwritten *out) WEFT_NODISCARD;
/* A value as the arguments that it is: how many, appended; < 0: a code, with what it is in `fault`. */
int weft__rvalue_put(weft__buf *to, const weft_val *value, weft__buf *fault) WEFT_NODISCARD;
/* Appended as text, within a word. */
int weft__rvalue_text(weft__buf *to, const weft_val *value, weft__buf *fault) WEFT_NODISCARD;

/* ---- replies (reply.c, typed.c) ---- */

/* A whole value as a tree in the arena. `lasting`: the bytes lie there too, and are pointed into. 0 or a code; `fault` is static. */
int weft__reply_tree(weft_str raw, bool lasting, weft_arena *arena, weft_redis_reply *out, const char **fault) WEFT_NODISCARD;
/* As a value of the schema: 0, WEFT_ENOENT: nil; WEFT_EREDIS with a text; or a code of the arena. */
int weft__reply_typed(const weft_schema *schema, weft_str raw, void *out, weft_arena *arena, weft__buf *fault) WEFT_NODISCARD;

/* ---- calls (call.c) ---- */

/* What is asked for: one command, or several. */
typedef struct weft__rasked {
    const weft_redis_command *command;
    const weft_redis_step *steps;    /* NULL: the one */
    uint32_t count;
    bool atomic;
} weft__rasked;
/* Send it wherever it belongs and wait for its replies, in call->replies, errors among them. 0, or a code, recorded. Within weft__redis_enter. */
int weft__redis_call(weft_redis *r, const weft__rasked *asked, weft__rcall *call) WEFT_NODISCARD;
/* The error that a reply is: its words; false: it is none. */
bool weft__reply_error(weft_str raw, weft_str *words);
/* Records what the server said. */
int weft__redis_said_no(const weft_redis *r, const weft_redis_command *command, weft_str words);

/* ---- scripts (script.c) ---- */

/* The SHA-1 of a script, in hex, remembered with its text; NULL: not enough memory to remember it. Good until the next call, so it is copied before anything waits. */
const char *weft__script_sha(weft_redis *root, weft_str source);
void weft__scripts_free(weft_redis *root);

#endif
