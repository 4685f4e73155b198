/* Processes that serve as one: their memory, and the supervisor's side of the kernel. */
#define _GNU_SOURCE
#include "os/fleet.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/held.h"
#include "os/os.h"
#include "os/process.h"

enum { PAGE = 4096, FRESH_MS = 1000, SLACK_PART = 8, MUCH_MORE = 2, AHEAD_MS = 2, AHEAD_MUCH_MS = 10 };

const int weft__fleet_heard[WEFT__FLEET_HEARD] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGCHLD };
static int signal_fd = -1;
static sigset_t mask_before;

static size_t whole_pages(size_t n) { return (n + PAGE - 1) / PAGE * PAGE; }

int64_t weft__fleet_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t weft__fleet_random(void)
{
    uint64_t r = 0;
    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r) r = (uint64_t)weft__fleet_now_ms() * UINT64_C(0x9e3779b97f4a7c15);
    return r;
}

/* ---- memory ---- */

/* A memfd, and no file: what happens to a disk is nothing to it. */
static int map(weft__fleet *c)
{
    int fd = memfd_create("weft workers", MFD_CLOEXEC);
    if (fd < 0) return -errno;
    int rc = ftruncate(fd, (off_t)c->bytes) < 0 ? -errno : 0;
    void *at = rc < 0 ? MAP_FAILED : mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rc == 0 && at == MAP_FAILED) rc = -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    c->memory_fd = fd;
    c->memory = at;
    c->head = at;
    return 0;
}

/* ---- that of the program before ---- */

unsigned weft__fleet_slots_free(const weft__fleet *c)
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->slots; i++) n += !weft__ship_lives(weft__fleet_slot(c, i));
    return n;
}

/* What is said of the memory in its own head, wherever it lies. "": it is of this program, and means the same. */
static const char *differs(const weft__fleet_past *past, const weft__fleet_shape *shape)
{
    weft__fleet_head head;
    if (pread(past->memory, &head, sizeof head, 0) != sizeof head) return "what the program before has kept cannot be read";
    if (!shape->program || head.program != shape->program) return "the program is another file than the one before";
    return head.layout == shape->layout ? "" : "its routes, or the limits of its middleware, are others than before";
}

/* At its place, since there are pointers in it, and workers that go by them. */
static bool map_again(weft__fleet *c, const weft__fleet_past *past)
{
    struct stat st;
    void *at = (void *)(uintptr_t)past->at;
    if (past->at % PAGE || fstat(past->memory, &st) < 0 || (uint64_t)st.st_size != c->bytes) return false;
    void *got = mmap(at, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, past->memory, 0);
    if (got == MAP_FAILED) return false;
    c->memory = got;
    c->head = got;
    return got == at;                                /* an old kernel takes it for a wish */
}

static void forget_memory(weft__fleet *c)
{
    if (c->memory) munmap(c->memory, c->bytes);
    c->memory = NULL;
    c->head = NULL;
}

static bool adopt_voices(weft__fleet *c, const weft__fleet_past *past)
{
    if (past->slots == c->slots && weft__voices_adopt(&c->voices, past->voices, past->bells, past->slots, c->workers)) return true;
    snprintf(c->why_apart, sizeof c->why_apart, "%s", past->slots < c->slots ? "it has more workers than before"
        : "too many workers of the programs before are still there, or they are of another weft");
    return false;
}

/* Its memory before its voices, which lie anywhere: also there. */
static bool adopt(weft__fleet *c, const weft__fleet_past *past, const weft__fleet_shape *shape)
{
    const char *why = differs(past, shape);
    bool lies = !*why && map_again(c, past), heard = adopt_voices(c, past);
    if (!*why && !heard) why = c->why_apart;
    if (!*why && !lies) why = "what the program before has kept cannot lie where it lay";
    if (!*why && weft__fleet_slots_free(c) < c->workers) why = "too many workers of the programs before are still there";
    if (*why) {
        snprintf(c->why_anew, sizeof c->why_anew, "%s", why);
        forget_memory(c);
        return false;
    }
    c->memory_fd = past->memory;
    c->bell = past->bell;
    return true;
}

static void close_past(const weft__fleet *c, const weft__fleet_past *past)
{
    if (!c || !c->adopted) {
        close(past->memory);
        close(past->bell);
    }
    if (c && c->voices.count) return;
    close(past->voices);
    for (unsigned i = 0; i < past->slots; i++) close(past->bells[i]);
}

weft__fleet_past weft__fleet_past_of(const weft__fleet *c)
{
    weft__fleet_past past = { .at = (uint64_t)(uintptr_t)c->memory, .memory = c->memory_fd, .bell = c->bell, .voices = c->voices.fd, .slots = c->slots };
    memcpy(past.bells, c->voices.bells, c->slots * sizeof *past.bells);
    return past;
}

/* ---- its life ---- */

static void lay_out(weft__fleet *c, const weft__fleet_shape *shape, unsigned slots)
{
    c->workers = shape->workers;
    c->slots = slots;
    size_t at = whole_pages(sizeof(weft__ship));
    for (int i = 0; i < WEFT__PARTS; i++) {
        c->part_at[i] = at;
        c->part_bytes[i] = shape->part_bytes[i];
        at += whole_pages(shape->part_bytes[i]);
    }
    c->slot_bytes = at;
    c->common_at = whole_pages(sizeof *c->head) + c->slots * c->slot_bytes;
    c->bytes = c->common_at + whole_pages(shape->common_bytes);
}

static int begin_anew(weft__fleet *c, const weft__fleet_shape *shape)
{
    int rc = map(c);
    if (rc == 0 && (c->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) rc = -errno;
    if (rc < 0) return rc;
    c->head->program = shape->program;
    c->head->layout = shape->layout;
    return 0;
}

/* Who has fewer workers than the program before keeps its slots: they are what it shares with it. */
unsigned weft__fleet_slots_of(unsigned workers, const weft__fleet_past *past)
{
    unsigned n = weft__fleet_slots_for(workers);
    return past && past->slots > n ? past->slots : n;
}

int weft__fleet_new(weft__fleet **out, const weft__fleet_shape *shape, const weft__fleet_past *past)
{
    bool valid = shape->workers >= 1 && shape->workers <= WEFT__FLEET_MAX, had = past && past->slots;
    weft__fleet *c = valid ? weft__calloc(sizeof *c) : NULL;
    if (!c && had) close_past(NULL, past);
    if (!c) return valid ? WEFT_ENOMEM : WEFT_EINVAL;
    c->mine = c->bell = c->memory_fd = -1;
    lay_out(c, shape, weft__fleet_slots_of(shape->workers, past));
    c->adopted = had && adopt(c, past, shape);
    bool heard = c->voices.count != 0;
    if (had) close_past(c, past);
    int rc = c->adopted ? 0 : begin_anew(c, shape);
    if (rc == 0 && !heard) rc = weft__voices_open(&c->voices, c->slots);
    if (rc == 0) *out = c;
    else weft__fleet_free(c);
    return rc;
}

void weft__fleet_free(weft__fleet *c)
{
    if (!c) return;
    if (c->bell >= 0) close(c->bell);
    if (c->memory_fd >= 0) close(c->memory_fd);
    weft__voices_close(&c->voices);
    weft__fleet_close_listeners(c);
    forget_memory(c);
    weft__free(c);
}

/* Of a memory that is new: slots whose voices workers of the program before have are theirs until they have ended. One that nobody waits for was left. */
void weft__fleet_welcome(weft__fleet *c, const pid_t *elders, unsigned count)
{
    for (unsigned i = 0; i < c->slots && !c->adopted; i++) {
        weft__voice *voice = weft__fleet_voice(c, i);
        unsigned k = 0;
        if (__atomic_load_n(&voice->state, __ATOMIC_ACQUIRE) == WEFT__VOICE_FREE) continue;
        while (k < count && elders[k] != __atomic_load_n(&voice->pid, __ATOMIC_RELAXED)) k++;
        if (k == count) {
            weft__voice_leave(voice);
            continue;
        }
        weft__fleet_slot(c, i)->pid = elders[k];
        __atomic_store_n(&weft__fleet_slot(c, i)->state, WEFT__FLEET_ELSEWHERE, __ATOMIC_RELEASE);
    }
}

int weft__fleet_add_listener(weft__fleet *c, int fd)
{
    if (c->listener_count == WEFT__FLEET_LISTENERS_MAX) return WEFT_ELIMIT;
    c->listeners[c->listener_count++] = fd;
    return 0;
}

void weft__fleet_close_listeners(weft__fleet *c)
{
    for (int i = 0; i < c->listener_count; i++) close(c->listeners[i]);
    c->listener_count = 0;
}

/* ---- of a worker ---- */

/* One whose loop has not turned for a second takes nobody, nor one without descriptors, and one that leaves must not. */
static bool takes_connections(const weft__ship *s, int64_t now_ns)
{
    if (__atomic_load_n(&s->state, __ATOMIC_RELAXED) != WEFT__FLEET_READY || __atomic_load_n(&s->deaf, __ATOMIC_RELAXED)) return false;
    return now_ns - __atomic_load_n(&s->beat_ns, __ATOMIC_RELAXED) < FRESH_MS * INT64_C(1000000);
}

int weft__fleet_ahead(const weft__fleet *c, unsigned connections, int64_t now_ns)
{
    unsigned least = connections;
    for (unsigned i = 0; i < c->slots; i++) {
        const weft__ship *s = weft__fleet_slot(c, i);
        if ((int)i == c->mine || !takes_connections(s, now_ns)) continue;
        unsigned n = __atomic_load_n(&s->connections, __ATOMIC_RELAXED);
        if (n < least) least = n;
    }
    if (connections <= least + least / SLACK_PART) return 0;
    return connections > least + least / 2 + MUCH_MORE ? AHEAD_MUCH_MS : AHEAD_MS;
}

void weft__fleet_ring(const weft__fleet *c) { weft__eventfd_ring(c->bell); }

void weft__fleet_ring_slot(const weft__fleet *c, unsigned i) { weft__voices_ring(&c->voices, i); }

void weft__fleet_ring_all(const weft__fleet *c)
{
    for (unsigned i = 0; i < c->slots; i++)
        if ((int)i != c->mine) weft__fleet_ring_slot(c, i);
}

/* ---- of a supervisor ---- */

void weft__fleet_heard_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < WEFT__FLEET_HEARD; i++) sigaddset(set, weft__fleet_heard[i]);
}

int weft__fleet_begin(weft__fleet *c)
{
    (void)c;
    sigset_t set;
    weft__fleet_heard_set(&set);
    signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal_fd < 0) return -errno;
    sigprocmask(SIG_BLOCK, &set, &mask_before);
    weft__held_end();
    /* A program that ignores the ends of its children would never be told of them. */
    signal(SIGCHLD, SIG_DFL);
    return 0;
}

void weft__fleet_end(weft__fleet *c)
{
    (void)c;
    if (signal_fd < 0) return;
    close(signal_fd);
    signal_fd = -1;
    sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

void weft__fleet_expect(weft__fleet *c, pid_t pid)
{
    if (c->child_count < (int)weft_count(c->children)) c->children[c->child_count++] = pid;
}

/* Somebody else may have waited for one: that is an end, too. */
static bool next_end(weft__fleet *c, weft__fleet_word *w)
{
    for (int i = 0; i < c->child_count; i++) {
        int status = 0;
        pid_t pid = c->children[i], got = waitpid(pid, &status, WNOHANG);
        if (got == 0 || (got < 0 && errno != ECHILD)) continue;
        c->children[i] = c->children[--c->child_count];
        *w = (weft__fleet_word){ .kind = WEFT__FLEET_ENDED, .pid = pid, .status = status };
        return true;
    }
    return false;
}

static bool next_signal(weft__fleet_word *w)
{
    struct signalfd_siginfo info;
    while (read(signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD) continue;
        *w = (weft__fleet_word){ .kind = WEFT__FLEET_SIGNAL, .signal = (int)info.ssi_signo, .by_terminal = info.ssi_code > 0 };
        return true;
    }
    return false;
}

weft__fleet_word weft__fleet_hear(weft__fleet *c, int timeout_ms)
{
    weft__fleet_word w = { WEFT__FLEET_NOTHING, 0, false, 0, 0 };
    uint64_t rung;
    /* Signals first: reading them takes SIGCHLD away, behind which there may be an end. */
    if (next_signal(&w) || next_end(c, &w)) return w;
    struct pollfd on[] = { { signal_fd, POLLIN, 0 }, { c->bell, POLLIN, 0 } };
    if (poll(on, weft_count(on), timeout_ms) <= 0) return w;
    if (read(c->bell, &rung, sizeof rung) < 0) { /* it was not the bell */ }
    if (!next_signal(&w)) (void)next_end(c, &w);
    return w;
}

/* More workers than processors share them. Then one that wakes up for a request leaves the other to end its turn, and has more to do in its own:
 * docs/decisions/0028. Its threads, and the programs it starts, take that over. Whoever was given another policy keeps it. */
static void share_processors(const weft__fleet *c)
{
    const struct sched_param none = { 0 };
    if (c->workers > (unsigned)weft__os_cores() && sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &none);
}

/* Handlers that the program had stay; those signals which the supervisor decides about stay away. */
static void settle(weft__fleet *c, unsigned slot, pid_t parent)
{
    sigset_t away;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);               /* it died before that */
    c->mine = (int)slot;
    close(c->memory_fd);
    close(c->voices.fd);
    c->memory_fd = c->voices.fd = -1;
    close(signal_fd);
    signal_fd = -1;
    away = mask_before;
    sigdelset(&away, SIGTERM);
    sigdelset(&away, SIGQUIT);
    sigdelset(&away, SIGUSR1);
    sigdelset(&away, SIGCHLD);
    sigaddset(&away, SIGINT);
    sigaddset(&away, SIGHUP);
    sigprocmask(SIG_SETMASK, &away, NULL);
    share_processors(c);
}

pid_t weft__fleet_fork(weft__fleet *c, unsigned slot, int (*work)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) return -errno;
    if (pid) weft__fleet_expect(c, pid);
    if (pid) return pid;
    settle(c, slot, parent);
    exit(work(arg));
}

void weft__fleet_kill(pid_t pid, int signal) { if (pid > 0) kill(pid, signal); }
