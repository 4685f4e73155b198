/* What the texts about asynchronous programming promise, measured: the same HTTP calls one after the other, then
 * at once, to a service that takes its time. It is a weft program too, in a process of its own. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weft.h>

/* ---- the service: GET /wait/{ms} ---- */

WEFT_MODEL(Waited, field(int, ms));
WEFT_INPUT(wait_in, path(int, ms, .range = { 0, 60000 }));

static int wait_ms(const wait_in *in, Waited *out)
{
    WEFT_TRY(weft_sleep_ms(in->ms));
    out->ms = in->ms;
    return 0;
}

static const weft_app service = { .routes = WEFT_ROUTES(WEFT_GET("/wait/{ms}", wait_ms, wait_in, Waited)) };

static void serve(int out)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);    /* it ends with us, whatever ends us */
    dup2(out, STDOUT_FILENO);
    _exit(weft_serve(&service, .port = -1, .grace_ms = 1));
}

static char url[64];

/* Its process; the line that it prints when it listens tells its URL. -1 when it does not come to that. */
static pid_t service_start(void)
{
    int ends[2];
    pid_t pid = pipe(ends) < 0 ? -1 : fork();
    if (pid < 0) return perror("claims: cannot start the service"), -1;
    if (pid == 0) serve(ends[1]);
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    int found = said ? fscanf(said, "weft: listening on %63s", url) : 0;
    if (said) fclose(said);
    if (found == 1) return pid;
    fputs("claims: the service ended before it listened\n", stderr);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return -1;
}

/* ---- the calls ---- */

static int call_service(const int *ms, Waited *out) { return weft_fetch(Waited, out, "{+}/wait/{}", url, *ms); }

static int one_after_the_other(const int *ms, int n)
{
    Waited answer;
    for (int i = 0; i < n; i++) WEFT_TRY(call_service(&ms[i], &answer));
    return 0;
}

static int at_once(const int *ms, int n)
{
    Waited answers[8];
    weft_call calls[8];
    for (int i = 0; i < n; i++) calls[i] = weft_call(call_service, &ms[i], &answers[i]);
    return weft_gather_n(calls, (size_t)n);
}

/* ---- the figures ---- */

typedef struct claim { const char *what; int ms[8], n; } claim;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int measure(const claim *c)
{
    double began = now_s();
    WEFT_TRY(one_after_the_other(c->ms, c->n));
    double turns = now_s() - began;
    began = now_s();
    WEFT_TRY(at_once(c->ms, c->n));
    printf("| %-34s | %6.2f s | %6.2f s |\n", c->what, turns, now_s() - began);
    fflush(stdout);
    return 0;
}

static int program(void)
{
    static const claim claims[] = {
        { "price comparison: 5 stores x 2 s", { 2000, 2000, 2000, 2000, 2000 }, 5 },
        { "travel search: 2 s + 3 s", { 2000, 3000 }, 2 },
        { "weather, stocks, user: 3 x 3 s", { 3000, 3000, 3000 }, 3 },
    };
    printf("| %-34s | in turn  | at once  |\n|%.36s|----------|----------|\n", "what", "------------------------------------");
    for (size_t i = 0; i < weft_count(claims); i++) WEFT_TRY(measure(&claims[i]));
    return 0;
}

int main(void)
{
    pid_t pid = service_start();
    if (pid < 0) return 1;
    int status = weft_run(program);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return status;
}
