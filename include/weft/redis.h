#ifndef WEFT_REDIS_H
#define WEFT_REDIS_H
/* Redis: commands with bound arguments, typed replies, pipelines without asking for them.
 *
 *     weft_redis *r;
 *     WEFT_TRY(weft_redis_open("redis://localhost:6379/0", &r));
 *     WEFT_TRY(weft_redis_do(r, "SET {} {} EX {}", key, value, 60));
 *     WEFT_TRY(weft_redis_value(r, int64_t, &visits, "INCR visits:{}", user_id));
 *     WEFT_TRY(weft_redis_do(r, "HSET user:{} {}", id, weft_fields(User, &user)));
 *     WEFT_TRY(weft_redis_value(r, User, &user, "HGETALL user:{}", id));
 *
 * A command is a literal of words. Each "{}" is one value, and a word with "{}" in it ("visits:{}") is one argument: nothing in a
 * value can become another argument or another command. There are no quotes: what has a space in it is a {}. At most 16 values; for
 * more, weft_fields(weft_list_weft_str, &keys) puts a whole list into one "{}", as arguments of its own:
 *
 *     weft_fields(Model, &value)         name, value, name, value, ... of its fields (HSET); absent options are left out
 *     weft_fields(weft_list_T, &list)    its items: "DEL {}", "MGET {}", "SADD {} {}"
 *     weft_fields(weft_map_T, &map)      key, value, key, value, ...: "MSET {}"
 *     weft_as_json(Model, &value)        one argument, JSON: "SET {} {}"
 *
 * Texts may hold any bytes. Numbers are sent as text, true as 1, dates and the like as in SQL (db.h). NULL and NaN are refused.
 *
 * Pipelining: commands that tasks send in one turn of the loop go out together, on one connection that all of them share, and their
 * replies come in that order. What a cancelled task asked for is read and thrown away; no task sees the reply of another. Commands
 * that block (BLPOP, XREAD BLOCK ...) have a connection of their own while they do. What would change the shared connection for
 * others (SELECT, MULTI, SUBSCRIBE, CLIENT REPLY ...) is refused with the name of what to call instead.
 *
 * A script is sent once: "EVAL {} 1 {}" goes out as EVALSHA, and as EVAL when the server does not know it (yet, or any more). Among several
 * commands at once it goes out whole each time.
 *
 * Failures: WEFT_EREDIS: the server said no, and its words begin the text (weft_redis_said), or the reply does not fit its type.
 * WEFT_EREDIS_DOWN, 503 with Retry-After: it cannot be reached, or is not ready (LOADING, CLUSTERDOWN ...); the command has not run.
 * WEFT_ECONNRESET, 503: the connection was lost behind the command, which may have run or not. WEFT_ETIMEDOUT: no reply within
 * command_ms; it may have run. WEFT_EDB_BUSY, 503: no connection became free in time. WEFT_ELIMIT: the reply is too large, and was
 * thrown away. A command of which no byte was sent when a connection was lost is sent on the next one; none is ever sent twice.
 *
 * A weft_redis belongs to the loop that opened it, and all its tasks use it at the same time.        Example: examples/redis.c  */
#include "weft/db.h"
#include "weft/tls.h"

typedef struct weft_redis weft_redis;

/* ---- open and close ---- */

/* 0 takes the default named here; what makes no sense is refused with WEFT_EINVAL. */
typedef struct weft_redis_opts {
    weft__named_options_only _;
    int connections;                 /* 1 that all tasks share, 64 at most. More help when replies are large: one does not wait behind another's */
    int own_max;                     /* 32 connections for commands that block and for sessions, 1 024 at most, opened when they are needed */
    int connect_ms;                  /* 5 000 for a connection, its TLS and its greeting together */
    int command_ms;                  /* 5 000 from a command to its reply; -1: no bound but that of its scope. Of those that block: so long behind the time that they
                                        say ("BLPOP queue 5"); 0, for ever, has no bound, but a server that is gone without a word is noticed in a minute */
    int acquire_ms;                  /* 5 000 that a command waits for a connection of its own, or for room on the shared one; -1: as above */
    int in_flight_max;               /* 10 000 commands that wait for their replies on one connection, 1 000 000 at most */
    int retry_ms;                    /* 50 to the second attempt at connecting, twice as long for each further one, up to 2 000; half of it by chance */
    size_t reply_bytes_max;          /* 64 MiB of one reply, 1 GiB at most */
    const char *name;                /* that the server shows for the connections (CLIENT LIST), without spaces; none */
    weft_tls_client tls;             /* of rediss://: whom to believe, what to show */
} weft_redis_opts;

/* Where Redis is. Nothing is connected yet, the first command does that: a server that is down, or goes and comes, is no reason for a
 * program not to start.
 *
 *     redis://localhost:6379/2                       database 2; 6379 and 0 if nothing is said
 *     redis://user:password@host, redis://:password@host     as in URLs: "%40" is "@"
 *     rediss://host:6380                             with TLS
 *     unix:///run/redis.sock?db=2, unix://user:password@/run/redis.sock
 *     redis+sentinel://one:26379,two:26379/mymaster/0    the master that these sentinels know by that name, asked for each connection
 *     redis+cluster://host:7000, rediss+cluster://   any server of a cluster: each command goes to the one that has its key
 *
 * In a cluster the keys of one trip (weft_redis_batch, weft_redis_atomic) belong to one slot: give them a part in braces, "{{}}:name". What is sent away
 * (MOVED, ASK) is sent on, at most six times; of a batch only that, behind what has run. A session belongs to the server of its first command, and is sent on
 * by that alone.
 *
 * RESP3 is asked for and RESP2 taken. *out is yours until weft_redis_close. WEFT_EINVAL: the URL or an option, said by name;
 * WEFT_ENOMEM. *out is untouched on failure. Waits: never.
 *
 *     WEFT_TRY(weft_redis_open("redis://localhost", &r, .command_ms = 500));  */
#define weft_redis_open(url, out, ...) weft_redis_open_with((url), (out), &(weft_redis_opts){ __VA_ARGS__ })
int weft_redis_open_with(const char *url, weft_redis **out, const weft_redis_opts *opts) WEFT_NODISCARD;

/* Close it: calls that wait get WEFT_ECLOSED, and it returns when they have left. Afterwards no task may use it. Returns rc: the
 * close of a provider. NULL is none. Waits: while a call is in it; no cancel ends that.
 *
 *     const weft_provider cache = WEFT_PROVIDER(weft_redis, weft_none, cache_open, weft_redis_close, .per = WEFT_PER_WORKER);  */
int weft_redis_close(weft_redis *r, int rc);

/* ---- commands ---- */

/* What the macros make. For a command that is no literal fill it yourself, with weft_values(...): what a client sent never belongs
 * into .text. */
typedef struct weft_redis_command { const char *text; const weft_val *values; size_t count; const char *place; } weft_redis_command;
#define WEFT__REDIS(words, ...) (const weft_redis_command){ .text = "" words, .place = WEFT__HERE, __VA_OPT__(weft_values(__VA_ARGS__)) }

/* Run a command: 1, or 0 when the reply was nil ("SET {} {} NX" of a key that is there); < 0 on failure. Waits: always.
 *
 *     int made = weft_redis_do(r, "SET lock:{} {} NX PX {}", name, mine, 3000);  */
#define weft_redis_do(r, words, ...) weft_redis_do_with((r), &WEFT__REDIS(words, __VA_ARGS__))
int weft_redis_do_with(weft_redis *r, const weft_redis_command *command) WEFT_NODISCARD;

/* Run a command and read its reply as a T into *out: 0; WEFT_ENOENT: it was nil, or a map without anything for a model (HGETALL of a key that
 * is not there); WEFT_EREDIS: it is no T, with what came. *out is untouched on failure. Waits: always.
 *
 *     int, int64_t, double, bool   a number or its text; nothing is cut
 *     weft_str                     UTF-8 without NUL; a number as its text
 *     weft_bytes                   any text
 *     weft_uuid, weft_date ..., enums      their text
 *     weft_opt_T                   nil, or a T
 *     weft_list_T                  a list or set
 *     weft_map_T                   a map, or a list of keys and values by turns
 *     a model                      the same: hashes, by the names of its fields; or one text, which is read as JSON, as it is for list, map and union
 *
 *     int rc = weft_redis_value(r, weft_str, &name, "HGET user:{} name", id);
 *     if (rc == WEFT_ENOENT) return weft_fail(404, "User not found");  */
#define weft_redis_value(r, T, out, words, ...) weft_redis_value_with((r), WEFT__SCHEMA_OF(T), (T *){ (out) }, &WEFT__REDIS(words, __VA_ARGS__))
int weft_redis_value_with(weft_redis *r, const weft_schema *schema, void *out, const weft_redis_command *command) WEFT_NODISCARD;

/* A reply as it came, for what has no type: lists in lists, replies of modules. A map's items are key, value, key, value, ...: `count` is
 * twice the number of its entries. An error within a list (EXEC) is one of its items. Texts end in NUL. */
typedef enum {
    WEFT_REDIS_NIL, WEFT_REDIS_INT, WEFT_REDIS_DOUBLE, WEFT_REDIS_BOOL, WEFT_REDIS_TEXT, WEFT_REDIS_ERROR, WEFT_REDIS_LIST, WEFT_REDIS_MAP
} weft_redis_kind;
typedef struct weft_redis_reply weft_redis_reply;
struct weft_redis_reply {
    weft_redis_kind kind;
    union { int64_t i; double d; bool b; weft_str s; struct { weft_redis_reply *items; uint32_t count; }; };
};

/* Run a command and have its reply: 0, and *out lives like weft_alloc's. Waits: always.
 *
 *     WEFT_TRY(weft_redis_ask(r, &reply, "XRANGE {} - + COUNT {}", stream, 100));  */
#define weft_redis_ask(r, out, words, ...) weft_redis_ask_with((r), (out), &WEFT__REDIS(words, __VA_ARGS__))
int weft_redis_ask_with(weft_redis *r, weft_redis_reply *out, const weft_redis_command *command) WEFT_NODISCARD;

/* Whether this failure is the server's word: weft_redis_said(rc, "BUSYGROUP"). The newest failure of the code in this task. Waits: never. */
bool weft_redis_said(int rc, const char *word);

/* JSON of a model as one argument; it lives like weft_alloc's. What cannot be written (weft_as_json of NaN) is refused by the command. Waits: never. */
#define weft_as_json(Model, value) weft_val_as_json(&weft_schema_##Model, (const Model *){ (value) })
weft_val weft_val_as_json(const weft_schema *schema, const void *value);

/* ---- several commands at once ---- */

/* One of several: weft_redis_step("SET {} 1", key), or with its reply as a T: weft_redis_step_value(int64_t, &n, "INCR {}", key). An
 * opt type takes a nil. */
typedef struct weft_redis_step { weft_redis_command command; const weft_schema *schema; void *out; } weft_redis_step;
#define weft_redis_step(words, ...) { .command = WEFT__REDIS(words, __VA_ARGS__) }
#define weft_redis_step_value(T, to, words, ...) { .command = WEFT__REDIS(words, __VA_ARGS__), .schema = WEFT__SCHEMA_OF(T), .out = (T *){ (to) } }

/* Run commands in one trip, in their order: 0, or the first failure; the others have run nevertheless, and what they gave is in
 * their outputs, also when a reply among them was too large (WEFT_ELIMIT). Other tasks' commands come before and behind them, not between. Up to 16; weft_redis_batch_with takes an array of at most 10 000. None that
 * block. Waits: always.
 *
 *     WEFT_TRY(weft_redis_batch(r, weft_redis_step("LPUSH {} {}", key, item), weft_redis_step("LTRIM {} 0 99", key)));  */
#define weft_redis_batch(r, ...) weft_redis_batch_with((r), (const weft_redis_step[]){ __VA_ARGS__, { .out = 0 } }, SIZE_MAX)
int weft_redis_batch_with(weft_redis *r, const weft_redis_step *steps, size_t n) WEFT_NODISCARD;

/* The same as a transaction (MULTI, EXEC): nothing of others runs in between, and if one of them is no command, none does. But what fails when it
 * runs (a list's command on a text) undoes nothing: that is Redis's way. 1: they ran; 0: a key that this session watches has changed, and none did;
 * < 0: the first failure. Outputs are untouched unless all of them succeeded. Waits: always.
 *
 *     WEFT_TRY(weft_redis_atomic(r, weft_redis_step("DECRBY {} {}", from, n), weft_redis_step("INCRBY {} {}", to, n)));  */
#define weft_redis_atomic(r, ...) weft_redis_atomic_with((r), (const weft_redis_step[]){ __VA_ARGS__, { .out = 0 } }, SIZE_MAX)
int weft_redis_atomic_with(weft_redis *r, const weft_redis_step *steps, size_t n) WEFT_NODISCARD;

/* ---- sessions ---- */

/* A connection of one's own until the block ends, however it is left: WEFT_REDIS_SESSION(s, r), for WATCH and WAIT. It is taken by the first
 * command. A command of it that was cancelled, timed out or lost its connection ends it: all others then get WEFT_ECLOSED. One before which the connection was
 * lost has not run (WEFT_EREDIS_DOWN), and ends it as well. Without memory for it its first command says so (WEFT_ENOMEM). One task at a time uses it.
 *
 *     for (int done = 0; !done;) {
 *         WEFT_REDIS_SESSION(s, r);
 *         WEFT_TRY(weft_redis_do(s, "WATCH {}", key));
 *         WEFT_TRY(weft_redis_value(s, int64_t, &n, "GET {}", key));
 *         WEFT_TRY(done = weft_redis_atomic(s, weft_redis_step("SET {} {}", key, n * 2)));
 *     }  */
#define WEFT_REDIS_SESSION(s, r) weft_redis *const s __attribute__((cleanup(weft__redis_session_leave), unused)) = weft__redis_session_enter((r), WEFT__HERE)
weft_redis *weft__redis_session_enter(weft_redis *r, const char *place);
void weft__redis_session_leave(weft_redis *const *s);

/* ---- messages ---- */

typedef struct weft_redis_sub weft_redis_sub;

/* One message. Its texts end in NUL and live until the next step. gap: the connection was lost and is there again, subscribed as before; what was published
 * meanwhile is lost, as Redis keeps no messages: look for yourself at what may have changed. */
typedef struct weft_redis_message { weft_str channel, pattern, text; bool gap; } weft_redis_message;

/* Subscribe, over a connection of its own: to channels, or to patterns ("news.*"). It takes as much memory as the largest message (reply_bytes_max at most):
 * what comes faster than weft_redis_next takes it waits in the server, which breaks off at its own limit (client-output-buffer-limit pubsub): a gap.
 * `sub` is NULL when it failed, and is closed at the end of its block: a task that waits in weft_redis_next then gets 0. 0, and the server has confirmed all of them; WEFT_EREDIS_DOWN, WEFT_EREDIS (NOPERM ...),
 * WEFT_EDB_BUSY, WEFT_EINVAL: none, more than 1 000. Waits: always.
 *
 *     WEFT_REDIS_SUB(sub);
 *     WEFT_TRY(weft_redis_subscribe(r, &sub, weft_fields(weft_list_weft_str, &rooms), "news"));
 *     for (int rc; (rc = weft_redis_next(sub, &m)) != 0;) { WEFT_TRY(rc); ... }  */
#define WEFT_REDIS_SUB(sub) weft_redis_sub *sub __attribute__((cleanup(weft__redis_sub_leave), unused)) = NULL
void weft__redis_sub_leave(weft_redis_sub **sub);
#define weft_redis_subscribe(r, out, ...) weft_redis_subscribe_with((r), (out), &WEFT__REDIS("SUBSCRIBE", __VA_ARGS__))
#define weft_redis_psubscribe(r, out, ...) weft_redis_subscribe_with((r), (out), &WEFT__REDIS("PSUBSCRIBE", __VA_ARGS__))
int weft_redis_subscribe_with(weft_redis *r, weft_redis_sub **out, const weft_redis_command *channels) WEFT_NODISCARD;

/* The next message: 1; 0: the subscription or its weft_redis was closed; < 0 on failure. A lost connection is made anew, for as long as it takes, and told as
 * a gap. A server of which nothing came for 15 s is asked for a sign of life, and left 5 s later. One task at a time: WEFT_EBUSY. Waits: until one comes. */
int weft_redis_next(weft_redis_sub *sub, weft_redis_message *out) WEFT_NODISCARD;

/* End it: who waits in weft_redis_next gets 0, then and later, also while it connects anew. From any task, twice is once. Waits: never. */
void weft_redis_unsubscribe(weft_redis_sub *sub);
#endif
