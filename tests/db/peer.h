#ifndef WEFT_TESTS_PEER_H
#define WEFT_TESTS_PEER_H
/* Who poses as a server, or stands between one and its clients, on a thread of its own: passes on all that comes, a little at a time, or until it cuts. */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_PAIRS = 32, PEER_TIMES = 64 };
typedef struct peer {
    int listener, port, to;          /* to: the port of the real one; 0: none */
    const char *says, *asks;         /* at once, where there is none; and behind all that it hears */
    size_t says_len, asks_len;
    size_t first;                    /* bytes of what it asks that come alone, and the rest some milliseconds later; 0: all at once */
    int piece;                       /* bytes of the real one's at a time; 0: all there are. May be changed meanwhile (peer_pieces) */
    int cut_after;                   /* of these bytes, in all of a connection; 0: never. May be changed meanwhile (peer_cuts) */
    int cut_sent;                    /* the same of bytes of the client's (peer_cuts_sent) */
    const char *instead_of, *puts;   /* of the same length: where clients say the one, the real one hears the other; NULL: nothing is put */
    char heard[512];                 /* what clients said where there is no real one */
    size_t heard_len;
    int accepted;                    /* how many clients have come, */
    int64_t accepted_ns[PEER_TIMES]; /* and when */
    bool holds;                      /* what the real one says waits (peer_holds) */
    bool holds_sent;                 /* what the first of the clients that are here says waits, and others go on (peer_holds_sent) */
    int delay_ms;                    /* what the real one answers to what a client says comes so much later (peer_delays); */
    int delayed;                     /* how many answers did */
    int cut;                         /* how many connections were, by cut_after and cut_sent */
    long from_clients;               /* bytes */
    int passed;                      /* how many bytes of the real one's in the connection that was last heard of */
    bool stop;
    pthread_t thread;
    struct { int client, server, passed, sent; bool asked; } pairs[PEER_PAIRS];
} peer;

/* Its port is there behind it. */
void peer_start(peer *p);
void peer_end(peer *p);
/* Who comes from now on is led to another one. */
void peer_leads(peer *p, int to);
void peer_cuts(peer *p, int after);
void peer_cuts_sent(peer *p, int after);
int peer_cut(const peer *p);
void peer_pieces(peer *p, int piece);
void peer_holds(peer *p, bool holds);
void peer_holds_sent(peer *p, bool holds);
void peer_delays(peer *p, int ms);
int peer_delayed(const peer *p);
long peer_from_clients(const peer *p);
int peer_accepted(const peer *p);
int peer_passed(const peer *p);
#endif
