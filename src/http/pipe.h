#ifndef WEFT_SRC_HTTP_PIPE_H
#define WEFT_SRC_HTTP_PIPE_H
/* Bytes in both directions, behind a request that was upgraded: over a connection of HTTP/1.1, over a client's own, over a
 * stream of HTTP/2. Who has one knows nothing of what is below. Nothing here waits: who has to is told by `edge`. */
#include <sys/types.h>
#include <sys/uio.h>
#include "os/os.h"

typedef struct weft__pipe weft__pipe;

typedef struct weft__pipe_ops {
    /* As weft__stream_try_recv and weft__stream_try_send. What was received before the upgrade comes first. */
    ssize_t (*try_recv)(weft__pipe *p, void *to, size_t n);
    ssize_t (*try_send)(weft__pipe *p, const struct iovec *iov, int n);
    /* May there be bytes, or an end, that no edge will tell of any more? Has the peer ended or broken off, whatever is still to be read? */
    bool (*may_read)(const weft__pipe *p);
    bool (*hup)(const weft__pipe *p);
    /* All has been sent: end this side, and let the peer end its own. Break off, so that the peer sees it. After either the pipe is gone. */
    void (*end)(weft__pipe *p);
    void (*reset)(weft__pipe *p);
    /* Of those that gather: send what was taken now, and not when the loop next waits. Why it has ended: a static text, or NULL. Either may
     * be NULL. */
    void (*push)(weft__pipe *p);
    const char *(*how)(const weft__pipe *p);
} weft__pipe_ops;

/* What an edge tells besides WEFT__IN, WEFT__OUT and WEFT__HUP: the server stops; it ends all that is left, and the pipe is to be gone
 * when the edge returns. */
enum { WEFT__PIPE_STOP = 1 << 16, WEFT__PIPE_OVER = 1 << 17 };

struct weft__pipe {
    const weft__pipe_ops *ops;
    void (*edge)(void *owner, uint32_t events);      /* on the loop's own stack; must not wait, may end the pipe */
    void *owner;
};
#endif
