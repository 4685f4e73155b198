#ifndef WEFT_SRC_OS_ELDERS_H
#define WEFT_SRC_OS_ELDERS_H
/* Workers of the program before, as long as nobody supervises them: between the exec of a reload and weft_serve, which main may be long in coming to, or never come to.
 * They serve on meanwhile. A stop is theirs all the same: it is noted for the supervisor (held.h), and when none has come two seconds later, or when a second one is
 * asked for, they are told from the handler, and the program ends with them. So it is when the program ends by itself, by exit or the end of main (handover.c): it
 * ends when they have. By _exit, or a crash, it does so at once, and they with it. In all of these no service manager is told STOPPING=1, and the files of unix sockets stay; the next
 * start takes them over. */
#include "os/handover.h"

/* A stop that is noted from now on is that of *h, too. */
void weft__elders_watch(weft__handover *h);
/* It is so no more, and what was done of it is in *h. */
void weft__elders_leave(void);
/* Have those that were handed over end as at a stop, where no supervisor will come. Listeners that are still in *h are closed. Waits: until they have, for stop_ms of *h
 * at most and a second, from now on, or from when a stop was noted. *h has those who are left, which end with this process. */
void weft__elders_end(weft__handover *h);

/* One step of a stop that was asked for so many times, first at came_ms: who is told, who is told a second time (of which a worker knows that it is not for being
 * replaced), who is killed. How many there still are. From signal handlers, too. Waits: never. */
int weft__elders_step(weft__handover *h, int asked, int64_t came_ms, int64_t now_ms);
#endif
