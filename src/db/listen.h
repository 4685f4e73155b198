#ifndef WEFT_SRC_DB_LISTEN_H
#define WEFT_SRC_DB_LISTEN_H
/* Subscriptions: what an engine puts into them, and their readers take. */
#include "db/engine.h"
#include "weft/listen.h"

typedef struct weft__db_told {
    struct weft__db_told *next;
    int process;
    weft_str channel, text;          /* in the bytes behind it; of a gap none */
} weft__db_told;

struct weft_db_sub {
    weft_db_sub *next, *prev;        /* the engine's */
    bool listed;                     /* in its list */
    weft_db *root;
    char **channels;
    size_t channels_count;
    weft__db_told *first, *last, *taken;
    int count, messages_max;
    weft__db_told gap;               /* always there: no memory may be a reason for one */
    bool gap_waits, gap_again;           /* it is in the queue; something was lost behind it */
    bool there;                      /* the server has confirmed it */
    bool lost;                       /* ... and the connection broke since */
    bool over, left;                 /* left: its block has ended */
    int failed;                      /* why, with a text: it never was there, or will not be again */
    weft__buf fault;
    weft__fiber *reader;
};

/* A message has come. */
void weft__db_sub_told(weft_db_sub *sub, const char *channel, const char *text, int process);
/* Some were lost. */
void weft__db_sub_gap(weft_db_sub *sub);
/* It is there; it failed (its text is in sub->fault); it ends. Who waits goes on. */
void weft__db_sub_there(weft_db_sub *sub);
void weft__db_sub_failed(weft_db_sub *sub, int rc);
void weft__db_sub_over(weft_db_sub *sub);
#endif
