#include "redis_world.h"
#include <unistd.h>
#include "testing/folder.h"
#include "testing/verdict.h"

bool redis_says(int rc, const char *word)
{
    bool found = strstr(weft_error_of(rc)->text, word) != NULL;
    if (!found) fprintf(stderr, "  the text of %d is: %s\n", rc, weft_error_of(rc)->text);
    return found;
}

/* ---- servers of the tests' own ---- */

int fake_read(weft_conn *c, weft_str *words, int *count)
{
    weft_str line, word;
    int rc = weft_conn_line(c, &line);
    if (rc <= 0) return rc;
    *count = atoi(line.ptr + 1);
    if (*line.ptr != '*' || *count < 1 || *count > FAKE_WORDS) return WEFT_EPROTO;
    for (int i = 0; i < *count; i++) {
        rc = weft_conn_line(c, &line);
        if (rc <= 0 || *line.ptr != '$') return WEFT_EPROTO;
        size_t n = (size_t)atoi(line.ptr + 1);
        rc = weft_conn_exactly(c, n + 2, &word);
        if (rc <= 0) return WEFT_EPROTO;
        char *copy = weft_alloc(n + 1);
        if (!copy) return WEFT_ENOMEM;
        memcpy(copy, word.ptr, n);
        words[i] = (weft_str){ copy, n };
    }
    return 1;
}

static int talk(weft_conn *c, void *ctx)
{
    fake *f = ctx;
    weft_str words[FAKE_WORDS];
    int count, rc;
    f->connections++;
    while ((rc = fake_read(c, words, &count)) == 1) {
        if (weft_str_equal(words[0], WEFT_S("HELLO"))) {
            rc = weft_conn_write(c, f->resp2 ? WEFT_S("-ERR unknown command `HELLO`, with args beginning with: `3`\r\n") : WEFT_S("%1\r\n$5\r\nproto\r\n:3\r\n"));
        } else {
            f->commands++;
            rc = f->answer(f, c, words, count);
        }
        if (rc < 0) break;
    }
    return 0;
}

int fake_serve(fake *const *f) { return weft_listener_serve((*f)->l, talk, .ctx = *f); }

/* ---- real ones ---- */

bool redis_is_there(void) { return access("/usr/bin/redis-server", X_OK) == 0 || access("/usr/local/bin/redis-server", X_OK) == 0; }

static void wait_until_ready(redis_server *s)
{
    weft_redis *r;
    int rc = -1;
    WEFT_NEED(weft_redis_open(s->url, &r, .connect_ms = 1000, .retry_ms = 1) == 0);
    for (int i = 0; i < 3000 && rc < 0; i++) {
        rc = weft_redis_do(r, "PING");
        if (rc == WEFT_EREDIS_DOWN && strstr(weft_error_of(rc)->text, "NOAUTH")) rc = 1;
        if (rc < 0) WEFT_NEED(weft_sleep_ms(10) == 0);
    }
    WEFT_CHECK_EQ(rc, 1);
    WEFT_CHECK_EQ(weft_redis_close(r, 0), 0);
}

void redis_start(redis_server *s, const char *const *more)
{
    enum { WORDS = 40 };
    char socket[260];
    const char *argv[WORDS] = { "redis-server", "--port", "0", "--save", "", "--daemonize", "no", "--unixsocket", socket, "--dir", s->folder, "--logfile", "log" };
    int n = 13;
    if (!*s->folder) snprintf(s->folder, sizeof s->folder, "%s", weft__test_folder(WEFT__ON_DISK));
    snprintf(socket, sizeof socket, "%s/redis.sock", s->folder);
    if (!*s->url) snprintf(s->url, sizeof s->url, "unix://%s", socket);
    for (; more && *more && n < WORDS - 1; more++) argv[n++] = *more;
    WEFT_NEED(weft_command_start(&s->c, argv, .in = WEFT_STDIO_NULL, .out = WEFT_STDIO_NULL, .err = WEFT_STDIO_NULL, .folder = s->folder) == 0);
    wait_until_ready(s);
}

void redis_stop(redis_server *s, int signal)
{
    weft_exit how;
    if (!s->c) return;
    WEFT_CHECK_EQ(weft_command_signal(s->c, signal), 0);
    WEFT_CHECK_EQ(weft_command_wait(s->c, &how), 0);
    weft_command_free(s->c);
    s->c = NULL;
}

void redis_leave(redis_server *s)
{
    if (s->c) weft_command_signal(s->c, SIGKILL);
    weft_command_free(s->c);
    s->c = NULL;
}
