/* Forms of several parts: the same events however the bytes are cut, none of them outside the input, and heads that
 * are taken say what they say. The first line of the input is a content type's boundary. */
#include "wire/multipart.h"
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "wire/utf8.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

static bool lies_in(weft_str s, weft_str whole)
{
    return s.ptr >= whole.ptr && s.ptr + s.len <= whole.ptr + whole.len;
}

static void check_text(weft_str text, bool extended)
{
    char *out = malloc(text.len + 1);
    int n = weft__part_text(text, extended, out);
    MUST(n == WEFT_EPROTO || (n >= 0 && (size_t)n <= text.len && weft__utf8_valid(out, (size_t)n)));
    MUST(extended || n >= 0);
    free(out);
}

static void check_head(weft_str head)
{
    weft__part part;
    const char *fault;
    if (weft__part_read(head, &part, &fault) < 0) {
        MUST(fault && *fault);
        return;
    }
    MUST(!fault && part.name.ptr && lies_in(part.name, head) && part.header_count && part.header_count <= WEFT__PART_HEADERS_MAX);
    check_text(part.name, false);
    MUST(!part.filename.ptr || lies_in(part.filename, head));
    if (part.filename.ptr) check_text(part.filename, part.extended);
    for (unsigned i = 0; i < part.header_count; i++)
        MUST(lies_in(part.headers[i].name, head) && lies_in(part.headers[i].value, head));
}

/* What the input means, as bytes to compare: 'P' head, 'D' data (pieces joined), 'E' the end of a part, '.' or '!'. */
static void events(weft__multipart *m, weft__buf *out, weft_str boundary, const uint8_t *bytes, size_t len, size_t step)
{
    bool in_data = false;
    size_t at = 0, end = step < len ? step : len;
    weft__multipart_init(m, boundary);
    weft__buf_clear(out);
    for (;;) {
        /* A copy of its own, so that a read past its end is seen. */
        char *piece = malloc(end - at + 1);
        memcpy(piece, bytes + at, end - at);
        size_t used;
        weft_str data = { NULL, 0 };
        int event = weft__multipart_next(m, piece, end - at, &used, &data);
        MUST(used <= end - at);
        if (event == WEFT__MULTIPART_DATA) {
            MUST(data.len);
            if (!in_data) weft__buf_add_char(out, 'D');
            weft__buf_add_str(out, data);
        } else if (event > 0) weft__buf_add_char(out, "?P?E."[event]);
        if (event != WEFT__MULTIPART_MORE) in_data = event == WEFT__MULTIPART_DATA;
        if (event == WEFT__MULTIPART_PART) {
            weft__buf_add_str(out, data);
            check_head(data);
        }
        if (event < 0) weft__buf_printf(out, "!%s", m->fault);
        free(piece);
        at += used;
        if (event < 0 || event == WEFT__MULTIPART_END) return;
        if (event != WEFT__MULTIPART_MORE) continue;
        MUST(at == end);
        if (at == len) return;
        end = len - end > step ? end + step : len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const uint8_t *line = len ? memchr(bytes, '\n', len) : NULL;
    if (!line) return 0;
    weft_str type = { (const char *)bytes, (size_t)(line - bytes) }, boundary = weft__multipart_boundary(type);
    (void)weft__multipart_is(type);
    if (!boundary.len) boundary = WEFT_S("b");
    MUST(boundary.len <= WEFT__BOUNDARY_MAX);
    const uint8_t *body = line + 1;
    size_t n = len - (size_t)(body - bytes);
    static weft__multipart m;
    weft__buf whole, cut;
    weft__buf_init(&whole, 2 * n + 4096);
    weft__buf_init(&cut, 2 * n + 4096);
    events(&m, &whole, boundary, body, n, n + 1);
    static const size_t steps[] = { 1, 2, 3, 7, 64 };
    for (size_t i = 0; i < weft_count(steps); i++) {
        events(&m, &cut, boundary, body, n, steps[i]);
        MUST(weft_str_equal(weft__buf_str(&whole), weft__buf_str(&cut)));
    }
    weft__buf_free(&whole);
    weft__buf_free(&cut);
    return 0;
}
