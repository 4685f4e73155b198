/* Fields behind a body, whose values are known only when it has gone: how many rows there were. Both ways, as server and as client. Try it:
 *
 *     curl -i localhost:8000/rows/3
 *     curl -i --raw localhost:8000/rows/3
 *     curl -X POST localhost:8000/copy/1000  */
#include <stdio.h>
#include <stdlib.h>
#include <weft.h>

WEFT_MODEL(Row, field(int, number));
WEFT_INPUT(rows_in, path(int, count, .range = { 0, 1000000 }));

static int rows(const rows_in *in, weft_stream *out)
{
    WEFT_TRY(weft_stream_trailer(out, "X-Rows", WEFT_S("")));        /* announced in the head */
    for (int i = 1; i <= in->count; i++) WEFT_TRY(weft_write_item(Row, out, (&(Row){ i })));
    return weft_stream_trailer(out, "X-Rows", weft_format("%d", in->count));
}

/* ---- of a request ---- */

WEFT_MODEL(Taken, field(int, rows));
WEFT_INPUT(take_in, body(weft_body, rows), request(request));

static int take(const take_in *in, Taken *out)
{
    Row row;
    for (int rc; (rc = weft_body_item(Row, &in->rows, &row)) != 0; out->rows++) WEFT_TRY(rc);
    weft_str told = weft_request_trailer(in->request, "X-Rows");
    if (told.ptr && atoi(told.ptr) != out->rows) return weft_fail(422, "%d rows came, and X-Rows says %s", out->rows, told.ptr);
    return 0;
}

/* ---- the client's side ---- */

typedef struct source { weft_download *from; weft_header *trailer; } source;

/* The next line of the other answer; at its end, its trailer is ours. */
static int next_line(void *ctx, weft_str *piece)
{
    source *s = ctx;
    int rc = weft_download_read(s->from, piece);
    if (rc == 0) s->trailer->value = weft_download_trailer(s->from, s->trailer->name.ptr);
    return rc;
}

static int copy(const rows_in *in, weft_reply *out)
{
    weft_header trailer = { WEFT_S("X-Rows"), { NULL, 0 } };
    weft_response answer;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download(&d, "http://localhost:8000/rows/{}", in->count));
    WEFT_TRY(weft_exchange(&answer, (.method = "POST", .body_next = next_line, .body_ctx = &(source){ d, &trailer },
        .trailers = &trailer, .trailer_count = 1), "http://localhost:8000/take"));
    return weft_reply_response(out, &answer);
}

const weft_app app = { .title = "trailers", .routes = WEFT_ROUTES(
    WEFT_GET("/rows/{count}", rows, rows_in, weft_stream),
    WEFT_POST("/take", take, take_in, Taken, .body_bytes_max = INT64_MAX),
    WEFT_POST("/copy/{count}", copy, rows_in, weft_reply)) };

int main(void) { return weft_serve(&app, .port = 8000); }
