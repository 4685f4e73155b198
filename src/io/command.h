#ifndef WEFT_SRC_IO_COMMAND_H
#define WEFT_SRC_IO_COMMAND_H
#include "io/conn.h"
#include "os/child.h"
#include "weft/command.h"

/* A child and what users see of it. It is reaped as soon as the loop hears of its end. */
typedef struct weft__command {
    weft_command shown;
    weft__watch watch;               /* of its end */
    weft__loop *loop;
    weft__child child;
    weft__child_exit exit;
    weft__fiber *waiter;             /* parked for its end */
    const char *waiting;             /* the name of the task in weft_command_wait */
    int grace_ms;
    bool watched, ended;
    int lost;                        /* why nobody knows how it ended, or 0 */
    unsigned inside;
    bool freed;
    char name[48];
} weft__command;

/* Start it with these three; its pipes become connections. 0 or a code, recorded. */
typedef struct weft__stdio { weft__child_end in, out, err; } weft__stdio;
int weft__command_start(
    weft__command **out, const char *const *argv, const weft_command_opts *o, weft__stdio io);

/* Wait until it has ended, or the deadline. 0 or a code; WEFT_ETIMEDOUT of the deadline too. Waits:
 * unless it has. */
int weft__command_await(weft__command *c, int64_t deadline_ns);
/* See to it that it ends, whatever is cancelled. Waits: for its grace at most, unless it has. */
void weft__command_end(weft__command *c);
int weft__command_opts_check(const weft_command_opts *o, const char *const *argv);
#endif
