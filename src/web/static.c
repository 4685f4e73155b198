/* A folder of files as a route: WEFT_STATIC. */
#include <errno.h>
#include <string.h>
#include "web/failure.h"
#include "weft/file.h"

static const weft_field fields[] = {
    { .name = "path", .name_len = 4, .place = WEFT__path, .type = &weft_schema_weft_str, .offset = offsetof(weft_static_in, path) }
};
const weft_schema weft_schema_weft_static_in = { .name = "weft_static_in", .kind = WEFT__model, .size = sizeof(weft_static_in),
    .fields = fields, .count = weft_count(fields) };

/* Folders run at a place of their own (run.c): this one is never called. */
void weft__static_handler(void) { }

/* What nobody means to show: ".git", ".env"; ".." as well. */
static bool is_hidden(weft_str path)
{
    static const weft_str known = WEFT_S(".well-known");
    for (const char *at = path.ptr, *end = at + path.len; at < end;) {
        const char *slash = memchr(at, '/', (size_t)(end - at)), *stop = slash ? slash : end;
        weft_str name = { at, (size_t)(stop - at) };
        if (*at == '.' && !weft_str_equal(name, known)) return true;
        at = stop + 1;
    }
    return false;
}

static int not_found(void) { return weft_fail(404, "Not Found"); }

/* "//host" would lead elsewhere. */
static int to_itself_with_slash(const weft__exchange *x, weft_reply *r)
{
    weft_str path = x->head->path, query = x->head->query;
    if (path.len < 2 || path.ptr[1] == '/' || path.ptr[1] == '\\') return not_found();
    weft_str url = weft_format("%.*s/%s%.*s", WEFT_FMT(path), query.ptr ? "?" : "", WEFT_FMT(query));
    return weft_reply_redirect(r, 307, url.ptr);
}

static int give(const weft_route *route, const char *path, weft_reply *r)
{
    weft_file *f = NULL;
    int rc = weft__reply_file_open(&f, path, route->folder);
    if (rc == 0) rc = weft__reply_file_over(r, f, weft_str_of(path), &(weft_reply_file_opts){ 0 });
    return rc == 0 ? weft_reply_header(r, "X-Content-Type-Options", "nosniff") : rc;
}

/* What is not there is answered by what the client accepts, which caches have to know. RFC 9110, 12.5.5 */
static int give_fallback(const weft_route *route, weft_reply *r)
{
    int rc = weft__wants_html(r->exchange) ? give(route, route->fallback, r) : WEFT_ENOENT;
    if (rc == 0) return weft_reply_header(r, "Vary", "Accept");
    return weft__file_absent(rc) ? weft_fail_header(not_found(), "Vary", "Accept") : rc;
}

int weft__static_answer(const weft__endpoint *e, const void *in_, void *out)
{
    const weft_static_in *in = in_;
    const weft_route *route = e->route;
    weft_reply *r = out;
    weft_str path = in->path, file = path;
    bool folder = !path.len || path.ptr[path.len - 1] == '/', odd = is_hidden(path) || memchr(path.ptr, 0, path.len);
    if (folder) file = weft_format("%.*sindex.html", WEFT_FMT(path));
    if (!file.len) return WEFT_ENOMEM;
    int rc = odd ? WEFT_ENOENT : give(route, file.ptr, r);
    if (rc == -EISDIR && !folder) return to_itself_with_slash(r->exchange, r);
    if (rc == 0 || !weft__file_absent(rc)) return rc;
    if (odd || !route->fallback) return not_found();
    return give_fallback(route, r);
}
