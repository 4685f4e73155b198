#ifndef WEFT_SRC_OS_SIM_H
#define WEFT_SRC_OS_SIM_H
#include "os/os.h"

/* A simulated world: a virtual clock that jumps to the next thing due, an in-memory network of stream
 * sockets with faults, names. One seed, one script: one trace. Descriptors are numbers from 1 000 000 on, and a
 * closed one stays -EBADF for long.
 *
 * What is sent in a turn arrives in a later `wait`, also without delays. A listener takes what is sent to its
 * address, 0.0.0.0 and :: stand for all of their family; a full queue lets a connect try again after 1, 2, 4 ...
 * seconds, six times. A listener that was told of and not asked is told again only when a wait's time is up, and
 * is no reason not to be in deadlock: else the clock would stand still. Ends are those of TCP, for unix sockets too: a close with unread bytes is a reset, and
 * so is the answer to bytes for a closed socket. Limits: 65 536 sockets, 4096 names, 1024 names being resolved,
 * 32 failures waiting, windows of 64 MiB. Not simulated: TIME_WAIT, the files of unix sockets, lost packets of streams.
 *
 * The disk has files and directories, the working directory is "/" and empty at the start, the umask 022; permissions are
 * kept and not checked. Limits: 4096 open files, 65 536 files and directories, names of 255 bytes, paths of 4095; of 16 384 changes of
 * names that nobody synced, or of more removed bytes than the disk holds, the oldest become durable by themselves. */
typedef struct weft__sim_opts {
    weft__named_options_only _;
    uint64_t seed;                      /* 0: order as it comes, no shuffle of events or tasks */
    int64_t delay_min_ns, delay_max_ns; /* of bytes, connects and closes on their way, each drawn anew */
    int64_t resolve_ns;
    int64_t job_min_ns, job_max_ns;     /* of a job, from its thread's or process's taking it; half before it runs, half after */
    unsigned short_io_percent;          /* how often a recv or send moves fewer bytes than it could (at least 1) */
    unsigned reset_permille;            /* how often a send breaks the connection instead */
    unsigned refuse_permille;           /* how often a connect is refused */
    unsigned lost_permille;             /* how often a datagram is lost on its way; with delays they overtake each other */
    size_t window;                      /* bytes in flight one way, up to their being read; 0: 64 KiB */
    bool strangers;                     /* who connects to a unix socket is another user's process */
    int64_t wall_us;                    /* the wall clock at the start */
    unsigned wall_jump_permille;        /* how often a wait finds the wall clock moved, by up to a day either way */
    size_t disk_bytes;                  /* of all files; beyond it -ENOSPC; 0: 64 MiB, 4 GiB at most */
    unsigned file_short_percent;        /* how often a read or write of a file moves fewer bytes than it could */
    unsigned cached_percent;            /* how often a read at once finds its bytes in the page cache */
    unsigned crash_keep_percent;        /* how much of what was not synced survives a crash all the same */
} weft__sim_opts;

weft__os *weft__sim_new(const weft__sim_opts *opts); /* NULL: no memory */
uint64_t weft__sim_trace(const weft__os *sim);       /* hash of all that happened so far: results, events, times, bytes */
uint64_t weft__sim_events(const weft__os *sim);      /* how many things happened */
/* A name for an address; resolving others fails with WEFT_EDNS. Literals and "localhost" (::1, then 127.0.0.1)
 * need none. A name may have several addresses, in order of the calls. WEFT_EINVAL: no literal address. */
int weft__sim_name(weft__os *sim, const char *host, const char *address);
void weft__sim_set_wall(weft__os *sim, int64_t wall_us);
void weft__sim_set_job(weft__os *sim, int64_t ns);  /* what each job takes from now on */
int weft__sim_jump_wall(weft__os *sim, int64_t after_ns, int64_t by_us);
/* The running code computes for so long: time passes, and nothing that became due meanwhile has happened yet. */
void weft__sim_work(weft__os *sim, int64_t ns);
/* A SIGTERM then, for whoever asked for signals by then; or any other one (1 to 64). */
int weft__sim_signal(weft__os *sim, int64_t after_ns);
int weft__sim_raise(weft__os *sim, int number, int64_t after_ns);
int weft__sim_open_fds(const weft__os *sim);         /* descriptors not closed: for leak checks */
/* Fail the nth call from now (1: the next) of an operation with a code, and change nothing else: an accept may be tried
 * again, and after -EAGAIN an edge comes. The operations: "send", "recv", "connect", "accept", "listen", "watch",
 * "resolve", "submit", and of files "open", "close" (it is closed all the same), "read", "write", "fsync" (what was not
 * synced before counts as clean from then on, and is lost in a crash, as on Linux), "truncate", "stat", "rename",
 * "remove", "mkdir", "list", "temp", "fsync_path". */
int weft__sim_fail(weft__os *sim, const char *op, unsigned nth, int code);
/* The process of the nth job from now that runs in one (1: the next) is ended by this signal when it would run it. */
int weft__sim_kill(weft__os *sim, unsigned nth, int signal);
/* The machine stops and starts again: files are as they were when they were synced last, names as when their
 * directories were (of a rename between two directories, one of them), apart from what crash_keep_percent lets live; and
 * descriptors of files are closed. What goes with them in the program is the test's to end: its sockets and jobs live on. */
void weft__sim_crash(weft__os *sim);
/* The nth operation on files from now (1: the next) and all after it fail with -EIO and change nothing, until
 * weft__sim_crash: a program is led to each place where the power may fail. WEFT_EINVAL: 0. */
int weft__sim_power_cut(weft__os *sim, unsigned nth);
int64_t weft__sim_disk_used(const weft__os *sim);    /* bytes of files, also of those that are only open still */
#endif
