/* Clients that end their own side and go on listening: files on their way to them arrive whole. */
#include <string.h>
#include "io/stream.h"
#include "os/sim.h"
#include "testing/client.h"
#include "weft.h"

enum { LARGE = 300000, JOB_NS = 10 * 1000000 };

static int large(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_file(out, "files/large.bin"); }

/* Opens it, and is then told that nobody may be listening. */
static int heedless(const weft_none *in, weft_reply *out)
{
    (void)in;
    WEFT_TRY(weft_reply_file(out, "files/large.bin"));
    WEFT_CHECK_EQ(weft_sleep_ms(1000), WEFT_ECANCELED);
    return 0;
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/large", large, weft_none, weft_reply),
    WEFT_GET("/heedless", heedless, weft_none, weft_reply),
    WEFT_STATIC("/static", "files")) };

static int make_files(void)
{
    static char bytes[LARGE];
    memset(bytes, 'x', LARGE);
    WEFT_TRY(weft_dir_make("files"));
    return weft_file_save("files/large.bin", ((weft_str){ bytes, LARGE }));
}

typedef struct asking { const char *path; int end_after_ms; } asking;

/* All that came until the server's end. */
static int ask(const asking *in, size_t *out)
{
    static char bytes[64 << 10];
    weft__loop *loop = weft__loop_here();
    weft__os *os = weft__loop_os(loop);
    weft__stream s;
    const char *why;
    weft_str request = weft_format("GET %s HTTP/1.0\r\nHost: half.example\r\n\r\n", in->path);
    struct iovec iov = { (void *)(uintptr_t)request.ptr, request.len };
    WEFT_TRY(weft__stream_connect_host(&s, loop, "half.example", 80, INT64_MAX, &why));
    ssize_t n = weft__stream_send(&s, &iov, 1, INT64_MAX);
    if (n == 0 && in->end_after_ms) n = weft_sleep_ms(in->end_after_ms);
    if (n == 0) n = os->ops->shutdown(os, s.fd);
    while (n >= 0 && (n = weft__stream_recv(&s, bytes, sizeof bytes, INT64_MAX)) > 0) *out += (size_t)n;
    weft__stream_close(&s);
    return (int)n;
}

static void arrives(int line, const char *path, int end_after_ms)
{
    size_t got = 0;
    asking in = { path, end_after_ms };
    int rc = weft_test_run(ask, &in, &got);
    if (rc != 0 || got <= LARGE || got > LARGE + 1000)
        weft__check_fail(__FILE__, line, "%s, its side ended after %d ms: %zu bytes, %d", path, end_after_ms, got, rc);
}

WEFT_TEST(a_file_reaches_who_has_ended_only_its_own_side)
{
    weft_test_upstream("half.example", &app);
    WEFT_CHECK_EQ(weft_test_run(make_files), 0);
    weft__sim_set_job(weft__test_os(), JOB_NS);      /* the end comes while the disk is read */
    arrives(__LINE__, "/large", 15);
    arrives(__LINE__, "/large", 33);
    arrives(__LINE__, "/heedless", 33);
    arrives(__LINE__, "/static/large.bin", 0);
    arrives(__LINE__, "/static/large.bin", 25);
}
