#ifndef WEFT_SRC_WEB_ONCE_STORE_H
#define WEFT_SRC_WEB_ONCE_STORE_H
/* Answers kept by names of one length, each for somebody; who keeps many makes room for others. All of it lies in one piece of memory, which processes
 * may share if it lies at the same address in each: who keeps them apart is the caller. For middleware_once.c. None of it waits. */
#include "web/once_rank.h"
#include "weft/base.h"

enum { WEFT__ONCE_NAME = 32, WEFT__ONCE_ENTRIES_LARGEST = 100000 };

typedef struct weft__once_owner weft__once_owner;
typedef struct weft__once_block weft__once_block;

/* One answer, or a request that is being answered. */
typedef struct weft__once_entry weft__once_entry;
struct weft__once_entry {
    weft__once_entry *in_bucket;                 /* the next of the same bucket, or of those that are free */
    weft__once_entry *newer, *older;             /* of all that have an answer */
    weft__once_entry *own_newer, *own_older;     /* of those of the same owner */
    weft__once_owner *owner;                     /* NULL: it is free */
    uint8_t name[WEFT__ONCE_NAME];
    uint64_t ticket;                             /* no two have ever had the same */
    uint64_t runner;                             /* by whom it is being answered, as the caller calls him */
    size_t bytes;                                /* of all that it takes */
    int64_t until_ns;
    bool answered;
    int status;
    size_t lines_len, body_len;                  /* weft__once_copy */
    weft__once_block *text;
};

typedef struct weft__once_store {
    uint32_t entries, entries_max, owners, blocks_max;
    size_t bytes, bytes_max;
    int64_t ttl_ns;
    uint32_t mask;                               /* buckets less one, of both tables */
    uint32_t entries_fresh, owners_fresh, blocks_fresh;      /* how many of each have ever been in use: what lies behind them has not been touched */
    uint64_t tickets;
    weft__once_entry **buckets, *entry_items, *entry_free;
    weft__once_owner **owner_buckets, *owner_items, *owner_free;
    weft__once_rank by_kept, by_bytes;           /* of owners */
    weft__once_block *block_items, *block_free;
    weft__once_entry *newest, *oldest;
} weft__once_store;

/* How much memory a store takes, itself included. entries_max: 1 to WEFT__ONCE_ENTRIES_LARGEST. */
size_t weft__once_bytes(uint32_t entries_max, size_t bytes_max);
/* A store in memory of that size, zeroed and aligned as malloc does: it is its beginning. */
weft__once_store *weft__once_lay_out(void *memory, uint32_t entries_max, size_t bytes_max, int64_t ttl_ns);
/* Empty it, whatever state it is in. */
void weft__once_reset(weft__once_store *s);

/* What has its name and is not too old; NULL: nothing. Good until the store is changed. */
weft__once_entry *weft__once_find(weft__once_store *s, const uint8_t name[WEFT__ONCE_NAME], int64_t now_ns);
/* Its lines and its body, a NUL behind each: lines_len + body_len + 2 bytes. */
void weft__once_copy(const weft__once_entry *e, char *to);

/* A request of `who` is being answered by `runner`: until weft__once_keep or weft__once_forget, whatever else comes. NULL: no room, that is all are being
 * answered, or a quarter of all and these are of `who`, or nobody has more than that. */
weft__once_entry *weft__once_begin(weft__once_store *s, const uint8_t name[WEFT__ONCE_NAME], uint64_t who, uint64_t runner);

/* It has been: true, and the answer is kept if there is room without taking it from who has less; else `e` is gone. False: some hundred others have been forgotten
 * for it, and more must be: to be called again, when others have had the store. */
bool weft__once_keep(weft__once_store *s, weft__once_entry *e, int status, weft_str lines, weft_str body, int64_t now_ns) WEFT_NODISCARD;
void weft__once_forget(weft__once_store *s, weft__once_entry *e);
/* Forget what is being answered by those who do not live any more. */
void weft__once_sweep(weft__once_store *s, bool (*lives)(const void *ctx, uint64_t runner), const void *ctx);
#endif
