/* Bodies that are larger than memory, in both directions: an import that reads its request row by row, and an export that
 * sends rows while it makes them. Try it:
 *
 *     printf '{"number":1,"price":2.5}\n{"number":2,"price":4}\n' | curl --data-binary @- localhost:8000/import
 *     curl -X POST localhost:8000/export/1000000  */
#include <stdio.h>
#include <weft.h>

WEFT_MODEL(Order, field(int, number), field(double, price, .range = { 0, 1e6 }));
WEFT_MODEL(Report, field(int, rows), field(double, sum));

WEFT_INPUT(import_in, body(weft_body, rows));

static int import(const import_in *in, Report *out)
{
    Order order;
    for (int rc; (rc = weft_body_item(Order, &in->rows, &order)) != 0;) {
        WEFT_TRY(rc);
        out->rows++;
        out->sum += order.price;
    }
    return 0;
}

/* ---- the other way ---- */

typedef struct rows { int next, last; char text[64]; } rows;

/* The next piece of the body: 1, or 0 at its end. */
static int next_row(void *ctx, weft_str *piece)
{
    rows *r = ctx;
    if (r->next > r->last) return 0;
    int n = snprintf(r->text, sizeof r->text, "{\"number\":%d,\"price\":%.1f}\n", r->next, r->next * 0.5);
    *piece = (weft_str){ r->text, (size_t)n };
    r->next++;
    return 1;
}

WEFT_INPUT(export_in, path(int, count, .range = { 0, 10000000 }));

static int export(const export_in *in, weft_reply *out)
{
    rows rows = { .next = 1, .last = in->count };
    weft_response answer;
    WEFT_TRY(weft_exchange(&answer, (.method = "POST", .body_next = next_row, .body_ctx = &rows),
        "http://localhost:8000/import"));
    return weft_reply_response(out, &answer);
}

const weft_app app = { .title = "upload", .routes = WEFT_ROUTES(
    WEFT_POST("/import", import, import_in, Report, .body_bytes_max = INT64_MAX),
    WEFT_POST("/export/{count}", export, export_in, weft_reply)) };

int main(void) { return weft_serve(&app, .port = 8000); }
