/* What has to be closed, whatever happens: what `async with` is for. A variable with a cleanup function is closed at
 * the end of its block, however that is left, and closing may wait. */
#include <stdio.h>
#include <weft.h>

typedef struct session { const char *name; } session;

static int session_open(session *s, const char *name)
{
    WEFT_TRY(weft_sleep_ms(100));          /* a handshake */
    s->name = name;
    printf("%s: opened\n", name);
    return 0;
}

/* Also called when the task was cancelled: then every wait fails at once, unless it is shielded. Give it an end. */
static void session_close(session *s)
{
    if (!s->name) return;
    WEFT_SCOPE(bye, .shield = true, .timeout_ms = 1000);
    int rc = weft_sleep_ms(50);            /* a farewell */
    printf("%s: closed%s\n", s->name, rc < 0 ? " without a farewell" : "");
}

typedef struct job { const char *name; int ms; bool bad; } job;

static int use(const job *in)
{
    session s WEFT_CLEANUP(session_close) = { 0 };
    WEFT_TRY(session_open(&s, in->name));
    WEFT_TRY(weft_sleep_ms(in->ms));
    if (in->bad) return weft_fail(422, "this one fails");
    printf("%s: used\n", in->name);
    return 0;
}

static int program(void)
{
    weft_error error;
    WEFT_TRY(use(&(job){ "well", 10, false }));
    int rc = use(&(job){ "badly", 10, true });
    printf("%s\n", weft_error_of(rc)->text);
    WEFT_TRY(weft_gather(weft_call(use, (&(job){ "late", 60000, false }), NULL, .error = &error, .timeout_ms = 500)));
    printf("%s\n", error.code == WEFT_ETIMEDOUT ? "this one is too late" : error.text);
    return 0;
}

int main(void) { return weft_run(program); }
