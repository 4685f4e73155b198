/* What stands in the heads: the content type of the whole, the header lines of a part. */
#include <string.h>
#include "wire/bytes.h"
#include "wire/multipart.h"
#include "wire/url.h"
#include "wire/utf8.h"

/* ---- parameters: ; name=token ; name="quoted" ---- */

typedef struct params { const char *at, *end; } params;
typedef struct param { weft_str name, value; bool quoted; } param;

static void skip_space(params *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t')) p->at++;
}

static weft_str token(params *p)
{
    const char *from = p->at;
    while (p->at < p->end && weft__byte_is(*p->at, WEFT__TOKEN)) p->at++;
    return (weft_str){ from, (size_t)(p->at - from) };
}

/* What stands in quotes, still with its escapes; false without an end. A backslash hides the quote
 * behind it, and another backslash: of the names of files on Windows only the last could. */
static bool quoted(params *p, weft_str *out)
{
    const char *from = ++p->at;
    for (; p->at < p->end && *p->at != '"'; p->at++)
        if (*p->at == '\\' && p->at + 1 < p->end && (p->at[1] == '"' || p->at[1] == '\\')) p->at++;
    if (p->at == p->end) return false;
    *out = (weft_str){ from, (size_t)(p->at++ - from) };
    return true;
}

static bool is_plain(char c) { return c != ';' && c != '"' && c != ' ' && c != '\t'; }

/* 1 with the next one, 0 at the end, -1 for what is none. */
static int param_next(params *p, param *out)
{
    skip_space(p);
    while (p->at < p->end && *p->at == ';') {
        p->at++;
        skip_space(p);
    }
    if (p->at == p->end) return 0;
    out->name = token(p);
    if (!out->name.len || p->at == p->end || *p->at != '=') return -1;
    p->at++;
    out->quoted = p->at < p->end && *p->at == '"';
    if (out->quoted) {
        if (!quoted(p, &out->value)) return -1;
    } else {
        const char *from = p->at;
        while (p->at < p->end && is_plain(*p->at)) p->at++;
        out->value = (weft_str){ from, (size_t)(p->at - from) };
    }
    skip_space(p);
    return p->at == p->end || *p->at == ';' ? 1 : -1;
}

/* The text before the first ';', and the parameters behind it. */
static weft_str split(weft_str value, params *p)
{
    if (!value.len) value.ptr = "";                  /* an empty one may have no bytes at all */
    const char *mark = memchr(value.ptr, ';', value.len);
    const char *end = value.ptr + value.len;
    *p = (params){ mark ? mark : end, end };
    return weft__trim((weft_str){ value.ptr, (size_t)(p->at - value.ptr) });
}

/* ---- the content type of the whole ---- */

bool weft__multipart_is(weft_str content_type)
{
    params p;
    return weft__same_nocase(split(content_type, &p), WEFT_S("multipart/form-data"));
}

static bool boundary_valid(weft_str b)
{
    if (!b.len || b.len > WEFT__BOUNDARY_MAX || b.ptr[b.len - 1] == ' ') return false;
    for (size_t i = 0; i < b.len; i++) {
        char c = b.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (!c || !strchr("'()+_,-./:=? ", c))) return false;
    }
    return true;
}

weft_str weft__multipart_boundary(weft_str content_type)
{
    weft_str found = { "", 0 };
    params p;
    param one;
    int more;
    split(content_type, &p);
    while ((more = param_next(&p, &one)) > 0) {
        if (!weft__same_nocase(one.name, WEFT_S("boundary"))) continue;
        if (found.len || !boundary_valid(one.value)) return (weft_str){ "", 0 };
        found = one.value;
    }
    return more < 0 ? (weft_str){ "", 0 } : found;
}

/* ---- the head of a part ---- */

static const char *disposition_param(weft__part *part, const param *p, bool *plain)
{
    bool extended = weft__same_nocase(p->name, WEFT_S("filename*"));
    if (weft__same_nocase(p->name, WEFT_S("name"))) {
        if (part->name.ptr) return "a part has two names";
        if (!weft__utf8_valid(p->value.ptr, p->value.len)) return "the name of a part is not UTF-8";
        part->name = p->value;
    } else if (weft__same_nocase(p->name, WEFT_S("filename"))) {
        if (*plain) return "a part has two names of its file";
        if (!weft__utf8_valid(p->value.ptr, p->value.len)) return "the name of a file is not UTF-8";
        *plain = true;
        part->filename = p->value;
        part->extended = false;
    } else if (extended && !part->filename.ptr) {
        static const weft_str prefix = WEFT_S("utf-8'");
        const char *quote = p->value.len > prefix.len
            ? memchr(p->value.ptr + prefix.len, '\'', p->value.len - prefix.len) : NULL;
        if (!quote || !weft__same_nocase((weft_str){ p->value.ptr, prefix.len }, prefix))
            return "the name of a file (filename*) is not UTF-8";
        part->filename = (weft_str){ quote + 1, (size_t)(p->value.ptr + p->value.len - quote - 1) };
        part->extended = true;
    }
    return NULL;
}

static const char *read_disposition(weft__part *part, weft_str value)
{
    params p;
    param one;
    int more;
    bool plain = false;
    if (part->name.ptr) return "a part has two Content-Disposition";
    if (!weft__same_nocase(split(value, &p), WEFT_S("form-data")))
        return "the Content-Disposition of a part is not form-data";
    while ((more = param_next(&p, &one)) > 0) {
        const char *fault = disposition_param(part, &one, &plain);
        if (fault) return fault;
    }
    if (more < 0) return "the Content-Disposition of a part cannot be read";
    return part->name.ptr ? NULL : "a part has no name";
}

static bool encoding_is_none(weft_str value)
{
    return weft__same_nocase(value, WEFT_S("binary")) || weft__same_nocase(value, WEFT_S("8bit"))
        || weft__same_nocase(value, WEFT_S("7bit"));
}

static const char *read_line(weft__part *part, weft_str line)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    if (!colon) return "a line in the head of a part is no header";
    weft_str name = { line.ptr, (size_t)(colon - line.ptr) };
    weft_str value = weft__trim((weft_str){ colon + 1, line.len - name.len - 1 });
    if (!name.len || !weft__bytes_are(name, WEFT__TOKEN) || !weft__bytes_are(value, WEFT__TEXT))
        return "a line in the head of a part is no header";
    if (part->header_count == WEFT__PART_HEADERS_MAX) return "a part has more than 16 header lines";
    part->headers[part->header_count++] = (weft__part_header){ name, value };
    if (weft__same_nocase(name, WEFT_S("content-disposition"))) return read_disposition(part, value);
    if (weft__same_nocase(name, WEFT_S("content-type"))) part->content_type = value;
    if (weft__same_nocase(name, WEFT_S("content-transfer-encoding")) && !encoding_is_none(value))
        return "a part has a Content-Transfer-Encoding, which forms have none of";
    return NULL;
}

int weft__part_read(weft_str head, weft__part *part, const char **fault)
{
    const char *at = head.len ? head.ptr : "", *end = at + head.len;
    memset(part, 0, sizeof *part);
    part->content_type = (weft_str){ "", 0 };
    *fault = NULL;
    while (at < end && !*fault) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = lf ? lf - 1 : end;   /* every line of a head ends in CR LF */
        *fault = read_line(part, (weft_str){ at, (size_t)(line_end - at) });
        at = lf ? lf + 1 : end;
    }
    if (!*fault && !part->name.ptr) *fault = "a part has no Content-Disposition";
    return *fault ? WEFT_EPROTO : 0;
}

int weft__part_text(weft_str text, bool extended, char *out)
{
    if (extended) {
        int n = weft__url_decode(text, 0, out);
        return n < 0 ? WEFT_EPROTO : n;
    }
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool escape = text.ptr[i] == '\\' && i + 1 < text.len
            && (text.ptr[i + 1] == '"' || text.ptr[i + 1] == '\\');
        if (escape) i++;
        out[n++] = text.ptr[i];
    }
    return (int)n;
}
