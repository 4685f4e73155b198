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
/* Bytes that have come and that nobody has read. */
size_t weft__borrowed_unread(int fd);
/* What lies there and nobody has read, up to `room` bytes; how many. */
size_t weft__borrowed_peek(int fd, void *to, size_t room);
/* Both directions, so that whoever waits in it is told. */
void weft__borrowed_cut(int fd);
#endif
