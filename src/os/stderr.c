#include "os/stderr.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include "os/os.h"

int weft__os_pid(void) { return (int)getpid(); }

bool weft__os_stderr_try(const char *bytes, size_t n)
{
    int keep = errno;
    struct pollfd look = { .fd = STDERR_FILENO, .events = POLLOUT };
    bool ready = n <= WEFT__STDERR_MAX && poll(&look, 1, 0) == 1 && (look.revents & POLLOUT)
        && !(look.revents & POLLERR);
    bool done = ready && write(STDERR_FILENO, bytes, n) == (ssize_t)n;
    errno = keep;
    return done;
}
