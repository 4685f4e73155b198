#include "wire/conditional.h"
#include <string.h>
#include "wire/bytes.h"

/* ---- entity tags: RFC 9110, 8.8.3 ---- */

static bool is_weak(weft_str tag) { return tag.len >= 2 && tag.ptr[0] == 'W' && tag.ptr[1] == '/'; }

static weft_str opaque(weft_str tag)
{
    return is_weak(tag) ? (weft_str){ tag.ptr + 2, tag.len - 2 } : tag;
}

static bool same_tag(weft_str a, weft_str b, bool strongly)
{
    if (!a.len || !b.len || (strongly && (is_weak(a) || is_weak(b)))) return false;
    return weft_str_equal(opaque(a), opaque(b));
}

/* The next tag of a list; false at its end, or at what is none. A tag may hold commas. */
static bool next_tag(weft_str *list, weft_str *tag)
{
    const char *at = list->ptr, *end = at + list->len;
    while (at < end && (*at == ',' || *at == ' ' || *at == '\t')) at++;
    const char *start = at;
    if (end - at >= 2 && at[0] == 'W' && at[1] == '/') at += 2;
    if (at == end || *at != '"') return false;
    const char *close = memchr(at + 1, '"', (size_t)(end - at - 1));
    if (!close) return false;
    *tag = (weft_str){ start, (size_t)(close + 1 - start) };
    *list = (weft_str){ close + 1, (size_t)(end - close - 1) };
    return true;
}

/* One of those in all lines of this name. "*" is any. */
static bool listed(const weft__http_head *head, weft_str name, weft_str tag, bool strongly)
{
    for (const weft__http_header *h = NULL; (h = weft__http_find(head, name, h));) {
        weft_str list = h->value, each;
        if (weft_str_equal(weft__trim(list), WEFT_S("*"))) return true;
        while (next_tag(&list, &each))
            if (same_tag(each, tag, strongly)) return true;
    }
    return false;
}

/* ---- conditions ---- */

static const weft_str if_match = WEFT_S("if-match"), if_none_match = WEFT_S("if-none-match");
static const weft_str if_modified = WEFT_S("if-modified-since"), if_unmodified = WEFT_S("if-unmodified-since");
static const weft_str if_range = WEFT_S("if-range"), range_name = WEFT_S("range");

/* A date that stands in one line and is one; all else is as if it were not there. */
static bool date_of(const weft__http_head *head, weft_str name, int64_t now_s, int64_t *out)
{
    const weft__http_header *h = weft__http_find(head, name, NULL);
    return h && !weft__http_find(head, name, h) && weft__http_date_parse(h->value, now_s, out) == 0;
}

/* 200: go on. In the order of RFC 9110, 13.2.2. */
static int preconditions(const weft__http_head *head, const weft__selected *what)
{
    int64_t since;
    if (weft__http_find(head, if_match, NULL)) {
        if (!listed(head, if_match, what->etag, true)) return 412;
    } else if (date_of(head, if_unmodified, what->now_s, &since) && what->modified_s > since) {
        return 412;
    }
    if (weft__http_find(head, if_none_match, NULL)) return listed(head, if_none_match, what->etag, false) ? 304 : 200;
    return date_of(head, if_modified, what->now_s, &since) && what->modified_s <= since ? 304 : 200;
}

/* A date proves nothing while what it tells of may still change within its second: RFC 9110, 8.8.2.2. */
static bool range_holds(const weft__http_head *head, const weft__selected *what)
{
    const weft__http_header *h = weft__http_find(head, if_range, NULL);
    int64_t date;
    if (!h) return true;
    weft_str value = weft__trim(h->value);
    if (value.len && (value.ptr[0] == '"' || is_weak(value))) return same_tag(value, what->etag, true);
    return weft__http_date_parse(value, what->now_s, &date) == 0 && date == what->modified_s && what->now_s > date;
}

/* ---- ranges ---- */

/* Digits at *at: how many; more than there are bytes in the world is the largest number. */
static size_t digits(const char **at, const char *end, int64_t *out)
{
    const char *from = *at;
    int64_t n = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
        n = n > (INT64_MAX - 9) / 10 ? INT64_MAX : n * 10 + (**at - '0');
    *out = n;
    return (size_t)(*at - from);
}

/* One range: 1: it has bytes, 0: none that are there, -1: it is none. */
static int one_range(weft_str text, int64_t bytes, weft__range *out)
{
    const char *at = text.ptr, *end = at + text.len;
    int64_t from, to;
    size_t has_from = digits(&at, end, &from);
    if (at == end || *at++ != '-') return -1;
    size_t has_to = digits(&at, end, &to);
    if (at != end || (!has_from && !has_to) || (has_from && has_to && to < from)) return -1;
    if (!has_from) {
        from = to < bytes ? bytes - to : 0;
        if (!to) return 0;
        to = bytes - 1;
    } else if (!has_to || to >= bytes) {
        to = bytes - 1;
    }
    if (from >= bytes) return 0;
    *out = (weft__range){ from, to - from + 1 };
    return 1;
}

/* 200, 206 or 416. */
static int range_of(weft_str value, int64_t bytes, weft__range *out)
{
    static const weft_str unit = WEFT_S("bytes=");
    weft__range found;
    int there = 0, named = 0;
    if (value.len < unit.len || !weft__same_nocase((weft_str){ value.ptr, unit.len }, unit)) return 200;
    const char *at = value.ptr + unit.len, *end = value.ptr + value.len;
    while (at <= end) {
        const char *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL, *stop = comma ? comma : end;
        weft_str each = weft__trim((weft_str){ at, (size_t)(stop - at) });
        int rc = each.len ? one_range(each, bytes, &found) : 2;
        if (rc < 0) return 200;
        named += rc != 2;
        there += rc == 1;
        at = stop + 1;
    }
    if (!named || there > 1 || !bytes) return 200;
    if (!there) return 416;
    *out = found;
    return 206;
}

int weft__conditions(const weft__http_head *head, const weft__selected *what, weft__range *range)
{
    *range = (weft__range){ 0, what->bytes };
    int status = preconditions(head, what);
    const weft__http_header *h = status == 200 && head->verb == WEFT__GET ? weft__http_find(head, range_name, NULL) : NULL;
    if (!h || weft__http_find(head, range_name, h) || !range_holds(head, what)) return status;
    return range_of(weft__trim(h->value), what->bytes, range);
}

bool weft__conditions_any(const weft__http_head *head)
{
    for (unsigned i = 0; i < head->count; i++) {
        weft_str name = head->headers[i].name;
        char first = name.len ? (char)(name.ptr[0] | 32) : 0;
        bool range = first == 'r' && name.len == range_name.len, condition = first == 'i' && name.len > 3 && name.ptr[2] == '-';
        if (range || condition) return true;
    }
    return false;
}
