/* Bodies that handlers read piece by piece: items, faults of routes, and what the client is told. */
#include <stdio.h>
#include <string.h>
#include "faults.h"
#include "testing/client.h"
#include "weft.h"

WEFT_MODEL(Row, field(weft_str, name), list(int, numbers));
WEFT_MODEL(Sum, field(int, rows), field(int, sum));
WEFT_INPUT(sum_in, body(weft_body, rows), query(int, limit, .initial = "1000"));

static int began;
static int sum(const sum_in *in, Sum *out)
{
    Row row;
    began++;
    for (int rc; (rc = weft_body_item(Row, &in->rows, &row)) != 0 && out->rows < in->limit; out->rows++) {
        WEFT_TRY(rc);
        WEFT_CHECK_EQ(row.name.ptr[row.name.len], 0);
        for (uint32_t i = 0; i < row.numbers.count; i++) out->sum += row.numbers.items[i];
    }
    return 0;
}

static int read_row(const weft_body *const *rows, weft_str *line) { return weft_body_line(*rows, line); }
static int tasks_done;
static int in_a_task(const sum_in *in, weft_str *out)
{
    const weft_body *rows = &in->rows;
    weft_str line, again;
    weft_error error;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, read_row, &rows, &line, .error = &error);
    WEFT_TRY(weft_yield());
    WEFT_CHECK_EQ(weft_body_read(rows, &again), WEFT_EBUSY);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECONNRESET);
    *out = WEFT_S("");
    tasks_done++;
    return 0;
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_POST("/sum", sum, sum_in, Sum),
    WEFT_POST("/small", sum, sum_in, Sum, .body_bytes_max = 30),
    WEFT_POST("/late", sum, sum_in, Sum, .timeout_ms = 200),
    WEFT_POST("/task", in_a_task, sum_in, weft_str)) };

#define ROWS "{\"name\":\"a\",\"numbers\":[1,2]}\n\n{\"name\":\"b\",\"numbers\":[3]}\r\n{\"name\":\"c\",\"numbers\":[]}"

WEFT_TEST(each_line_of_a_request_is_read_into_a_model)
{
    weft_response r = weft_test_post(&app, "/sum", ROWS);
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "rows": 3, "sum": 6 });
    WEFT_CHECK_JSON(weft_test_post(&app, "/sum?limit=1", ROWS).body, { "rows": 1, "sum": 3 });
    WEFT_CHECK_JSON(weft_test_post(&app, "/sum", "").body, { "rows": 0, "sum": 0 });
    WEFT_CHECK_EQ(weft_test_ms(), 0);
}

WEFT_TEST(faults_of_other_inputs_are_told_before_the_body_is_read)
{
    began = 0;
    weft_response r = weft_test_post(&app, "/sum?limit=x", ROWS);
    WEFT_CHECK_EQ(r.status, 422);
    r = weft_test_post(&app, "/small", ROWS);
    WEFT_CHECK_EQ(r.status, 413);
    WEFT_CHECK_JSON(r.body, { "detail": "the body is larger than body_bytes_max" });
    WEFT_CHECK_EQ(began, 0);
}

WEFT_TEST(an_item_that_is_none_is_told_with_its_line)
{
    weft_response r = weft_test_post(&app, "/sum", "{\"name\":\"a\",\"numbers\":[1]}\n{\"name\":\"b\",\"numbers\":[1,\"x\"]}\n");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": "line 2 of the body is no Row: body.numbers.1: Input should be a valid integer, unable to parse string as an integer" });
}

static weft_response raw(const char *request)
{
    weft__shot shot = { .bytes = weft_str_of(request) };
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    return shot.answer;
}

WEFT_TEST(a_body_that_does_not_come_ends_at_the_deadline_of_its_route)
{
    weft_response r = raw("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{");
    WEFT_CHECK_EQ(r.status, 504);
    WEFT_CHECK_EQ(weft_test_ms(), 200);
}

WEFT_TEST(another_task_of_the_handler_may_read_and_one_at_a_time)
{
    weft__shot shot = { .bytes = WEFT_S("POST /task HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), .leave_ms = 50 };
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 0);
    WEFT_CHECK_EQ(tasks_done, 1);
}

/* ---- faults of routes ---- */

static const weft_app elsewhere = { .routes = WEFT_ROUTES(
    WEFT_POST("/a", sum, sum_in, Sum, .run = WEFT_IN_THREAD),
    WEFT_POST("/b", sum, sum_in, Sum, .run = WEFT_IN_PROCESS)) };

WEFT_TEST(only_a_handler_on_the_loop_can_read_its_body)
{
    FAULTS(elsewhere,
        "route POST /a: body 'rows' is read while the handler waits, which it can on the loop alone\n"
        "route POST /b: body 'rows' is read while the handler waits, which it can on the loop alone\n");
}
