#ifndef WEFT_SRC_HTTP_LISTEN_H
#define WEFT_SRC_HTTP_LISTEN_H
/* Where a server listens: its own address, more of them, and sockets that somebody else has opened. */
#include "os/fleet.h"
#include "os/socket.h"
#include "weft/limits.h"

typedef struct weft__listened {
    int count;
    struct { int fd; weft__addr at; weft__net_path path; } items[WEFT__FLEET_LISTENERS_MAX];
} weft__listened;

/* All that the options (with their defaults) say, each address once. Of `inherited` those are taken whose address is one of these; `given` ones (by a
 * service manager) are taken instead of all that. What is not taken is closed. 0; or a code, with the reason in `why` (256 bytes), and
 * nothing is open; files of inherited unix sockets stay. Waits: for as long as a second,
 * where another program has the folder of a unix path locked; outside of tasks it blocks the thread. */
int weft__listen(weft__os *os, const weft_serve_opts *opts, const int *inherited, int inherited_count, const int *given, int given_count,
    weft__listened *out, char *why);
/* Close them (but those whose descriptor is -1: they are closed), and take away the files of unix sockets. False: some are left, since another program has their
 * folder locked just now. Waits: never. */
bool weft__listened_close(weft__os *os, weft__listened *l);
/* The same, and the end of them. Waits: as weft__listen does, also in a task that was cancelled; what is left behind that is taken over by the next start. */
void weft__listened_end(weft__os *os, weft__listened *l);
/* Files of unix sockets that are among these stay: they are still another's. */
void weft__listened_leave(weft__listened *l, const int *fds, int count);
/* "http://127.0.0.1:8000 and unix:/run/x.sock" */
void weft__listened_text(const weft__listened *l, const weft_serve_opts *opts, char *to, size_t room);
/* Is it tls.redirect_port: the i-th of `count` listeners, on that port? */
bool weft__listen_redirects(const weft_serve_opts *opts, int port, int i, int count);
int weft__listened_port(const weft__listened *l);        /* of the first that has one; 0: none */
#endif
