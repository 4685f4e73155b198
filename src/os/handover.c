/* What a program hands to the one that is run in its place. */
#include "os/handover.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "os/elders.h"
#include "os/held.h"
#include "os/stderr.h"

static const int64_t STOP_MS_MOST = INT64_C(1) << 40;
/* Of the text: another one when it says something else, so that no weft takes the words of another one for its own. A letter first, which those without a form refuse. */
#define FORM "v2:"

/* ---- as text ---- */

bool weft__handover_format(const char *name, const weft__handover *h, char *to, size_t room)
{
    size_t n = (size_t)snprintf(to, room, "%s=" FORM "%s", name, h->given ? "=" : "");
    for (int i = 0; i < h->fd_count && n < room; i++) n += (size_t)snprintf(to + n, room - n, "%s%d", i ? "," : "", h->fds[i]);
    if (n < room) n += (size_t)snprintf(to + n, room - n, ";");
    for (int i = 0; i < h->elder_count && n < room; i++) {
        const weft__elder_left *e = &h->elders[i];
        n += (size_t)snprintf(to + n, room - n, "%s%d%s", i ? "," : "", (int)e->pid, e->told ? "!" : e->goes ? "-" : "");
        if (e->told && n < room) n += (size_t)snprintf(to + n, room - n, "%lld", (long long)e->kill_ms);
        if (e->age && n < room) n += (size_t)snprintf(to + n, room - n, "+%d", e->age);
    }
    if (n < room) n += (size_t)snprintf(to + n, room - n, ";%lld", (long long)h->stop_ms);
    const weft__fleet_past *p = &h->past;
    if (p->slots && n < room) n += (size_t)snprintf(to + n, room - n, ";%llx,%d,%d,%d", (unsigned long long)p->at, p->memory, p->bell, p->voices);
    for (unsigned i = 0; i < p->slots && n < room; i++) n += (size_t)snprintf(to + n, room - n, ",%d", p->bells[i]);
    return n < room;
}

static bool take_fds(const char **at, weft__handover *h)
{
    while (**at && **at != ';') {
        char *end;
        long fd = strtol(*at, &end, 10);
        if (end == *at || fd < 3 || fd > INT32_MAX || h->fd_count == WEFT__FLEET_LISTENERS_MAX) return false;
        if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) return false;
        h->fds[h->fd_count++] = (int)fd;
        *at = *end == ',' ? end + 1 : end;
    }
    return **at == ';';
}

static bool take_age(const char **at, weft__elder_left *e)
{
    char *end;
    if (**at != '+') return true;
    long age = strtol(*at + 1, &end, 10);
    if (end == *at + 1 || age < 0 || age >= INT32_MAX) return false;
    e->age = (int)age;
    *at = end;
    return true;
}

/* "pid", "pid!kill_ms" or "pid-", each with "+age" or without. */
static bool take_pid(const char **at, weft__elder_left *e)
{
    char *end;
    long pid = strtol(*at, &end, 10);
    if (end == *at || pid <= 1 || pid > INT32_MAX) return false;
    *e = (weft__elder_left){ .pid = (pid_t)pid, .told = *end == '!', .goes = *end == '-' };
    *at = end + (e->told || e->goes);
    if (e->told) e->kill_ms = strtoll(*at, &end, 10);
    bool good = !e->told || (end > *at && e->kill_ms >= 0 && e->kill_ms < INT64_MAX);
    if (e->told) *at = end;
    return good && take_age(at, e);
}

static bool take_pids(const char **from, weft__handover *h)
{
    const char *at = *from;
    while (*at && *at != ';') {
        if (h->elder_count == WEFT__FLEET_SLOTS_MAX || !take_pid(&at, &h->elders[h->elder_count++])) return false;
        if (*at && *at != ',' && *at != ';') return false;
        if (*at == ',') at++;
    }
    *from = at;
    return true;
}

static bool take_stop(const char **from, weft__handover *h)
{
    char *end;
    if (**from != ';') return false;
    h->stop_ms = strtoll(*from + 1, &end, 10);
    bool good = end > *from + 1 && h->stop_ms >= 0 && h->stop_ms <= STOP_MS_MOST;
    *from = end;
    return good;
}

static bool take_fd(const char **at, int *fd)
{
    char *end;
    long n = **at == ',' ? strtol(*at + 1, &end, 10) : -1;
    if (n < 3 || n > INT32_MAX || fcntl((int)n, F_SETFD, FD_CLOEXEC) < 0) return false;
    *fd = (int)n;
    *at = end;
    return true;
}

/* Nothing, or all of it. */
static bool take_memory(const char *at, weft__fleet_past *past)
{
    char *end;
    if (!*at) return true;
    past->at = strtoull(at + 1, &end, 16);
    at = end;
    if (!take_fd(&at, &past->memory) || !take_fd(&at, &past->bell) || !take_fd(&at, &past->voices)) return false;
    while (*at && past->slots < WEFT__FLEET_SLOTS_MAX && take_fd(&at, &past->bells[past->slots])) past->slots++;
    return !*at && past->slots;
}

bool weft__handover_take(const char *name, weft__handover *out)
{
    const char *set = getenv(name);
    weft__handover h = { .fd_count = 0 };
    if (!set) return false;
    bool good = strncmp(set, FORM, strlen(FORM)) == 0;
    if (good) set += strlen(FORM);
    h.given = *set == '=';
    if (h.given) set++;
    good = good && take_fds(&set, &h);
    set += good;
    good = good && take_pids(&set, &h) && take_stop(&set, &h) && take_memory(set, &h.past);
    unsetenv(name);
    if (good) *out = h;
    return good;
}

/* ---- before main, and behind it ---- */

#define FIRST 101                        /* of those that a program may have */

static weft__handover early;
static weft__handed early_kind;
static pid_t early_owner;                /* not a child of it, which may have been forked behind our back */

/* It would have them for as long as it lives, and whoever connects would wait for it. */
static void forget(void)
{
    int fds[WEFT__HANDOVER_FDS_MAX], n = early_kind == WEFT__HANDED_NOTHING ? 0 : weft__handover_fds(&early, fds);
    for (int i = 0; i < n; i++) close(fds[i]);
    if (early_kind == WEFT__HANDED_OVER) weft__held_forget();
    early_kind = WEFT__HANDED_NOTHING;
}

/* Main has ended, or what it calls: workers that serve would end with this process, and what they are asked with them. Registered before any of the program's, it is done
 * behind all of these. */
static void end_early(void)
{
    if (early_kind != WEFT__HANDED_OVER || early_owner != getpid()) return;
    weft__elders_leave();
    early_kind = WEFT__HANDED_NOTHING;
    weft__elders_end(&early);
}

/* A trial of it would be a program of its own, whose port is taken. */
static void refuse(bool trial)
{
    static const char text[] = "weft: what the program before hands over is not understood: it is of another version of weft, which this one cannot replace while it runs; "
        "stop it, and start this one\n";
    (void)weft__os_stderr_try(text, sizeof text - 1);
    if (trial) _exit(1);
}

/* Children of main have no part in it. Before other constructors, of which one may take long: until here no stop is heard. */
__attribute__((constructor(FIRST))) static void take_early(void)
{
    bool over = getenv(WEFT__HANDOVER_NAME), trial = !over && getenv(WEFT__TRIAL_NAME);
    if (weft__handover_take(WEFT__HANDOVER_NAME, &early)) early_kind = WEFT__HANDED_OVER;
    else if (weft__handover_take(WEFT__TRIAL_NAME, &early)) early_kind = WEFT__HANDED_TRIAL;
    else if (over || trial) refuse(trial);
    weft__exec_remember(early_kind != WEFT__HANDED_NOTHING);
    if (early_kind == WEFT__HANDED_NOTHING) return;
    (void)pthread_atfork(NULL, NULL, forget);
    if (early_kind != WEFT__HANDED_OVER) return;
    weft__elders_watch(&early);
    early_owner = getpid();
    (void)atexit(end_early);
}

weft__handed weft__handed_kind(void) { return early_kind; }

bool weft__handed_take(weft__handed kind, weft__handover *out)
{
    if (kind != early_kind || kind == WEFT__HANDED_NOTHING) return false;
    if (kind == WEFT__HANDED_OVER) weft__elders_leave();
    *out = early;
    early_kind = WEFT__HANDED_NOTHING;
    return true;
}

int weft__handover_fds(const weft__handover *h, int fds[WEFT__HANDOVER_FDS_MAX])
{
    int n = 0;
    for (int i = 0; i < h->fd_count; i++) fds[n++] = h->fds[i];
    if (!h->past.slots) return n;
    fds[n++] = h->past.memory;
    fds[n++] = h->past.bell;
    fds[n++] = h->past.voices;
    for (unsigned i = 0; i < h->past.slots; i++) fds[n++] = h->past.bells[i];
    return n;
}
