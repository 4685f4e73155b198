/* What makes a program's tasks visible while it runs: SIGQUIT, and a socket for other programs. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "os/jobs.h"
#include "task/census.h"
#include "task/inspect.h"

enum { NAMES_TRIED = 8 };

static void quit(weft__watch *w, uint32_t events)
{
    (void)events;
    weft__dump(((weft__visible *)w)->loop, &(weft_tasks_opts){ .stacks = true });
}

/* Without it SIGQUIT ends the program with a core, as it always did; so it does where somebody else has a use for it. */
static void watch_sigquit(weft__visible *v)
{
    weft__os *os = v->loop->os;
    if (!os->ops->jobs) return;
    v->door = os->ops->jobs->door_open(os, &v->quit);
    if (!v->door || weft__signal_door_open(SIGQUIT, v->door) == 0) return;
    os->ops->jobs->door_close(os, v->door);
    v->door = NULL;
}

static bool asked_for(bool inspect)
{
    const char *set = getenv("WEFT_INSPECT");
    return set && *set ? strcmp(set, "0") != 0 : inspect;
}

/* Process ids repeat between containers that share a network, and so do abstract names there. */
static int listen_somewhere(weft__visible *v, char *name, size_t room)
{
    int rc = 0;
    for (int i = 0; i < NAMES_TRIED; i++) {
        int n = snprintf(name, room, "unix:@weft-inspect/%d", weft__os_pid());
        if (i) snprintf(name + n, room - (size_t)n, ".%d", i);
        rc = weft__inspector_open(&v->inspector, v->loop, name);
        if (rc != -EADDRINUSE) break;
    }
    return rc;
}

void weft__visible_start(weft__visible *v, weft__loop *loop, bool inspect)
{
    char name[64];
    *v = (weft__visible){ .quit = { quit }, .loop = loop };
    watch_sigquit(v);
    if (!asked_for(inspect)) return;
    int rc = listen_somewhere(v, name, sizeof name);
    if (rc < 0) weft__say("weft: no socket to inspect tasks, %s: %s\n", name, weft__code_text(rc));
}

void weft__visible_stop(weft__visible *v)
{
    weft__census_say();
    weft__inspector_close(v->inspector);
    if (!v->door) return;
    weft__signal_door_close(SIGQUIT);
    weft__loop_forget(v->loop, &v->quit);
    v->loop->os->ops->jobs->door_close(v->loop->os, v->door);
}
