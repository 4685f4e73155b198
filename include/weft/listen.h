#ifndef WEFT_LISTEN_H
#define WEFT_LISTEN_H
/* Messages through a database: PostgreSQL's LISTEN and NOTIFY. Other engines have none (WEFT_EINVAL).
 *
 *     WEFT_DB_SUB(sub);
 *     WEFT_TRY(weft_db_listen(db, &sub, "orders", "stock"));
 *     for (int rc; (rc = weft_db_next(sub, &m)) != 0;) {
 *         WEFT_TRY(rc);
 *         if (m.gap) WEFT_TRY(read_all_again());
 *         else WEFT_TRY(look_at(m.text));
 *     }
 *
 *     WEFT_TRY(weft_db_notify(tx, "orders", "17"));              told when tx is committed
 *
 * A message is a hint that something has changed: who was not listening when it was sent never sees it. What must not be missed belongs into a table, which is
 * looked at after a gap. All subscriptions of a weft_db share one connection, besides those of its pool, that is opened for the first and closed behind the last of
 * them. (Redis has messages of its own, weft/redis.h.)                                  Example: examples/prices.c  */
#include "weft/db.h"

typedef struct weft_db_sub weft_db_sub;

/* One message. Its texts end in NUL and live until the next step. gap: messages were lost before this one, as the connection broke (it is there again, and all
 * channels with it) or as they came faster than they were taken; it has no texts. process: the server's of who sent it, as pg_backend_pid() tells. */
typedef struct weft_db_message { weft_str channel, text; int process; bool gap; } weft_db_message;

/* 0 takes the default named here. */
typedef struct weft_db_listen_opts {
    weft__named_options_only _;
    int messages_max;                /* 1 000 that wait to be taken, 100 000 at most, of less than 8 000 bytes each; what comes then is dropped: a gap */
} weft_db_listen_opts;

/* A subscription that ends with the block, however it is left; NULL until it is opened. */
#define WEFT_DB_SUB(sub) weft_db_sub *sub __attribute__((cleanup(weft__db_sub_leave), unused)) = NULL
void weft__db_sub_leave(weft_db_sub **sub);

/* Listen to channels, by their names as they are (no case is folded): 1 to 100 of 1 to 63 bytes each. 0, and the server has confirmed all of them: what is sent
 * from now on comes. WEFT_EDB_AWAY: it cannot be reached; WEFT_EDB: it refused one of them, by name (a standby, a letter that its encoding has not), which costs other subscriptions nothing; WEFT_ETIMEDOUT: nothing came of it within acquire_ms; WEFT_EINVAL: a name, no PostgreSQL, a
 * transaction. *out is untouched on failure. Waits: always. */
#define weft_db_listen(db, out, ...) weft_db_listen_with((db), (out), (const char *const[]){ __VA_ARGS__ }, WEFT__COUNT(__VA_ARGS__), &(weft_db_listen_opts){ 0 })
int weft_db_listen_with(weft_db *db, weft_db_sub **out, const char *const *channels, size_t n, const weft_db_listen_opts *opts) WEFT_NODISCARD;

/* The next message: 1; 0: the subscription or its database was closed; < 0 on failure. A connection that broke is made anew, for as long as it takes (after 50 ms to
 * 2 s each time), and told as a gap. A cancel or deadline loses no message. One task at a time: WEFT_EBUSY; WEFT_ENOMEM: a connection that broke
 * cannot be made anew for want of memory, and the subscription is of no more use. Waits: until one comes. */
int weft_db_next(weft_db_sub *sub, weft_db_message *out) WEFT_NODISCARD;

/* End it: who waits in weft_db_next gets 0, then and later. From any task, twice is once. NULL is none. Waits: never. */
void weft_db_unlisten(weft_db_sub *sub);

/* Send a text, of less than 8 000 bytes, to all who listen to the channel: in a transaction when it is committed, and in no case when it is rolled back; the same text twice in
 * one transaction is sent once. 0; WEFT_EINVAL: a name, a text that is too long, no PostgreSQL; else as for a statement. Waits: always. */
#define weft_db_notify(db, channel, text) weft_db_notify_with((db), (channel), (text), WEFT__HERE)
int weft_db_notify_with(weft_db *db, const char *channel, const char *text, const char *place) WEFT_NODISCARD;
#endif
