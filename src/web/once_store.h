#ifndef WEFT_SRC_WEB_ONCE_STORE_H
#define WEFT_SRC_WEB_ONCE_STORE_H
/* Answers kept by names of one length, each for somebody; who keeps many makes room for others. For middleware_once.c. None of it waits. */
#include "weft/base.h"

enum { WEFT__ONCE_NAME = 32, WEFT__ONCE_ENTRIES_LARGEST = 100000 };

typedef struct weft__once_owner weft__once_owner;

/* One answer, or a request that is being answered. What it holds lies behind it. */
typedef struct weft__once_entry weft__once_entry;
struct weft__once_entry {
    weft__once_entry *in_bucket;                 /* the next of the same bucket */
    weft__once_entry *newer, *older;             /* of all that have an answer */
    weft__once_entry *own_newer, *own_older;     /* of those of the same owner */
    weft__once_owner *owner;
    uint8_t name[WEFT__ONCE_NAME];
    size_t bytes;                                /* of all that it takes */
    int64_t until_ns;
    bool answered;
    int status;
    weft_str lines, body;
    char text[];
};

typedef struct weft__once_store {
    uint32_t entries, entries_max, owners;
    size_t bytes, bytes_max;
    int64_t ttl_ns;
    uint32_t mask;                               /* buckets less one, of both tables */
    weft__once_entry **buckets;
    weft__once_owner **owner_buckets;
    weft__once_owner *all_owners;
    weft__once_entry *newest, *oldest;
} weft__once_store;

/* entries_max: 1 to WEFT__ONCE_ENTRIES_LARGEST. False: no memory. */
bool weft__once_open(weft__once_store *s, uint32_t entries_max, size_t bytes_max, int64_t ttl_ns);
void weft__once_close(weft__once_store *s);

/* What has its name and is not too old; NULL: nothing. Good until the store is changed. */
weft__once_entry *weft__once_find(weft__once_store *s, const uint8_t name[WEFT__ONCE_NAME], int64_t now_ns);

/* A request of `who` is being answered: until weft__once_keep or weft__once_forget, whatever else comes. NULL: no room, that is all are being
 * answered, or a quarter of all and these are of `who`, or nobody has more than that; or no memory. */
weft__once_entry *weft__once_begin(weft__once_store *s, const uint8_t name[WEFT__ONCE_NAME], uint64_t who);

/* It has been. The answer is kept if there is room without taking it from who has less; `e` is gone. */
void weft__once_keep(weft__once_store *s, weft__once_entry *e, int status, weft_str lines, weft_str body, int64_t now_ns);
void weft__once_forget(weft__once_store *s, weft__once_entry *e);
#endif
