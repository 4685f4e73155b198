#ifndef WEFT_SRC_OS_FLEET_H
#define WEFT_SRC_OS_FLEET_H
/* Several processes that serve as one, under a supervisor: the memory they share, and what the supervisor asks of the
 * kernel.
 *
 * The memory is one mapping, made before the first fork, so it lies at the same address in all of them. Each process
 * that serves has a slot, and of what lies in it each word has one writer: the supervisor or the worker, as said below. Behind the slots lies
 * what is common to all (docs/decisions/0021).
 * Nothing is locked; words are whole. Who dies in the middle of anything leaves words that can still be read. Slots are three times as many as workers: who
 * leaves and who comes in its place are there at the same time, and a program that does not start may be replaced by one that does. What they say to each
 * other lies beside it (voices.h). */
#include <signal.h>
#include <sys/types.h>
#include "os/unwind.h"
#include "os/voices.h"
#include "weft/base.h"

enum { WEFT__FLEET_MAX = 64, WEFT__FLEET_SLOTS_MAX = 3 * WEFT__FLEET_MAX + 1, WEFT__FLEET_LISTENERS_MAX = 16 };
_Static_assert((int)WEFT__FLEET_SLOTS_MAX == (int)WEFT__VOICES_MAX, "a voice for each slot");

/* What a process left behind that a signal ended (crash.h). Its worker writes it, and then dies. */
enum { WEFT__BOX_STACK = 48 * 1024 };
typedef struct weft__black_box {
    uint32_t full;                   /* a signal was written, and what follows as far as its handler came */
    int32_t signal;
    uint64_t address, mark;          /* mark: of the request that was being worked on; 0: none */
    weft__registers regs;
    uint64_t low, size;              /* of what follows: where it lay */
    char work[160], task[240];       /* "GET /items/{item_id}"; "a request, started at server.c:12"; or "" */
    _Alignas(16) char stack[WEFT__BOX_STACK];
} weft__black_box;

/* STARTING: by the supervisor, with the fork. READY and LEAVING: by the worker; LEAVING is also the wish to be replaced,
 * with which it serves on until it is told to stop. FREE: by the supervisor, when it has waited for it. ELSEWHERE: of this slot only the voice is had, by a
 * worker of the program before that knows another memory. */
typedef enum weft__ship_state {
    WEFT__FLEET_FREE, WEFT__FLEET_STARTING, WEFT__FLEET_READY, WEFT__FLEET_WISHES, WEFT__FLEET_LEAVING, WEFT__FLEET_ELSEWHERE
} weft__ship_state;

/* What each worker tells of itself a few times a second, for numbers that only it knows (web/metrics.h adds them up). */
enum { WEFT__VITALS = 24 };

/* Everything is read and written as __atomic, relaxed where not said. */
typedef struct weft__ship {
    /* of the supervisor */
    _Alignas(64) uint32_t number;    /* which worker it is, from 1; in logs */
    int32_t pid;
    uint32_t incarnation;            /* how many have had this slot */
    uint32_t patient;                /* it is replaced: its connections are to be left in peace until they ask something */
    uint32_t replaced;               /* it was told so: of its signals the first one is for that */
    /* of its worker */
    _Alignas(64) uint32_t state;     /* a weft__ship_state */
    uint64_t beats;                  /* grows while its loop turns */
    int64_t beat_ns;                 /* the monotonic clock, at the last one */
    uint32_t connections;
    uint32_t deaf;                   /* it cannot accept at the moment: no descriptors, or no memory */
    uint64_t requests;               /* of this incarnation */
    uint64_t vitals[WEFT__VITALS];
    weft__black_box box;
} weft__ship;

/* What crashed workers, and is not to again: by the supervisor. Behind `count`, which is written last. */
enum { WEFT__POISON_MAX = 64 };
typedef struct weft__poison { uint64_t mark; int64_t until_ns; uint32_t crashes; } weft__poison;

/* Written by the supervisor alone. */
typedef struct weft__fleet_head {
    uint32_t ending;                 /* all is to end: 1 */
    uint32_t poisons;                /* how many of them have crashed twice */
    uint64_t restarts;
    int64_t began_s;                 /* since 1970 */
    uint64_t program, layout;        /* whose file it is of, and what lies in it */
    weft__poison poison[WEFT__POISON_MAX];
} weft__fleet_head;

/* Parts of a slot behind its struct, for the floors above; without pointers. */
typedef enum weft__part { WEFT__PART_REGION, WEFT__PART_SERIES, WEFT__PARTS } weft__part;

typedef struct weft__fleet {
    unsigned workers, slots;
    int mine;                        /* of this process; -1: the supervisor */
    int bell;                        /* an eventfd: the supervisor has something to look at */
    weft__voices voices;             /* as many as slots */
    int memory_fd;                   /* of the supervisor, to hand over; -1 in workers */
    bool adopted;                    /* the memory is that of the program before, with its workers in it */
    char why_anew[160], why_apart[160];      /* why it is not, and why its workers are not heard; "": it is, they are, or there was none */
    int listeners[WEFT__FLEET_LISTENERS_MAX], listener_count;
    pid_t children[2 * WEFT__FLEET_SLOTS_MAX + 1];   /* whose ends it waits for, and a trial's; the program may have others */
    int child_count;
    weft__fleet_head *head;
    char *memory;
    size_t bytes, slot_bytes, part_at[WEFT__PARTS], part_bytes[WEFT__PARTS];
    size_t common_at;
} weft__fleet;

static inline unsigned weft__fleet_slots_for(unsigned workers) { return 3 * workers + 1; }

/* The memory of a program before and its voices, as they were handed over: descriptors, and where it lay. */
typedef struct weft__fleet_past {
    uint64_t at;
    int memory, bell, voices, bells[WEFT__FLEET_SLOTS_MAX];
    unsigned slots;                  /* 0: none was handed over */
} weft__fleet_past;

/* What a fleet shares: slots for so many workers (1 to WEFT__FLEET_MAX), with parts of these sizes, and so much that is no slot's. `program`: another number
 * for each program; 0: not known, and nobody's is the same. `layout`: another one whenever what lies in there means something else. */
typedef struct weft__fleet_shape { unsigned workers; size_t part_bytes[WEFT__PARTS], common_bytes; uint64_t program, layout; } weft__fleet_shape;

/* The memory for that, zeroed; or that of the program before (NULL: there was none), if it has the same shape, can lie where it lay, and has free slots for all
 * workers: `adopted` then, and why_anew says why not. The voices go on in any program, if there are enough: why_apart. What was handed over is closed where it
 * is of no use. 0 and *out, or -errno. Of the supervisor, and for its life. */
int weft__fleet_new(weft__fleet **out, const weft__fleet_shape *shape, const weft__fleet_past *past);
/* How many slots that makes, of which the common bytes may depend. */
unsigned weft__fleet_slots_of(unsigned workers, const weft__fleet_past *past);
/* It, to be handed over. */
weft__fleet_past weft__fleet_past_of(const weft__fleet *c);
void weft__fleet_free(weft__fleet *c);
/* In which nobody lives. */
unsigned weft__fleet_slots_free(const weft__fleet *c);
/* These processes, of the program before, were handed over. */
void weft__fleet_welcome(weft__fleet *c, const pid_t *elders, unsigned count);
static inline weft__ship *weft__fleet_slot(const weft__fleet *c, unsigned i)
{
    return (weft__ship *)(void *)((char *)c->head + 4096 * ((sizeof *c->head + 4095) / 4096) + i * c->slot_bytes);
}
static inline void *weft__fleet_part(const weft__fleet *c, unsigned i, weft__part part)
{
    return (char *)weft__fleet_slot(c, i) + c->part_at[part];
}

/* What is no slot's: all write there, whole words, with compare-and-exchange. For the floors above, which know what it is. */
static inline void *weft__fleet_common(const weft__fleet *c) { return c->memory + c->common_at; }

/* Somebody lives in this slot. */
static inline bool weft__ship_lives(const weft__ship *s)
{
    return __atomic_load_n(&s->state, __ATOMIC_RELAXED) != WEFT__FLEET_FREE;
}
static inline weft__voice *weft__fleet_voice(const weft__fleet *c, unsigned i) { return weft__voices_at(&c->voices, i); }

/* ---- of a worker ---- */

/* Is somebody else better off with the next connection: does another worker, whose loop turns, have clearly fewer? How many ms to
 * leave it to that one; more when it has much fewer. 0: take it. */
int weft__fleet_ahead(const weft__fleet *c, unsigned connections, int64_t now_ns);
/* Wake the supervisor; the worker of a slot. Wait: never. */
void weft__fleet_ring(const weft__fleet *c);
void weft__fleet_ring_slot(const weft__fleet *c, unsigned i);
void weft__fleet_ring_all(const weft__fleet *c);       /* but this one */

/* ---- a word that one of them holds at a time (fleet_lock.c) ---- */

/* For what cannot be done word by word, and takes microseconds, nobody waiting meanwhile. Zeroed: nobody holds it. BUSY: somebody has for 5 ms, so he is
 * stuck, or stopped; HELD: it is ours until it is given; BROKEN: the same, and whoever held it died with it, so that what it guards may be half done.
 * take waits: spinning, 5 ms at most. */
typedef struct weft__fleet_lock { uint64_t holder; } weft__fleet_lock;
typedef enum weft__fleet_held { WEFT__FLEET_BUSY, WEFT__FLEET_HELD, WEFT__FLEET_BROKEN } weft__fleet_held;
weft__fleet_held weft__fleet_lock_take(const weft__fleet *c, weft__fleet_lock *lock);
void weft__fleet_lock_give(weft__fleet_lock *lock);
/* This worker, as nobody was called before and nobody will be. Does one who was called so live? How many have ever begun. */
uint64_t weft__fleet_who(const weft__fleet *c);
bool weft__fleet_lives(const weft__fleet *c, uint64_t who);
uint64_t weft__fleet_generation(const weft__fleet *c);

/* ---- of a supervisor ---- */

/* A word that the supervisor hears. SIGNAL: `by_terminal` when the kernel sent it itself (a key, a hangup). ENDED: `status` as
 * waitpid gives it. */
typedef enum weft__fleet_word_kind { WEFT__FLEET_NOTHING, WEFT__FLEET_SIGNAL, WEFT__FLEET_ENDED } weft__fleet_word_kind;
typedef struct weft__fleet_word { weft__fleet_word_kind kind; int signal; bool by_terminal; pid_t pid; int status; } weft__fleet_word;

/* From now on SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and SIGCHLD are words, and nothing else; those that were held (held.h) are the first. 0 or -errno. */
int weft__fleet_begin(weft__fleet *c);
void weft__fleet_end(weft__fleet *c);
/* Those signals. */
enum { WEFT__FLEET_HEARD = 6 };
extern const int weft__fleet_heard[WEFT__FLEET_HEARD];
void weft__fleet_heard_set(sigset_t *set);
/* The next word; NOTHING when the bell was rung or timeout_ms (-1: none) have passed. Waits: for that. */
weft__fleet_word weft__fleet_hear(weft__fleet *c, int timeout_ms);

/* Fork a worker for a slot: it calls `work` and ends with what that returns, and with its parent. SIGINT, SIGHUP do
 * nothing to it: a terminal sends them to all of a group, and the supervisor decides. The pid or -errno. Flushes stdio. */
pid_t weft__fleet_fork(weft__fleet *c, unsigned slot, int (*work)(void *arg), void *arg);
/* A child of this process that was not forked here: its end is a word, too. Those that are nobody's here stay the program's. */
void weft__fleet_expect(weft__fleet *c, pid_t pid);
void weft__fleet_kill(pid_t pid, int signal);
/* A listener that the supervisor and all workers have. -errno when there are WEFT__FLEET_LISTENERS_MAX. */
int weft__fleet_add_listener(weft__fleet *c, int fd);
void weft__fleet_close_listeners(weft__fleet *c);
int64_t weft__fleet_now_ms(void);                     /* the monotonic clock */
uint64_t weft__fleet_random(void);

/* ---- another program in the place of this one (fleet_exec.c) ---- */

/* Remember which file this process runs, by the name that it was called by, so that what is put in the place of that can be run; one that was put there itself
 * is `handed` it in a variable. Called before main (handover.c), in the first working directory. */
void weft__exec_remember(bool handed);
/* Run that file as a child, with its arguments and environment as now and one more variable, "NAME=value", and with
 * signals as in a new program; descriptors of `keep` stay open in it. The pid or -errno. */
pid_t weft__exec_child(const char *variable, const int *keep, int count);
/* The same in the place of this process, signals as they are: returns only on failure, -errno. */
int weft__exec_here(const char *variable, const int *keep, int count);
/* The file that this process runs: another number for each that was ever put in its place. 0: not known. */
uint64_t weft__exec_identity(void);
/* Its path; "" when it is not known. And with where its links lead to at the moment, if there are any. */
const char *weft__exec_path(void);
enum { WEFT__EXEC_DESCRIBED = 1024 };
void weft__exec_describe(char *to, size_t room);
#endif
