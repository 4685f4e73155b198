#ifndef WEFT_SRC_OS_SOCKET_H
#define WEFT_SRC_OS_SOCKET_H
/* Sockets beside connected streams: listeners on paths, and datagrams. Their descriptors are watched and closed by the
 * os's own operations. */
#include "os/os.h"

/* Which file a listener made, so that its end removes no other one. made: false, there is none. born_ns: 0 where the file system does not say, or may not be asked (statx). */
typedef struct weft__net_path { uint64_t device, inode; int64_t born_ns; bool made; } weft__net_path;

typedef struct weft__net_ops {
    /* `listen`, for any address. A path where a socket of a program that has ended lies is taken over: that nobody
     * listens there is tried by connecting. -EADDRINUSE: somebody does, or it is no socket; -EAGAIN: another program
     * is just now doing the same in that folder. mode: of the file, 0 for what the umask leaves. */
    int (*listen)(weft__os *, const weft__addr *, int backlog, int mode, weft__net_path *made);
    /* The file of a listener that another program made and handed over becomes this one's. */
    void (*adopt)(weft__os *, const weft__addr *, weft__net_path *made);
    /* Removes the file that `listen` made, unless another one has taken its place. 0: there is none of it any more, or it may not be removed; -EAGAIN as of listen. */
    int (*unlink)(weft__os *, const weft__addr *, const weft__net_path *made);

    /* A non-blocking datagram socket bound to an address, IPv4 or IPv6 (which takes IPv6 only). */
    int (*udp)(weft__os *, const weft__addr *at);
    int (*udp_connect)(weft__os *, int fd, const weft__addr *to);
    /* One datagram; to NULL: to where it is connected. 0, or a code: -EAGAIN full (an OUT comes), -EMSGSIZE, and
     * WEFT_ECONNREFUSED: an earlier one found nobody. */
    int (*udp_send)(weft__os *, int fd, const void *bytes, size_t n, const weft__addr *to);
    /* The size of the next datagram, of which the first `room` bytes are there; the rest is lost. -EAGAIN: none. */
    ssize_t (*udp_recv)(weft__os *, int fd, void *to, size_t room, weft__addr *from);
} weft__net_ops;

/* Where another program is just now listening, or leaving, in the same folder it is tried so often, and so far apart: a second together. */
enum { WEFT__NET_TRIES = 100, WEFT__NET_TRY_AGAIN_MS = 10 };
/* Between two tries, and `listen`, tried so. For where no loop runs: they wait. */
void weft__net_pause(void);
int weft__net_listen_soon(weft__os *, const weft__addr *, int backlog, int mode, weft__net_path *made);

extern const weft__net_ops weft__linux_net;
#endif
