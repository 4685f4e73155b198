#ifndef WEFT_SRC_OS_HANDOVER_H
#define WEFT_SRC_OS_HANDOVER_H
/* What a program gives to the one that is run in its place, or that is tried: listeners, workers, memory. It comes as a variable and as open descriptors, and what
 * main starts before it calls weft_serve would have both: a port that is listened on when the program has ended, workers that somebody else takes for his. So it is
 * taken before main is called; and signals, which the program before had blocked, are held (held.h). */
#include "os/fleet.h"

#define WEFT__HANDOVER_NAME "WEFT__HANDOVER"
#define WEFT__TRIAL_NAME "WEFT__TRIAL"

/* A worker of the program before. told: that it is to go, at told_ms, of which a worker that is to be replaced knows; urged: that all stop; passed_on: how many were.
 * goes: it is to be told as soon as somebody supervises it. age: how many programs before this one it is of: 0 (handed over by its own), 1... kill_ms: when it is killed, 0: not.
 * By weft__fleet_now_ms, which goes on behind an exec. */
typedef struct weft__elder_left { pid_t pid; bool told, urged, goes; int age, passed_on; int64_t told_ms, kill_ms; } weft__elder_left;

/* What was handed to this process, in the variable
 * `name`: "fd,fd;pid,pid!kill_ms,pid-,pid+age;stop_ms", or "=fd,fd;pid;stop_ms", and behind that ";address,memory,bell,voices,bell,..." of its memory; in front
 * of all "v2:", the form of the text. Descriptors are
 * closed in programs that this one starts; a pid with ! is of one that has been told to stop, with - of one that goes, with + (behind those) not of the program itself. The variable is
 * taken out of the environment. False: there is none, or it is no such text. */
typedef struct weft__handover {
    int fds[WEFT__FLEET_LISTENERS_MAX], fd_count;
    bool given;                      /* these are of a service manager: "=" stands before them */
    weft__elder_left elders[WEFT__FLEET_SLOTS_MAX];
    int elder_count;
    int64_t stop_ms;                 /* a stop of these takes at most */
    weft__fleet_past past;
} weft__handover;
/* All descriptors of it that stay open in the program it is handed to; how many. */
enum { WEFT__HANDOVER_FDS_MAX = WEFT__FLEET_LISTENERS_MAX + WEFT__FLEET_SLOTS_MAX + 3 };
int weft__handover_fds(const weft__handover *h, int fds[WEFT__HANDOVER_FDS_MAX]);
bool weft__handover_take(const char *name, weft__handover *out);
/* The variable's text, "NAME=...", in `to`. False: no room. */
bool weft__handover_format(const char *name, const weft__handover *h, char *to, size_t room);

/* What this process was handed, until that is taken: it was run in the place of another one, or is tried. Of a forked child: nothing, and the descriptors are closed. */
typedef enum weft__handed { WEFT__HANDED_NOTHING, WEFT__HANDED_OVER, WEFT__HANDED_TRIAL } weft__handed;
weft__handed weft__handed_kind(void);
/* False: it is not of this kind. What it has is the caller's to close. */
bool weft__handed_take(weft__handed kind, weft__handover *out);
#endif
