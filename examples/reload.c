/* A program that reads its settings again on SIGHUP while its work goes on, and ends on SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <weft.h>

typedef struct settings { int version; } settings;

static int reload(settings *const *s)
{
    WEFT_SIGNALS(hangups);
    WEFT_TRY(weft_signals_open(&hangups, SIGHUP));
    printf("process %d works with settings 1\n", (int)getpid());
    fflush(stdout);
    for (;;) {
        WEFT_TRY(weft_signals_next(hangups));
        printf("settings %d\n", ++(*s)->version);
        fflush(stdout);
    }
}

static int work(settings *const *s)
{
    for (;;) {
        int with = (*s)->version;
        WEFT_TRY(weft_sleep_ms(20));
        if ((*s)->version != with) printf("works with settings %d\n", (*s)->version);
        fflush(stdout);
    }
}

static int program(void)
{
    settings now = { 1 }, *s = &now;
    WEFT_SCOPE(tasks);
    weft_spawn(tasks, reload, &s);
    weft_spawn(tasks, work, &s);
    int rc = weft_join(tasks);
    if (rc == WEFT_ECANCELED) printf("ended\n");
    return rc == WEFT_ECANCELED ? 0 : rc;
}

int main(void) { return weft_run(program); }
