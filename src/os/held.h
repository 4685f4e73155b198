#ifndef WEFT_SRC_OS_HELD_H
#define WEFT_SRC_OS_HELD_H
/* Signals for a supervisor that has not begun yet, since its program was only just run in the place of another one. They are noted by handlers: blocked ones would be
 * blocked in every program that main starts meanwhile, and those that it does not wait for live for long. (One that was ignored is at its default in those.) */
#include <stdbool.h>

/* From now on those of weft__fleet_begin are noted, each once, and not blocked. */
void weft__held_begin(void);
bool weft__held_are(void);
/* Has one come that asks for the end? */
bool weft__held_stop(void);
/* Blocked as they are to be: they wait there as if they had come only now, and handlers are again what they were. */
void weft__held_end(void);
/* In a forked child: handlers are again what they were. */
void weft__held_forget(void);
#endif
