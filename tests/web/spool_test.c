/* The temporary file of a form: what becomes of it when the disk fails, the client leaves or the form ends too early. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/sim.h"
#include "testing/client.h"
#include "weft.h"

enum { LARGE = 200 * 1024 };

static int handled;
static int sizes(const weft_upload *u, int64_t *out)
{
    weft_str bytes;
    for (int rc; (rc = weft_upload_read(u, &bytes)) != 0; *out += (int64_t)bytes.len) WEFT_TRY(rc);
    return 0;
}

WEFT_INPUT(take_in, query(int, n, .initial = "0"), file(weft_upload, file));
static int take(const take_in *in, int64_t *out)
{
    handled++;
    return sizes(&in->file, out);
}

static int take_slowly(const take_in *in, int64_t *out)
{
    WEFT_TRY(sizes(&in->file, out));
    WEFT_TRY(weft_sleep_ms(1000));
    return 0;
}

static int take_and_fail(const take_in *in, int64_t *out)
{
    WEFT_TRY(sizes(&in->file, out));
    return weft_fail(409, "no");
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_POST("/take", take, take_in, int64_t),
    WEFT_POST("/late", take_slowly, take_in, int64_t, .timeout_ms = 100),
    WEFT_POST("/left", take_slowly, take_in, int64_t, .cancel_when_client_leaves = true),
    WEFT_POST("/fail", take_and_fail, take_in, int64_t)) };

#define HEAD "POST %s HTTP/1.1\r\nHost: testserver\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %zu\r\n\r\n"
#define PART "--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"
#define END "\r\n--b--\r\n"

/* A request with a file of that size; of its bytes the last `missing` are not sent. */
static weft_str request_of(const char *path, size_t size, size_t missing)
{
    static char bytes[LARGE + 1000];
    size_t body = strlen(PART) + size + strlen(END);
    size_t n = (size_t)snprintf(bytes, sizeof bytes, HEAD PART, path, body);
    memset(bytes + n, 'x', size);
    strcpy(bytes + n + size, END);
    return (weft_str){ bytes, n + size + strlen(END) - missing };
}

static int status_of(weft_str request, int leave_ms)
{
    weft__shot shot = { .bytes = request, .leave_ms = leave_ms };
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    return shot.answer.status;
}

static void nothing_is_left(void)
{
    WEFT_CHECK_EQ(weft__sim_disk_used(weft__test_os()), 0);
    WEFT_CHECK(weft__sim_open_fds(weft__test_os()) <= 2);    /* the loop's own */
}

WEFT_TEST(a_temporary_file_is_gone_when_its_request_is_over)
{
    WEFT_CHECK_EQ(status_of(request_of("/take", LARGE, 0), 0), 200);
    nothing_is_left();
    WEFT_CHECK_EQ(status_of(request_of("/fail", LARGE, 0), 0), 409);
    nothing_is_left();
    WEFT_CHECK_EQ(status_of(request_of("/late", LARGE, 0), 0), 504);
    nothing_is_left();
    WEFT_CHECK_EQ(status_of(request_of("/left", LARGE, 0), 500), 0);
    nothing_is_left();
}

WEFT_TEST(a_client_that_leaves_in_the_middle_of_a_file_leaves_nothing_behind)
{
    handled = 0;
    WEFT_CHECK_EQ(status_of(request_of("/take", LARGE, 1000), 50), 0);
    nothing_is_left();
    WEFT_CHECK_EQ(handled, 0);
}

/* It stays and says nothing more: the server's patience ends it. */
WEFT_TEST(a_form_that_goes_on_for_ever_ends_with_its_deadline)
{
    handled = 0;
    WEFT_CHECK_EQ(status_of(request_of("/take", LARGE, 1000), 0), 408);
    nothing_is_left();
    WEFT_CHECK_EQ(handled, 0);
}

WEFT_TEST(a_refused_request_writes_no_file)
{
    weft__os *os = weft__test_os();
    handled = 0;
    weft__sim_fail(os, "temp", 1, -EIO);
    WEFT_CHECK_EQ(status_of(request_of("/take?n=x", LARGE, 0), 0), 422);
    WEFT_CHECK_EQ(status_of(request_of("/take", LARGE, 0), 0), 500);     /* this one was the first to ask for a file */
    WEFT_CHECK_EQ(status_of(request_of("/take", LARGE, 0), 0), 200);
    WEFT_CHECK_EQ(handled, 1);
}

WEFT_TEST(a_disk_that_fails_is_no_fault_of_the_client)
{
    static const struct { const char *op; int code, status; } faults[] = { { "temp", -EMFILE, 500 }, { "temp", -EACCES, 500 },
        { "write", -ENOSPC, 500 }, { "write", -EIO, 500 }, { "read", -EIO, 500 }, { "close", -EIO, 200 } };
    for (size_t i = 0; i < weft_count(faults); i++) {
        WEFT_CHECK_EQ(weft__sim_fail(weft__test_os(), faults[i].op, 1, faults[i].code), 0);
        WEFT_CHECK_EQ(status_of(request_of("/take", LARGE, 0), 0), faults[i].status);
        nothing_is_left();
        WEFT_CHECK_EQ(status_of(request_of("/take", LARGE, 0), 0), 200);
    }
}

WEFT_TEST(where_there_is_no_tmp_the_working_directory_has_the_file)
{
    WEFT_CHECK_EQ(weft__sim_fail(weft__test_os(), "temp", 1, -ENOENT), 0);
    WEFT_CHECK_EQ(status_of(request_of("/take", LARGE, 0), 0), 200);
    nothing_is_left();
}
