/* WEFT_CHECK_JSON: two JSON texts compared by value, and where they first differ. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "weft/test.h"
#include "wire/json.h"
#include "wire/number.h"

enum { PATH_BYTES_MAX = 400, VALUE_SHOWN_MAX = 200 };

/* The two texts, found good: their values are walked side by side. `path` is where we are. */
typedef struct comparing {
    weft__json_in want, got;
    char path[PATH_BYTES_MAX];
    size_t path_len;
    char fault[1024];
} comparing;

static bool differ(comparing *c, const char *what, weft_str want, weft_str got)
{
    snprintf(c->fault, sizeof c->fault, "at $%s: %s: expected %.*s%s, got %.*s%s", c->path, what,
        (int)(want.len < VALUE_SHOWN_MAX ? want.len : VALUE_SHOWN_MAX), want.ptr,
        want.len > VALUE_SHOWN_MAX ? "..." : "",
        (int)(got.len < VALUE_SHOWN_MAX ? got.len : VALUE_SHOWN_MAX), got.ptr,
        got.len > VALUE_SHOWN_MAX ? "..." : "");
    return false;
}

/* The text of the value that stands there, and past it. */
static weft_str value_at(weft__json_in *in)
{
    weft__json_peek(in);
    const char *from = in->at;
    return weft__json_skip(in, 0) ? (weft_str){ from, (size_t)(in->at - from) } : WEFT_S("");
}

/* What a string means; to be freed. */
static weft_str text_at(weft__json_in *in, char **memory)
{
    weft__json_string s = { 0 };
    bool nul = false;
    *memory = NULL;
    weft__json_peek(in);
    if (!weft__json_string_read(in, &s)) return WEFT_S("");
    *memory = weft__malloc(s.raw.len + 1);
    WEFT_NEED(*memory != NULL);
    return (weft_str){ *memory, weft__json_unescape(s.raw, *memory, &nul) };
}

static bool same_text(weft__json_in a, weft__json_in b)
{
    char *in_a, *in_b;
    bool same = weft_str_equal(text_at(&a, &in_a), text_at(&b, &in_b));
    weft__free(in_a);
    weft__free(in_b);
    return same;
}

static bool same_number(weft_str a, weft_str b)
{
    weft__number x, y;
    int64_t i, j;
    if (weft_str_equal(a, b)) return true;
    if (!weft__number_scan(a.ptr, a.ptr + a.len, &x)
        || !weft__number_scan(b.ptr, b.ptr + b.len, &y))
        return false;
    if (weft__number_int64(&x, &i) == 0 && weft__number_int64(&y, &j) == 0) return i == j;
    return weft__number_double(&x) == weft__number_double(&y);
}

static bool compare(comparing *c);

static size_t path_add(comparing *c, const char *fmt, weft_str name, size_t index)
{
    size_t before = c->path_len, room = sizeof c->path - before;
    int n = name.ptr ? snprintf(c->path + before, room, fmt, WEFT_FMT(name))
                     : snprintf(c->path + before, room, "[%zu]", index);
    c->path_len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
    return before;
}

static void path_back(comparing *c, size_t to)
{
    c->path_len = to;
    c->path[to] = 0;
}

/* Past '[' or '{' and after each item: whether another one follows. */
static bool another(weft__json_in *in, bool first)
{
    unsigned char next = weft__json_peek(in);
    if (next == ']' || next == '}') {
        in->at++;
        return false;
    }
    if (!first) in->at++;            /* the comma */
    return true;
}

static size_t count_at(weft__json_in in)
{
    size_t n = 0;
    bool object = weft__json_peek(&in) == '{';
    for (in.at++; another(&in, n == 0); n++) {
        value_at(&in);
        if (!object) continue;
        weft__json_peek(&in);
        in.at++;
        value_at(&in);
    }
    return n;
}

static bool compare_lists(comparing *c)
{
    size_t want = count_at(c->want), got = count_at(c->got);
    weft__json_in want_from = c->want, got_from = c->got;
    c->want.at++;
    c->got.at++;
    for (size_t i = 0; i < want && i < got; i++) {
        another(&c->want, i == 0);
        another(&c->got, i == 0);
        size_t here = path_add(c, "", (weft_str){ 0 }, i);
        if (!compare(c)) return false;
        path_back(c, here);
    }
    if (want != got) {
        char what[80];
        snprintf(what, sizeof what, "%zu items expected, %zu came", want, got);
        return differ(c, what, value_at(&want_from), value_at(&got_from));
    }
    another(&c->want, false);
    another(&c->got, false);
    return true;
}

/* Where the value of a key stands in an object, in any order; false when it has no such key. */
static bool find_key(weft__json_in in, weft__json_in key, weft__json_in *value)
{
    size_t n = 0;
    for (in.at++; another(&in, n == 0); n++) {
        weft__json_peek(&in);
        weft__json_in here = in;
        value_at(&in);
        weft__json_peek(&in);
        in.at++;
        if (same_text(here, key)) {
            *value = in;
            return true;
        }
        value_at(&in);
    }
    return false;
}

/* The first key that is in one object and not in the other. */
static bool lacking_key(weft__json_in of, weft__json_in in, weft_str *key)
{
    weft__json_in value;
    size_t n = 0;
    for (of.at++; another(&of, n == 0); n++) {
        weft__json_peek(&of);
        weft__json_in here = of;
        *key = value_at(&of);
        if (!find_key(in, here, &value)) return true;
        weft__json_peek(&of);
        of.at++;
        value_at(&of);
    }
    return false;
}

static bool compare_objects(comparing *c)
{
    weft__json_in want = c->want, got = c->got;
    weft_str key;
    if (lacking_key(want, got, &key)) return differ(c, "a key is missing", key, value_at(&got));
    if (lacking_key(got, want, &key)) return differ(c, "a key too many", value_at(&want), key);
    if (count_at(want) != count_at(got))
        return differ(c, "a key came twice", value_at(&want), value_at(&got));
    size_t n = 0;
    for (want.at++; another(&want, n == 0); n++) {
        weft__json_peek(&want);
        weft__json_in name = want;
        key = value_at(&want);
        weft__json_peek(&want);
        want.at++;
        size_t here = path_add(c, ".%.*s", (weft_str){ key.ptr + 1, key.len - 2 }, 0);
        c->want = want;
        if (!find_key(got, name, &c->got) || !compare(c)) return false;
        path_back(c, here);
        value_at(&want);
    }
    c->want = want;
    value_at(&got);
    c->got = got;
    return true;
}

static char kind_of(unsigned char first)
{
    return first == '-' || (first >= '0' && first <= '9') ? '0' : (char)first;
}

static bool compare(comparing *c)
{
    char want = kind_of(weft__json_peek(&c->want)), got = kind_of(weft__json_peek(&c->got));
    weft__json_in want_from = c->want, got_from = c->got;
    if (want == got && want == '{') return compare_objects(c);
    if (want == got && want == '[') return compare_lists(c);
    weft_str a = value_at(&c->want), b = value_at(&c->got);
    bool same = want == got
        && (want == '0'       ? same_number(a, b)
                : want == '"' ? same_text(want_from, got_from)
                              : weft_str_equal(a, b));
    return same || differ(c, "values differ", a, b);
}

bool weft__check_json(const char *file, int line, weft_str body, const char *json)
{
    weft_str want = weft_str_of(json);
    comparing c = { .want = weft__json_open(want), .got = weft__json_open(body) };
    if (!weft__json_valid(want)) {
        weft__check_fail(file, line, "the expected value is no JSON: %s", json);
        return false;
    }
    if (!weft__json_valid(body)) {
        weft__check_fail(
            file, line, "expected JSON %s, got what is none: %.*s", json, WEFT_FMT(body));
        return false;
    }
    if (compare(&c)) return true;
    weft__check_fail(
        file, line, "%s\n    expected %s\n    got      %.*s", c.fault, json, WEFT_FMT(body));
    return false;
}
