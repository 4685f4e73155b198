#ifndef WEFT_SRC_IO_CONN_H
#define WEFT_SRC_IO_CONN_H
/* The inside of a weft_conn, for what makes some: connects, listeners, pipes of programs. */
#include <errno.h>
#include "io/stream.h"
#include "weft/net.h"

struct weft_conn {
    weft__stream stream;
    char *in;                        /* `room` bytes and one for a NUL; unread: from start to len */
    size_t room, start, len;
    size_t lent_at; /* of the byte that a NUL stands in for, behind what was given last */
    char lent;
    size_t buffer_bytes_max;
    int read_ms, write_ms;           /* 0: no bound */
    const char *reading, *writing;   /* the name of the task that does; NULL: none */
    unsigned inside; /* tasks in a call: the last one gives it back if it was freed meanwhile */
    bool filled;                     /* the last read filled all the room there was */
    bool cut;                        /* a write ended in the middle */
    bool writes_only;                /* a pipe that a program reads: to end our side is to close it */
    bool freed;
    char peer[64], local[64];
};

/* A closed one, to be connected. NULL: no memory. */
weft_conn *weft__conn_new(weft__loop *loop, const weft_conn_opts *opts);
/* Over a connected descriptor, which it takes. 0 or a code, with the descriptor closed. */
int weft__conn_over(
    weft_conn **out, weft__loop *loop, int fd, const char *peer, const weft_conn_opts *opts);

/* A call of the running task begins: 0, WEFT_ECLOSED or WEFT_EBUSY. And ends. */
int weft__conn_enter(weft_conn *c, const char **who, const char *doing);
void weft__conn_exit(weft_conn *c, const char **who);
/* Records the failure of a call and gives its code; that of a cancel stays the scope's. */
int weft__conn_fail(const weft_conn *c, int code, const char *doing);

/* Whether `out` of options makes sense, by name: 0 or WEFT_EINVAL. */
int weft__conn_opts_check(const weft_conn_opts *o);
/* An address as written, for messages: example.org:80, unix:/run/x.sock. */
void weft__host_text(const char *host, int port, char out[64]);
/* "localhost" is ::1 first, also where there is no IPv6: then the next address of the name is taken. */
static inline bool weft__not_here(int rc) { return rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT; }
/* 1 with the address of a literal, 0 for a name, WEFT_EINVAL (recorded) for what is neither. */
int weft__host_parse(const char *host, int port, weft__addr *out);
#endif
