#ifndef WEFT_SRC_OS_STDERR_H
#define WEFT_SRC_OS_STDERR_H
#include "weft/base.h"

/* What can be written to stderr with the promise that it does not stall: PIPE_BUF, all of it or
 * nothing. */
enum { WEFT__STDERR_MAX = 4096 };

/* Write at most WEFT__STDERR_MAX bytes if stderr takes them now; false when it is full, closed or
 * broken. The descriptor is shared with other processes and stays as it is, so another writer of
 * the same pipe can fill it in between; a reader that has stopped is met by all of them with a full
 * pipe at the look. */
bool weft__os_stderr_try(const char *bytes, size_t n);
bool weft__os_stdout_try(const char *bytes, size_t n);       /* the same to stdout */
#endif
