#include <string.h>
#include "wire/json.h"
#include "wire/json_plain.h"
#include "wire/utf8.h"

/* How control characters, the quote and the backslash are written; 0 for those that need \u00XX. */
static const char short_escape[0x60] = {
    ['\b'] = 'b',
    ['\t'] = 't',
    ['\n'] = 'n',
    ['\f'] = 'f',
    ['\r'] = 'r',
    ['"'] = '"',
    ['\\'] = '\\',
};

static void add_escape(weft__buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char short_form[2] = { '\\', short_escape[c] };
    char long_form[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
    if (short_escape[c]) weft__buf_add(out, short_form, sizeof short_form);
    else weft__buf_add(out, long_form, sizeof long_form);
}

/* Valid text that has something to escape, or bytes above ASCII. */
static void add_slowly(weft__buf *out, const char *p, const char *end)
{
    while (p < end) {
        const char *stop = weft__json_plain_end(p, end);
        while (stop < end && (unsigned char)*stop >= 0x80)
            stop = weft__json_plain_end(stop + 1, end);
        weft__buf_add(out, p, (size_t)(stop - p));
        if (stop == end) return;
        add_escape(out, (unsigned char)*stop);
        p = stop + 1;
    }
}

static bool add_long(weft__buf *out, const char *start, size_t len)
{
    const char *end = start + len, *stop = weft__json_plain_end(start, end);
    if (!weft__utf8_valid(stop, (size_t)(end - stop))) return false;
    weft__buf_add_char(out, '"');
    add_slowly(out, start, end);
    weft__buf_add_char(out, '"');
    return true;
}

bool weft__json_add_text(weft__buf *out, weft_str text)
{
    if (text.len > 16 || (text.len && weft__json_special16(text.ptr, text.len)))
        return add_long(out, text.ptr, text.len);
    char *to = weft__buf_reserve(out, text.len + 2);
    if (!to) return true;
    to[0] = '"';
    if (text.len) weft__copy16(to + 1, text.ptr, text.len);
    to[text.len + 1] = '"';
    out->len += text.len + 2;
    return true;
}

void weft__json_add_text_lossy(weft__buf *out, weft_str text)
{
    const char *p = text.len ? text.ptr : "", *end = p + text.len;
    weft__buf_add_char(out, '"');
    while (p < end) {
        size_t valid = weft__utf8_prefix(p, (size_t)(end - p));
        add_slowly(out, p, p + valid);
        p += valid;
        if (p == end) break;
        weft__buf_lit(out, "\xEF\xBF\xBD");
        for (p++; p < end && ((unsigned char)*p & 0xC0) == 0x80; p++) {}
    }
    weft__buf_add_char(out, '"');
}
