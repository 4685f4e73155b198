#include "os/stderr.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include "os/os.h"

int weft__os_pid(void) { return (int)getpid(); }

static bool write_now(int fd, const char *bytes, size_t n)
{
    int keep = errno;
    struct pollfd look = { .fd = fd, .events = POLLOUT };
    bool ready = n <= WEFT__STDERR_MAX && poll(&look, 1, 0) == 1 && (look.revents & POLLOUT)
        && !(look.revents & POLLERR);
    bool done = ready && write(fd, bytes, n) == (ssize_t)n;
    errno = keep;
    return done;
}

bool weft__os_stderr_try(const char *bytes, size_t n) { return write_now(STDERR_FILENO, bytes, n); }
bool weft__os_stdout_try(const char *bytes, size_t n) { return write_now(STDOUT_FILENO, bytes, n); }
