#define _GNU_SOURCE
#include "db/statement.h"
#include <string.h>
#include <strings.h>
#include "base/mem.h"

typedef struct reader {
    const char *at, *end;
    weft__parsed *out;
    const char *fault;
} reader;

static bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_name(char c) { return is_name_start(c) || (c >= '0' && c <= '9') || (c & 0x80); }
static bool follows(const reader *r, char a, char b) { return r->end - r->at >= 2 && r->at[0] == a && r->at[1] == b; }

static void copy_to(reader *r, const char *to)
{
    for (const char *p = r->at; p + 1 < to; p++) r->out->quoted |= p[0] == '{' && p[1] == '}';
    weft__buf_add(&r->out->sql, r->at, (size_t)(to - r->at));
    r->at = to;
}

/* A quote inside the quotes is written twice: that reads as the end of one text and the beginning of the next, with nothing
 * between, which comes to the same. */
static bool quoted(reader *r, char close)
{
    const char *end = memchr(r->at + 1, close, (size_t)(r->end - r->at) - 1);
    if (!end) return r->fault = "a quote that begins and does not end", false;
    copy_to(r, end + 1);
    return true;
}

static bool line_comment(reader *r)
{
    const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
    copy_to(r, end ? end + 1 : r->end);
    return true;
}

/* One that does not end reaches to the end of the text, as SQLite has it. */
static bool block_comment(reader *r)
{
    const char *end = memmem(r->at + 2, (size_t)(r->end - r->at) - 2, "*/", 2);
    copy_to(r, end ? end + 2 : r->end);
    return true;
}

static int place_named(const weft__parsed *p, weft_str name)
{
    for (uint32_t i = 0; name.ptr && i < p->count; i++)
        if (p->places[i].name.ptr && weft_str_equal(p->places[i].name, name)) return (int)i;
    return -1;
}

static bool place_add(reader *r, weft_str name)
{
    weft__parsed *p = r->out;
    if (p->count == WEFT__PLACES_MAX) return r->fault = "more than 1000 places for values", false;
    if (p->count == p->room) {
        uint32_t room = p->room ? 2 * p->room : 8;
        weft__place *more = weft__realloc(p->places, room * sizeof *more);
        if (!more) return p->sql.failed = WEFT_ENOMEM, false;
        p->places = more;
        p->room = room;
    }
    p->places[p->count++] = (weft__place){ name };
    if (!name.ptr) p->positional++;
    return true;
}

static bool place(reader *r, weft_str name, const char *behind)
{
    int known = place_named(r->out, name);
    if (known < 0 && !place_add(r, name)) return false;
    weft__buf_add_char(&r->out->sql, '?');
    weft__buf_add_int(&r->out->sql, known < 0 ? (int64_t)r->out->count : known + 1);
    r->at = behind;
    return true;
}

static bool named(reader *r)
{
    const char *end = r->at + 1;
    while (end < r->end && is_name(*end)) end++;
    return place(r, (weft_str){ r->at + 1, (size_t)(end - r->at - 1) }, end);
}

static bool is_word(const reader *r, size_t n, const char *word) { return n == strlen(word) && strncasecmp(r->at, word, n) == 0; }

/* A whole word: a '$' or ':' in it begins nothing. */
static bool word(reader *r)
{
    const char *end = r->at + 1;
    while (end < r->end && (is_name(*end) || *end == '$')) end++;
    size_t n = (size_t)(end - r->at);
    weft__parsed *p = r->out;
    if (!p->worded) p->kind = is_word(r, n, "pragma") ? WEFT__SQL_PRAGMA : is_word(r, n, "vacuum") ? WEFT__SQL_VACUUM : WEFT__SQL_PLAIN;
    p->worded = true;
    p->fails |= is_word(r, n, "fail");
    copy_to(r, end);
    return true;
}

static bool step(reader *r)
{
    char c = *r->at, next = r->end - r->at > 1 ? r->at[1] : 0;
    if (c == '\'' || c == '"' || c == '`') return quoted(r, c);
    if (c == '[') return quoted(r, ']');
    if (follows(r, '-', '-')) return line_comment(r);
    if (follows(r, '/', '*')) return block_comment(r);
    if (follows(r, '{', '}') && r->end - r->at > 2 && r->at[2] >= '0' && r->at[2] <= '9') return r->fault = "a digit right behind a {}", false;
    if (follows(r, '{', '}')) return place(r, (weft_str){ 0 }, r->at + 2);
    if (c == ':' && is_name_start(next)) return named(r);
    if (c == '?') return r->fault = "a '?': write {} for a value", false;
    if ((c == '@' || c == '$') && is_name(next)) return r->fault = "a '@name' or '$name': write :name for the field of a model", false;
    if (c == 0) return r->fault = "a NUL character", false;
    if (is_name(c)) return word(r);
    size_t n = follows(r, ':', ':') ? 2 : 1;
    weft__buf_add(&r->out->sql, r->at, n);
    r->at += n;
    return true;
}

int weft__sql_parse(weft_str text, weft__parsed *out, const char **fault)
{
    *out = (weft__parsed){ 0 };
    weft__buf_init(&out->sql, 8 * (size_t)WEFT__SQL_MAX);
    reader r = { text.ptr, text.ptr + text.len, out, NULL };
    if (text.len > WEFT__SQL_MAX) return *fault = "more than 1 MiB of SQL", WEFT_ELIMIT;
    while (r.at < r.end && !out->sql.failed)
        if (!step(&r)) break;
    weft__buf_add_char(&out->sql, 0);
    if (out->sql.failed) return *fault = "no memory left", out->sql.failed;
    out->sql.len--;
    *fault = r.fault;
    return r.fault ? WEFT_EINVAL : 0;
}

void weft__parsed_free(weft__parsed *p)
{
    weft__buf_free(&p->sql);
    weft__free(p->places);
}
