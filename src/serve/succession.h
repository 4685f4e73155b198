#ifndef WEFT_SRC_SERVE_SUCCESSION_H
#define WEFT_SRC_SERVE_SUCCESSION_H
/* What a supervisor hands to the one of the program that is run in its place: its workers, and those of programs before that have not ended yet. However close
 * reloads come behind each other, each worker has the time of one stop, from the reload that told it to go; and those of few programs are there at once.
 *
 * A program that was replaced before all of its workers served never took over: they go as soon as there is a supervisor again, if those of the program before, which
 * serve on, are as many. They are kept where they are needed, but those that do not serve. */
#include "os/handover.h"
#include "serve/supervisor.h"

/* All processes there are, into the empty list of *h, which has room for WEFT__FLEET_SLOTS_MAX. */
void weft__succession_give(const weft__supervisor *s, weft__handover *h);
/* How many that would be. */
unsigned weft__succession_count(const weft__supervisor *s);
/* Those that were handed over; before weft__supervisor_begin, which tells who is to go. */
void weft__succession_take(weft__supervisor *s, const weft__handover *h, int64_t now_ms);
/* Of how many programs workers are there that are not this one's. Those of which some serve on count for one. */
unsigned weft__succession_programs(const weft__supervisor *s);
#endif
