#ifndef WEFT_SRC_OS_NOTIFY_H
#define WEFT_SRC_OS_NOTIFY_H
/* What a service manager gives a program, and wants to hear of it: systemd's protocols, by hand. */
#include "os/os.h"

/* Tell it: "READY=1", "STOPPING=1", "WATCHDOG=1", lines with '\n' between them. Nothing happens without a manager (NOTIFY_SOCKET).
 * sd_notify(3). Waits: never. */
void weft__notify(const char *text);
/* How often it wants to hear WATCHDOG=1, at least: half of WATCHDOG_USEC, in ms; 0: it does not (or of another process: WATCHDOG_PID). sd_watchdog_enabled(3). */
int weft__notify_watchdog_ms(void);

/* Listeners that it has opened: LISTEN_FDS of them from 3 on, when LISTEN_PID is this process; closed in programs that this one starts, and not
 * blocking from now on. How many, at most max; the variables are gone afterwards. sd_listen_fds(3). */
int weft__listeners_given(int *fds, int max);
/* Is this a listening stream socket? What was given may be anything. */
bool weft__is_listener(int fd);
#endif
