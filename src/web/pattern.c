#include <string.h>
#include "web/router.h"

static bool starts(weft_str s, weft_str with)
{
    return s.len >= with.len && memcmp(s.ptr, with.ptr, with.len) == 0;
}

static bool ends(weft_str s, weft_str with)
{
    return s.len >= with.len && memcmp(s.ptr + s.len - with.len, with.ptr, with.len) == 0;
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static const char *literal_fault(weft_str text, bool beside_param)
{
    if (text.len > WEFT__LITERAL_MAX) return "a segment has more than 255 bytes";
    if (!beside_param && (weft_str_equal(text, WEFT_S(".")) || weft_str_equal(text, WEFT_S(".."))))
        return "no client asks for '.' or '..': they take such segments away";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '}') return "'}' without '{'";
        if (c == '?' || c == '#') return "'?' and '#' are no part of a path";
        if (c == '%') return "write the path as it reads, not percent-encoded";
        if (c <= ' ' || c == 127 || c == '\\')
            return "spaces, backslashes and control characters are not allowed";
        if (c > 127 && beside_param)
            return "only ASCII may stand beside a parameter in its segment";
    }
    return NULL;
}

/* What stands between the braces: name or name:path. */
static const char *read_param(weft_str inner, weft__segment *out)
{
    const char *colon = memchr(inner.ptr, ':', inner.len);
    weft_str kind = { 0 };
    out->name = inner;
    out->kind = WEFT__PARAM;
    if (colon) {
        out->name.len = (size_t)(colon - inner.ptr);
        kind = (weft_str){ colon + 1, inner.len - out->name.len - 1 };
        if (!weft_str_equal(kind, WEFT_S("path")))
            return "after ':' only 'path' may stand; the member's type says the rest";
        out->kind = WEFT__REST;
    }
    if (!out->name.len) return "a parameter without a name";
    for (size_t i = 0; i < out->name.len; i++)
        if (!name_char(out->name.ptr[i]))
            return "a parameter's name has letters, digits and '_' only";
    return NULL;
}

static const char *read_segment(weft_str text, weft__segment *out)
{
    const char *open = memchr(text.ptr, '{', text.len), *end = text.ptr + text.len;
    *out = (weft__segment){ .kind = WEFT__LITERAL, .before = text };
    if (!open) return literal_fault(text, false);
    const char *shut = memchr(open, '}', (size_t)(end - open));
    if (!shut) return "'{' without '}' in its segment";
    out->before.len = (size_t)(open - text.ptr);
    out->after = (weft_str){ shut + 1, (size_t)(end - shut - 1) };
    if (memchr(out->after.ptr, '{', out->after.len)) return "two parameters in one segment";
    const char *why = read_param((weft_str){ open + 1, (size_t)(shut - open - 1) }, out);
    if (!why) why = literal_fault(out->before, true);
    if (!why) why = literal_fault(out->after, true);
    if (!why && out->kind == WEFT__REST && out->before.len + out->after.len)
        return "{name:path} must be a segment of its own";
    return why;
}

static const char *repeated_name(const weft__pattern *p, const weft__segment *s)
{
    for (const weft__segment *other = p->segments; other < s; other++)
        if (other->kind != WEFT__LITERAL && weft_str_equal(other->name, s->name))
            return "two parameters with the same name";
    return NULL;
}

static const char *add_segment(weft__pattern *p, weft_str text, bool last)
{
    if (p->count == WEFT__SEGMENTS_MAX) return "more than 64 segments";
    weft__segment *s = &p->segments[p->count];
    const char *why = read_segment(text, s);
    if (why) return why;
    p->count++;
    if (s->kind == WEFT__LITERAL) return NULL;
    if (s->kind == WEFT__REST && !last) return "{name:path} must be the last segment";
    if (++p->params > WEFT__PARAMS_MAX) return "more than 16 parameters";
    return repeated_name(p, s);
}

int weft__pattern_parse(weft_str text, weft__pattern *out, const char **why)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    out->count = out->params = 0;
    if (!text.len || *at != '/') {
        *why = "it must begin with '/'";
        return WEFT_EINVAL;
    }
    while (at) {
        const char *from = at + 1, *slash = memchr(from, '/', (size_t)(end - from));
        weft_str segment = { from, (size_t)((slash ? slash : end) - from) };
        *why = add_segment(out, segment, !slash);
        if (*why) return WEFT_EINVAL;
        at = slash;
    }
    return 0;
}

static bool segment_covers(const weft__segment *wide, const weft__segment *narrow)
{
    if (wide->kind == WEFT__LITERAL)
        return narrow->kind == WEFT__LITERAL && weft_str_equal(wide->before, narrow->before);
    if (narrow->kind == WEFT__REST) return false;
    if (narrow->kind == WEFT__PARAM)
        return starts(narrow->before, wide->before) && ends(narrow->after, wide->after);
    return narrow->before.len > wide->before.len + wide->after.len
        && starts(narrow->before, wide->before) && ends(narrow->before, wide->after);
}

bool weft__pattern_covers(const weft__pattern *wide, const weft__pattern *narrow)
{
    for (unsigned i = 0; i < wide->count && i < narrow->count; i++) {
        if (wide->segments[i].kind == WEFT__REST) return true;
        if (!segment_covers(&wide->segments[i], &narrow->segments[i])) return false;
    }
    return wide->count == narrow->count;
}
