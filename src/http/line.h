#ifndef WEFT_SRC_HTTP_LINE_H
#define WEFT_SRC_HTTP_LINE_H
/* Things that all have the same time to go: who came first is over first, so one timer serves them all, and coming and
 * going costs no timer. */
#include "task/loop.h"

typedef struct weft__due weft__due;
struct weft__due { weft__due *before, *behind; int64_t at_ns; };         /* embedded in what stands in a line */

/* `runs`: the timer does. It is left running when the line empties: to start and stop it for each call costs more. */
typedef struct weft__line { weft__due *first, *last; weft__timer timer; bool runs; } weft__line;

/* To the end of the line, over in `ms` from now: the same for all of a line. False: no memory for the timer, so nobody
 * will tell when it is. Waits: never. */
bool weft__line_add(weft__loop *loop, weft__line *line, weft__due *d, int ms);
void weft__line_append(weft__line *line, weft__due *d);      /* to its end, without a time */
void weft__line_remove(weft__line *line, weft__due *d);

/* For the line's `timer.fire`: have it fire again at that time. Waits: never. */
void weft__line_again(weft__loop *loop, weft__line *line, int64_t at_ns);
#endif
