/* weft_run: a loop for a program that is no server. */
#include <stdio.h>
#include <stdlib.h>
#include "os/os.h"
#include "task/inspect.h"
#include "task/offload.h"
#include "task/process.h"
#include "task/preload.h"
#include "task/watchdog.h"

typedef struct interrupt { weft__watch watch; weft__loop *loop; weft__timer stuck; } interrupt;

enum { STUCK_AGAIN_MS = 1000 };
int weft__run_stuck_ms = 10 * 1000;

static void look_again(interrupt *i, int ms)
{
    weft__timer_start_kept(i->loop, &i->stuck, weft__loop_clock(i->loop) + ms * INT64_C(1000000));
}

/* A thread cannot be stopped: a program that was told to end does not wait for one for ever. */
static void stuck(weft__timer *t)
{
    interrupt *i = (interrupt *)((char *)t - offsetof(interrupt, stuck));
    if (weft__offload_say_stuck(i->loop, weft__run_stuck_ms * INT64_C(1000000))) weft__os_end(1);
    look_again(i, STUCK_AGAIN_MS);
}

static void interrupted(weft__watch *w, uint32_t count)
{
    interrupt *i = (interrupt *)w;
    if (count > 1) {
        weft__say("weft: second signal, ended at once\n");
        weft__os_end(130);
    }
    weft__loop_stop(i->loop);
    look_again(i, weft__run_stuck_ms + 1);
}

int (*weft__run_instead)(weft_call call);

int weft__run_tell(weft__loop *loop, const char *program, int rc)
{
    if (rc >= 0) {
        weft__left_say(loop, program);
        return 0;
    }
    const weft_error *e = weft_error_of(rc);
    weft__plain_line text;
    fprintf(stderr, "weft: %s failed: %s%s%s\n", program, weft__plain_text(&text, e->text), *e->trace ? "\n" : "", e->trace);
    return 1;
}

static int run_on(weft__os *os, weft_call call)
{
    weft__loop *loop = weft__loop_new(os);
    if (!loop || weft__timer_keep(loop) < 0) {
        weft__loop_free(loop);
        fputs("weft: no memory for a loop\n", stderr);
        return 1;
    }
    interrupt i = { .watch = { interrupted }, .loop = loop, .stuck.fire = stuck };
    if (os->ops->signals(os, &i.watch) < 0) fputs("weft: signals cannot be watched; SIGINT ends the program at once\n", stderr);
    weft__visible visible;
    weft__visible_start(&visible, loop, false);
    weft__blocking_calls_watch();
    weft__watchdog *dog = weft__watchdog_start(loop, weft__watchdog_limit(0), NULL, NULL);
    int rc = weft__loop_run(loop, call);
    weft__watchdog_stop(dog);
    weft__visible_stop(&visible);
    int status = weft__run_tell(loop, call.name, rc);
    os->ops->signals(os, NULL);
    weft__loop_free(loop);
    return status;
}

int weft_run_with(weft_call call)
{
    if (weft__loop_here()) {
        fputs("weft: weft_run inside of weft_run: call the function itself\n", stderr);
        return 1;
    }
    if (weft__run_instead) return weft__run_instead(call);
    weft__process_begin();                            /* before there is anything that a fork would copy */
    weft__os *os = weft__os_linux_new();
    int status = 1;
    if (os) {
        status = run_on(os, call);
        os->ops->free(os);
    } else fputs("weft: no epoll or no memory for it\n", stderr);
    weft__process_end();
    return status;
}
