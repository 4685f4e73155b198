/* A server that is no web server: a small line protocol over TCP, a task for each who comes.
 *   lines 7000        then, elsewhere: printf 'add 2 3\nquit\n' | nc 127.0.0.1 7000  */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft.h>

typedef struct state { int port; long answered; } state;
static state served;

static int answer(weft_conn *c, weft_str line, long *answered)
{
    long a, b;
    ++*answered;
    if (sscanf(line.ptr, "add %ld %ld", &a, &b) == 2) {
        if (__builtin_add_overflow(a, b, &a)) return weft_conn_print(c, "that is too much\n");
        return weft_conn_print(c, "%ld\n", a);
    }
    if (!strncmp(line.ptr, "echo ", 5)) return weft_conn_print(c, "%s\n", line.ptr + 5);
    return weft_conn_print(c, "what is '%s'?\n", line.ptr);
}

/* A client that says nothing for a minute, or a line without end, ends its own task alone. */
static int talk(weft_conn *c, void *ctx)
{
    state *s = ctx;
    weft_str line;
    for (int rc; (rc = weft_conn_line(c, &line)) != 0;) {
        WEFT_TRY(rc);
        if (!strcmp(line.ptr, "quit")) return weft_conn_print(c, "bye, after %ld answers\n", s->answered);
        WEFT_TRY(answer(c, line, &s->answered));
    }
    return 0;
}

static int program(void)
{
    WEFT_LISTENER(l);
    WEFT_TRY(weft_listen(&l, "127.0.0.1", served.port, .conn = { .read_ms = 60000, .buffer_bytes_max = 1000 }));
    printf("listening on %s\n", weft_listener_address(l).ptr);
    fflush(stdout);
    int rc = weft_listener_serve(l, talk, .ctx = &served, .connections_max = 100);
    if (rc == WEFT_ECANCELED) printf("ended after %ld answers\n", served.answered);
    return rc == WEFT_ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
    served.port = argc > 1 ? atoi(argv[1]) : 0;
    return weft_run(program);
}
