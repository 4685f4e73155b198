#ifndef WEFT_SRC_OS_BORROWED_H
#define WEFT_SRC_OS_BORROWED_H
/* The socket of a library that speaks for itself (libmariadb, libpq), as its user may look at it and end it. Real ones only; any thread. Wait: never. */
#include <stdbool.h>
#include <stddef.h>

/* A descriptor of our own for the same socket: the library may close its one, and the number be another's then. -1: none is free. */
int weft__borrowed_take(int fd);
void weft__borrowed_give(int fd);
/* A peer that is gone without a word is noticed in a minute (30 s, then three times 10), also while it owes an answer to bytes. */
void weft__borrowed_keep_alive(int fd);
/* Something has come that nobody read, or its end; *over: an end or a fault. */
bool weft__borrowed_tells(int fd, bool *over);
/* It takes some KiB at once; *tells: the above. */
bool weft__borrowed_takes(int fd, bool *tells);
/* Bytes that have come and that nobody has read. */
size_t weft__borrowed_unread(int fd);
/* What lies there and nobody has read, up to `room` bytes; how many. */
size_t weft__borrowed_peek(int fd, void *to, size_t room);
/* The same, taken away: for who gives it to the library as a part. */
size_t weft__borrowed_read(int fd, void *to, size_t room);

/* For some calls of its the library has these bytes to read and no more, whatever comes meanwhile, so that all it acts on can have been looked at: `fd` leads to a
 * socket of ours between begin and end, and nobody may poll meanwhile. What the library writes goes to its peer at the end; it may close `fd`, and open others. */
typedef struct weft__borrowed_part { int fd, real, ours; unsigned long long stands_in; bool left; } weft__borrowed_part;
/* Up to 64 KiB. False: there is no descriptor or no room for it, and nothing has changed. */
bool weft__borrowed_part_begin(weft__borrowed_part *p, int fd, const void *bytes, size_t n);
/* False: `fd` is of no use any more, as not all was read, or the peer took not all that was written. `left` is set when the library has closed it. */
bool weft__borrowed_part_end(weft__borrowed_part *p);
/* Both directions, so that whoever waits in it is told. */
void weft__borrowed_cut(int fd);
#endif
