#ifndef WEFT_SRC_OS_CRASH_H
#define WEFT_SRC_OS_CRASH_H
/* What a process says and leaves behind when a signal ends it. Its handler copies registers and stack into a black box
 * that others can read, says in one line who died of what, and lets it die as it would have. Names for the stack's
 * addresses are found by who reads the box: that takes memory, files and time, of which a handler has none. */
#include "os/fleet.h"

/* Fills work, task and mark of the box; async-signal-safe, on whatever stack. */
typedef void weft__crash_describe_fn(weft__black_box *box);

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP and SIGSYS of this process are written into the box and
 * said on stderr, "weft: worker 2 (pid 4711) crashed: SIGSEGV at 0x0 in GET /items/{item_id} (a request, started at
 * server.c:12)"; then the handler from before runs, or the process dies of the signal. Only the first is. After
 * whoever else wants those signals has asked for them. */
void weft__crash_watch(weft__black_box *box, unsigned number, weft__crash_describe_fn *describe);
void weft__crash_forget(void);

/* "SIGSEGV"; "signal 42" in `room`. */
const char *weft__signal_name(int number, char room[24]);

/* The stack of a full box as lines, innermost first, each "  NAME (FILE.c:LINE)\n"; how many bytes. Of a process
 * that was forked from this one: code lies where it lies here. Waits: it reads files. */
size_t weft__crash_stack(const weft__black_box *box, char *to, size_t room);
#endif
