#ifndef WEFT_SRC_OS_HELD_H
#define WEFT_SRC_OS_HELD_H
/* Signals for a supervisor that has not begun yet, since its program was only just run in the place of another one. They are noted by handlers: blocked ones would be
 * blocked in every program that main starts meanwhile, and those that it does not wait for live for long. (One that was ignored is at its default in those.) */
#include <stdbool.h>
#include <stdint.h>

/* What is done of a stop meanwhile, in the handler: `number` was the first, at came_ms, and so many have come. Called with each, and again in so many ms as it gives back
 * (0: not until the next one), until the signals are held no more, or main has taken SIGTERM for itself. Each call cuts a sleep of main's short. */
typedef int weft__held_stop_step(int number, int asked, int64_t came_ms);

/* From now on those of weft__fleet_begin are noted, each once, and not blocked. step: NULL, nothing is done. */
void weft__held_begin(weft__held_stop_step *step);
bool weft__held_are(void);
/* When the first one came that asks for the end, by weft__fleet_now_ms; 0: none has. How many have. */
int64_t weft__held_stop_ms(void);
int weft__held_stops(void);
/* Blocked as they are to be: they wait there as if they had come only now, and handlers are again what they were. */
void weft__held_end(void);
/* In a forked child: handlers are again what they were. */
void weft__held_forget(void);
#endif
