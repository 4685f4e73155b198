/* Files as answers: a folder as a site, and reports to keep. In a folder that has "site" and "reports":
 *
 *     curl localhost:8000/
 *     curl -OJ localhost:8000/reports/2024.csv
 *     curl -r 0-99 localhost:8000/reports/2024.csv  */
#include <weft.h>

WEFT_INPUT(report_in, path(weft_str, name));

static int report(const report_in *in, weft_reply *out)
{
    WEFT_TRY(weft_reply_header(out, "Cache-Control", "no-cache"));
    return weft_reply_file(out, in->name.ptr, .beneath = "reports", .filename = in->name.ptr);
}

const weft_app app = {
    .title = "site",
    .routes = WEFT_ROUTES(
        WEFT_GET("/reports/{name}", report, report_in, weft_reply,
            .responses = WEFT_RESPONSES(
                WEFT_RESPONSE(200, "The report", .content_type = "text/csv"),
                WEFT_RESPONSE(404, "There is no such report"))),
        WEFT_STATIC("", "site", .fallback = "index.html")),
};

int main(void) { return weft_serve(&app, .port = 8000); }
