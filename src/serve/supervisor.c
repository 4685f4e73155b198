#include "serve/supervisor.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "os/crash.h"
#include "serve/poison.h"
#include "task/error.h"

enum {
    LOOK_MS = 500,                   /* between two looks at who is stuck */
    SUSPENDED_MS = 2000,             /* a look that comes so late says that everybody stood still, also the supervisor */
    START_MS = 60000,                /* to become ready, of a worker that others serve on for */
    SETTLED_MS = 1000,               /* all new workers have served, before those of the program before are told to go */
    LIVED_MS = 10000,                /* who lived as long did not fail at its start */
    AGAIN_MS = 100, AGAIN_MOST_MS = 30000,
    SERVED_AGAIN_MS = 500,           /* until who was ready is started again, at most: clients that can end workers are not to have all of them away */
    LOOP_FAILS = 5,
    URGED_MS = 200,
    STRUCK_MS = 2000,                /* to say where it is stuck */
    KILL_AGAIN_MS = 1000,
    STATUS_KILLED = 1, SIGNALS_PASSED_ON = 3
};

static void say(weft__supervisor *s, const char *fmt, ...) WEFT_PRINTF(2, 3);
static void say(weft__supervisor *s, const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    s->ops->say(s->ctx, line);
}

static weft__ship *member_of(const weft__supervisor *s, unsigned slot) { return weft__fleet_slot(s->fleet, slot); }
static weft__voice *voice_of(const weft__supervisor *s, unsigned slot) { return weft__fleet_voice(s->fleet, slot); }
static uint32_t state_of(const weft__supervisor *s, unsigned slot) { return __atomic_load_n(&member_of(s, slot)->state, __ATOMIC_ACQUIRE); }

/* ---- starting ---- */

/* The one that has been free for longest: what others still have to read of who was there before is read by then. */
static int free_slot(const weft__supervisor *s)
{
    int best = -1;
    for (unsigned i = 0; i < s->fleet->slots; i++)
        if (!s->processes[i].pid && !s->processes[i].is_read && state_of(s, i) == WEFT__FLEET_FREE && (best < 0 || s->processes[i].freed_ms < s->processes[best].freed_ms)) best = (int)i;
    return best;
}

static int64_t wait_ms(weft__supervisor *s, unsigned fails)
{
    int64_t ms = AGAIN_MS;
    if (fails < 2) return 0;
    for (unsigned i = 2; i < fails && ms < AGAIN_MOST_MS; i++) ms *= 2;
    if (ms > AGAIN_MOST_MS) ms = AGAIN_MOST_MS;
    return ms / 2 + (int64_t)(s->ops->random(s->ctx) % (uint64_t)ms);
}

static void clear(weft__ship *m, unsigned number)
{
    __atomic_store_n(&m->number, number, __ATOMIC_RELAXED);
    __atomic_store_n(&m->patient, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->replaced, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->beats, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->connections, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->requests, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->deaf, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->box.full, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->incarnation, m->incarnation + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&m->state, WEFT__FLEET_STARTING, __ATOMIC_RELEASE);
}

/* The slot, or -1: later, again_ms says when. */
static int start(weft__supervisor *s, unsigned number, int64_t now)
{
    weft__worker_place *w = &s->workers[number];
    int slot = free_slot(s);
    if (slot < 0) {
        w->again_ms = now + AGAIN_MS;                /* somebody who leaves makes room */
        return -1;
    }
    clear(member_of(s, (unsigned)slot), number);
    weft__voice_take(voice_of(s, (unsigned)slot));
    pid_t pid = s->ops->start(s->ctx, (unsigned)slot);
    if (pid < 0) {
        __atomic_store_n(&member_of(s, (unsigned)slot)->state, WEFT__FLEET_FREE, __ATOMIC_RELEASE);
        weft__voice_leave(voice_of(s, (unsigned)slot));
        w->fails++;
        w->again_ms = now + wait_ms(s, w->fails + 1);
        say(s, "worker %u could not be started: %s; tried again in %lld ms", number, weft__code_text(pid), (long long)(w->again_ms - now));
        return -1;
    }
    __atomic_store_n(&member_of(s, (unsigned)slot)->pid, pid, __ATOMIC_RELAXED);
    weft__voice_is_of(voice_of(s, (unsigned)slot), pid);
    s->processes[slot] = (weft__server_process){ .pid = pid, .number = number, .began_ms = now };
    w->again_ms = -1;
    return slot;
}

/* ---- telling to stop ---- */

/* When who is told now is killed. */
static int64_t end_at(const weft__supervisor *s, int64_t now) { return (s->ending && s->stop_came_ms ? s->stop_came_ms : now) + s->end_ms; }

static void tell(weft__supervisor *s, unsigned slot, bool patient, int64_t now)
{
    weft__server_process *p = &s->processes[slot];
    __atomic_store_n(&member_of(s, slot)->patient, patient, __ATOMIC_RELEASE);
    if (patient) __atomic_store_n(&member_of(s, slot)->replaced, 1, __ATOMIC_RELEASE);
    p->told = true;
    if (!p->kill_ms) p->kill_ms = end_at(s, now);
    s->ops->signal(s->ctx, p->pid, SIGTERM);
}

/* Is this its slot? */
static bool is_of_this_fleet(const weft__supervisor *s, pid_t pid, unsigned slot)
{
    const weft__ship *m = member_of(s, slot);
    return !s->processes[slot].pid && __atomic_load_n(&m->pid, __ATOMIC_RELAXED) == pid && state_of(s, slot) != WEFT__FLEET_FREE;
}

/* The slot of an elder that sees what is said there; NULL: it is of another fleet. */
static weft__ship *slot_of(const weft__supervisor *s, pid_t pid)
{
    for (unsigned i = 0; i < s->fleet->slots; i++)
        if (is_of_this_fleet(s, pid, i)) return state_of(s, i) == WEFT__FLEET_ELSEWHERE ? NULL : member_of(s, i);
    return NULL;
}

static void tell_elder(weft__supervisor *s, unsigned i, int64_t now)
{
    if (s->elders[i].told) return;
    s->elders[i].told = true;
    weft__ship *slot = slot_of(s, s->elders[i].pid);
    s->elders[i].urged = slot && s->ending;          /* it sees that all end, and a second signal would hurry it */
    if (slot && !s->ending) __atomic_store_n(&slot->replaced, 1, __ATOMIC_RELEASE);
    s->elders[i].told_ms = now;
    s->elders[i].kill_ms = end_at(s, now);
    s->ops->signal(s->ctx, s->elders[i].pid, SIGTERM);
}

/* An elder takes its first signal for a wish to be replaced, and is patient with its clients; the second one says that all stop. It comes
 * apart from the first, or they were one. */
static void urge_elders(weft__supervisor *s, int64_t now)
{
    for (unsigned i = 0; i < s->elder_count; i++) {
        if (!s->elders[i].told || s->elders[i].urged || now - s->elders[i].told_ms < URGED_MS) continue;
        s->elders[i].urged = true;
        s->ops->signal(s->ctx, s->elders[i].pid, SIGTERM);
    }
}

void weft__supervisor_begin(weft__supervisor *s, int64_t now)
{
    s->looked_ms = now;
    for (unsigned i = 0; i < s->elder_count; i++)
        if (s->elders[i].goes) tell_elder(s, i, now);
    for (unsigned n = 1; n <= s->fleet->workers; n++) {
        s->workers[n] = (weft__worker_place){ .slot = -1, .successor = -1, .again_ms = -1 };
        s->workers[n].slot = start(s, n, now);
    }
}

static void begin_end(weft__supervisor *s, int64_t now)
{
    s->ending = true;
    __atomic_store_n(&s->fleet->head->ending, 1, __ATOMIC_RELEASE);
    s->ops->ends(s->ctx);
    for (unsigned i = 0; i < s->fleet->slots; i++)
        if (s->processes[i].pid) tell(s, i, false, now);
    urge_elders(s, now);
    for (unsigned i = 0; i < s->elder_count; i++) tell_elder(s, i, now);
}

static void all_signal(weft__supervisor *s, int signal)
{
    for (unsigned i = 0; i < s->fleet->slots; i++)
        if (s->processes[i].pid) s->ops->signal(s->ctx, s->processes[i].pid, signal);
    for (unsigned i = 0; i < s->elder_count; i++) s->ops->signal(s->ctx, s->elders[i].pid, signal);
}

/* Whoever begins has no handler for it yet, and would end by it. */
static void ready_signal(weft__supervisor *s, int signal)
{
    for (unsigned i = 0; i < s->fleet->slots; i++)
        if (s->processes[i].pid && s->processes[i].ready) s->ops->signal(s->ctx, s->processes[i].pid, signal);
    for (unsigned i = 0; i < s->elder_count; i++) s->ops->signal(s->ctx, s->elders[i].pid, signal);
}

static void stop(weft__supervisor *s, int64_t now)
{
    if (++s->stops == 1) begin_end(s, now);
    else if (s->stops <= SIGNALS_PASSED_ON) all_signal(s, SIGTERM);
}

static void signalled(weft__supervisor *s, const weft__fleet_word *w, int64_t now)
{
    bool hangup = w->signal == SIGHUP && w->by_terminal;
    if (w->signal == SIGTERM || w->signal == SIGINT || hangup) stop(s, now);
    else if (w->signal == SIGHUP && !s->ending) s->ops->reload(s->ctx);
    else if (w->signal != SIGHUP && !w->by_terminal) ready_signal(s, w->signal);
}

/* ---- who ended, and why ---- */

static void blame(weft__supervisor *s, const weft__black_box *box, int64_t now)
{
    if (weft__poison_blame(s->fleet->head, box->mark, now * 1000000))
        say(s, "%.*s has crashed two workers: this very request is refused with 503 for the next 10 minutes", (int)sizeof box->work - 1, box->work[0] ? box->work : "a request");
}

/* Whoever waits for a worker that wishes to go has its start postponed the same way. */
static void start_due(weft__supervisor *s, int64_t now)
{
    for (unsigned n = 1; n <= s->fleet->workers && !s->ending; n++) {
        weft__worker_place *w = &s->workers[n];
        if (w->again_ms < 0 || now < w->again_ms) continue;
        w->again_ms = -1;
        if (w->slot < 0) w->slot = start(s, n, now);
        else if (w->successor < 0) w->successor = start(s, n, now);
    }
}

/* ---- the end of one ---- */

static void say_end(weft__supervisor *s, const weft__server_process *p, int status, int64_t now)
{
    char room[24];
    double lived = (double)(now - p->began_ms) / 1000;
    if (WIFSIGNALED(status))
        say(s, "worker %u (pid %d) was ended by %s after %.1f s", p->number, (int)p->pid, weft__signal_name(WTERMSIG(status), room), lived);
    else say(s, "worker %u (pid %d) ended with status %d after %.1f s", p->number, (int)p->pid, WEXITSTATUS(status), lived);
}

static void again(weft__supervisor *s, const weft__server_process *p, int64_t now)
{
    weft__worker_place *w = &s->workers[p->number];
    w->fails = now - p->began_ms >= LIVED_MS ? 1 : w->fails + 1;
    int64_t wait = wait_ms(s, w->fails);
    if (p->ready && wait > SERVED_AGAIN_MS) wait = SERVED_AGAIN_MS;
    w->again_ms = now + wait;
    __atomic_store_n(&s->fleet->head->restarts, s->fleet->head->restarts + 1, __ATOMIC_RELAXED);
    if (w->fails >= LOOP_FAILS)
        say(s, "worker %u has ended %u times in a row, each time within 10 s: it is started again in %.1f s", p->number, w->fails, (double)wait / 1000);
}

/* A worker that says at the very first start that it cannot: so would all others, unless one serves. */
static bool cannot_start(const weft__supervisor *s, const weft__server_process *p, int status)
{
    return !s->ready_once && !s->elder_count && !p->ready && WIFEXITED(status) && WEXITSTATUS(status) > 0;
}

/* Those of the program before are still wanted. */
unsigned weft__supervisor_elders_that_serve(const weft__supervisor *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->elder_count; i++) n += !s->elders[i].told && !s->elders[i].struck;
    return n;
}

static bool elders_serve(const weft__supervisor *s) { return !s->announced && !s->ending && weft__supervisor_elders_that_serve(s); }

/* By their own word: an end may be heard of before anybody has looked at who is ready. */
static void say_who_serves(weft__supervisor *s)
{
    unsigned ready = 0;
    for (unsigned n = 1; n <= s->fleet->workers; n++) ready += s->workers[n].slot >= 0 && state_of(s, (unsigned)s->workers[n].slot) >= WEFT__FLEET_READY;
    say(s, "the program is not replaced yet: %u of its %u new workers serve; the %u of the program before serve on until all do", ready, s->fleet->workers, weft__supervisor_elders_that_serve(s));
}

static void ended_unasked(weft__supervisor *s, unsigned slot, const weft__server_process *p, int status, int64_t now)
{
    weft__worker_place *w = &s->workers[p->number];
    if (cannot_start(s, p, status)) {
        s->status = WEXITSTATUS(status);
        begin_end(s, now);
        return;
    }
    say_end(s, p, status, now);
    s->all_ready_ms = 0;
    if (w->successor == (int)slot) w->successor = -1;
    else if (w->successor >= 0) {                    /* its place is taken already */
        w->slot = w->successor;
        w->successor = -1;
        return;
    } else w->slot = -1;
    again(s, p, now);
    if (elders_serve(s) && (w->fails == 1 || w->fails % LOOP_FAILS == 0)) say_who_serves(s);
}

/* The slot is anybody's. */
static void leave(weft__supervisor *s, unsigned slot, int64_t now)
{
    weft__ship *m = member_of(s, slot);
    s->processes[slot] = (weft__server_process){ .freed_ms = now };
    __atomic_store_n(&m->pid, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->connections, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->state, WEFT__FLEET_FREE, __ATOMIC_RELEASE);
    weft__voice_leave(voice_of(s, slot));
    weft__fleet_ring_all(s->fleet);
}

static void died(weft__supervisor *s, unsigned slot, int status, int64_t now)
{
    weft__server_process p = s->processes[slot];
    weft__ship *m = member_of(s, slot);
    bool boxed = __atomic_load_n(&m->box.full, __ATOMIC_ACQUIRE);
    leave(s, slot, now);
    s->processes[slot].is_read = boxed;
    if (boxed && !p.struck) blame(s, &m->box, now);      /* what was stuck was ended by us, and may be stuck for no fault of the request */
    if (s->ending) {
        bool failed = WIFEXITED(status) ? WEXITSTATUS(status) != 0 : WTERMSIG(status) != SIGTERM;
        if (failed && !s->status) s->status = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_KILLED;
        if (failed && WIFSIGNALED(status)) say_end(s, &p, status, now);
    } else if (!p.told) ended_unasked(s, slot, &p, status, now);
    else if (!WIFEXITED(status) || WEXITSTATUS(status)) say_end(s, &p, status, now);
    start_due(s, now);                               /* names of a stack take their time */
    if (boxed) s->ops->tell_stack(s->ctx, p.number, p.pid, &m->box);
    s->processes[slot].is_read = false;
}

/* Of one that had a slot here. */
static void free_elder(weft__supervisor *s, pid_t pid, int64_t now)
{
    for (unsigned i = 0; i < s->fleet->slots; i++) {
        weft__ship *m = member_of(s, i);
        if (!is_of_this_fleet(s, pid, i)) continue;
        /* SIGABRT is how the program before ends what is stuck. */
        if (__atomic_load_n(&m->box.full, __ATOMIC_ACQUIRE) && m->box.signal != SIGABRT) blame(s, &m->box, now);
        leave(s, i, now);
    }
}

static void elder_died(weft__supervisor *s, unsigned i, int status, int64_t now)
{
    char room[24];
    free_elder(s, s->elders[i].pid, now);
    if (WIFEXITED(status) && WEXITSTATUS(status)) say(s, "a worker of the program before (pid %d) ended with status %d", (int)s->elders[i].pid, WEXITSTATUS(status));
    bool unasked = WIFSIGNALED(status) && !(s->elders[i].goes && WTERMSIG(status) == SIGTERM);      /* it had no handler for that yet */
    if (unasked) say(s, "a worker of the program before (pid %d) was ended by %s", (int)s->elders[i].pid, weft__signal_name(WTERMSIG(status), room));
    s->elders[i] = s->elders[--s->elder_count];
}

void weft__supervisor_heard(weft__supervisor *s, const weft__fleet_word *w, int64_t now)
{
    if (w->kind == WEFT__FLEET_SIGNAL) signalled(s, w, now);
    if (w->kind != WEFT__FLEET_ENDED) return;
    for (unsigned i = 0; i < s->fleet->slots; i++) {
        if (s->processes[i].pid != w->pid) continue;
        died(s, i, w->status, now);
        return;
    }
    for (unsigned i = 0; i < s->elder_count; i++) {
        if (s->elders[i].pid != w->pid) continue;
        elder_died(s, i, w->status, now);
        return;
    }
}

/* ---- looking ---- */

static void became_ready(weft__supervisor *s, unsigned slot, int64_t now)
{
    weft__server_process *p = &s->processes[slot];
    weft__worker_place *w = &s->workers[p->number];
    p->ready = true;
    s->ready_once++;
    if (w->successor == (int)slot) {
        int before = w->slot;
        w->slot = (int)slot;
        w->successor = -1;
        if (before >= 0 && s->processes[before].pid) tell(s, (unsigned)before, true, now);
    }
}

static void strike(weft__supervisor *s, weft__server_process *p, int64_t now)
{
    p->struck = true;
    p->kill_ms = now + STRUCK_MS;
    s->ops->signal(s->ctx, p->pid, SIGABRT);
}

/* A first start may take as long as it takes; in one that others serve on for, who hangs is tried again. */
static void look_at_start(weft__supervisor *s, weft__server_process *p, int64_t now)
{
    if (p->ready || p->told || p->slow || now - p->began_ms < START_MS) return;
    p->slow = true;
    say(s, "worker %u (pid %d) has not started within %d s%s", p->number, (int)p->pid, START_MS / 1000,
        elders_serve(s) ? " and is started anew; the workers of the program before serve on" : "; it is waited for");
    if (elders_serve(s) && !p->struck) strike(s, p, now);
}

static void look_at(weft__supervisor *s, unsigned slot, int64_t elapsed, int64_t now)
{
    weft__server_process *p = &s->processes[slot];
    uint64_t beats = __atomic_load_n(&member_of(s, slot)->beats, __ATOMIC_RELAXED);
    uint32_t state = state_of(s, slot);
    if (!p->ready && state >= WEFT__FLEET_READY) became_ready(s, slot, now);
    p->still_ms = beats == p->beats ? p->still_ms + elapsed : 0;
    p->beats = beats;
    if (s->stuck_ms && p->still_ms >= s->stuck_ms && !p->struck) {
        say(s, "worker %u (pid %d) has been stuck for %d s and is replaced", p->number, (int)p->pid, (int)(p->still_ms / 1000));
        strike(s, p, now);
    }
    look_at_start(s, p, now);
    weft__worker_place *w = &s->workers[p->number];
    if (state == WEFT__FLEET_WISHES && w->slot == (int)slot && w->successor < 0 && w->again_ms < 0 && !p->told && !s->ending)
        w->successor = start(s, p->number, now);
}

/* Its beats are known where its voice is. */
static void look_at_elder(weft__supervisor *s, weft__elder *e, int64_t elapsed, int64_t now)
{
    const weft__voice *voice = NULL;
    for (unsigned i = 0; i < s->fleet->slots && !voice; i++)
        if (is_of_this_fleet(s, e->pid, i)) voice = voice_of(s, i);
    if (!voice) return;
    uint64_t beats = __atomic_load_n(&voice->beats, __ATOMIC_RELAXED);
    e->still_ms = beats == e->beats ? e->still_ms + elapsed : 0;
    e->beats = beats;
    if (!s->stuck_ms || e->still_ms < s->stuck_ms || e->struck) return;
    e->struck = true;
    e->kill_ms = now + STRUCK_MS;
    say(s, "a worker of the program before (pid %d) has been stuck for %d s and is ended", (int)e->pid, (int)(e->still_ms / 1000));
    s->ops->signal(s->ctx, e->pid, SIGABRT);
}

static bool all_are_ready(const weft__supervisor *s)
{
    for (unsigned n = 1; n <= s->fleet->workers; n++)
        if (s->workers[n].slot < 0 || !s->processes[s->workers[n].slot].ready) return false;
    return true;
}

static void kill_due(weft__supervisor *s, int64_t now)
{
    for (unsigned i = 0; i < s->fleet->slots; i++) {
        weft__server_process *p = &s->processes[i];
        if (!p->pid || !p->kill_ms || now < p->kill_ms) continue;
        if (!p->struck) say(s, "worker %u (pid %d) does not end, and is killed", p->number, (int)p->pid);
        p->struck = true;
        p->kill_ms = now + KILL_AGAIN_MS;
        s->ops->signal(s->ctx, p->pid, SIGKILL);
    }
    for (unsigned i = 0; i < s->elder_count; i++) {
        weft__elder *e = &s->elders[i];
        if (!e->kill_ms || now < e->kill_ms) continue;
        if (!e->struck) say(s, "a worker of the program before (pid %d) does not end, and is killed", (int)e->pid);
        e->struck = true;
        e->kill_ms = now + KILL_AGAIN_MS;
        s->ops->signal(s->ctx, e->pid, SIGKILL);
    }
}

static bool anybody(const weft__supervisor *s)
{
    if (s->elder_count) return true;
    for (unsigned i = 0; i < s->fleet->slots; i++)
        if (s->processes[i].pid) return true;
    return false;
}

static int64_t sooner(int64_t a, int64_t b) { return a < b ? a : b; }

static int next_look(const weft__supervisor *s, int64_t now)
{
    int64_t at = now + LOOK_MS;
    for (unsigned n = 1; n <= s->fleet->workers; n++)
        if (s->workers[n].again_ms >= 0) at = sooner(at, s->workers[n].again_ms);
    for (unsigned i = 0; i < s->fleet->slots; i++)
        if (s->processes[i].pid && s->processes[i].kill_ms) at = sooner(at, s->processes[i].kill_ms);
    for (unsigned i = 0; i < s->elder_count; i++) {
        if (s->ending && !s->elders[i].urged) at = sooner(at, s->elders[i].told_ms + URGED_MS);
        if (s->elders[i].kill_ms) at = sooner(at, s->elders[i].kill_ms);
    }
    if (s->all_ready_ms && !s->announced) at = sooner(at, s->all_ready_ms + SETTLED_MS);
    return at > now ? (int)(at - now) : 0;
}

/* There is no way back from a told elder: whoever crashes at once, or when it is asked for the first time, is to do so before. */
static void announce(weft__supervisor *s, int64_t now)
{
    if (!all_are_ready(s)) s->all_ready_ms = 0;
    else if (!s->all_ready_ms) s->all_ready_ms = now;
    if (!s->all_ready_ms || (s->elder_count && now - s->all_ready_ms < SETTLED_MS)) return;
    s->announced = true;
    for (unsigned i = 0; i < s->elder_count; i++) tell_elder(s, i, now);
    s->ops->all_ready(s->ctx);
}

int weft__supervisor_look(weft__supervisor *s, int64_t now)
{
    int64_t elapsed = now - s->looked_ms;
    s->looked_ms = now;
    if (elapsed > SUSPENDED_MS) elapsed = 0;
    for (unsigned i = 0; i < s->fleet->slots; i++)
        if (s->processes[i].pid) look_at(s, i, elapsed, now);
    for (unsigned i = 0; i < s->elder_count; i++) look_at_elder(s, &s->elders[i], elapsed, now);
    start_due(s, now);
    if (s->ending) urge_elders(s, now);
    kill_due(s, now);
    if (!s->announced && !s->ending) announce(s, now);
    s->over = s->ending && !anybody(s);
    return s->over ? 0 : next_look(s, now);
}
