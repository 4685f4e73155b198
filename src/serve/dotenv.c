/* The lines of .env; the members of a JSON object as they stand in it. */
#include <string.h>
#include "serve/settings.h"
#include "wire/json.h"

/* ---- .env ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static weft_str trimmed(weft_str s)
{
    while (s.len && is_blank(*s.ptr)) s = (weft_str){ s.ptr + 1, s.len - 1 };
    while (s.len && (is_blank(s.ptr[s.len - 1]) || s.ptr[s.len - 1] == '\r')) s.len--;
    return s;
}

static bool is_name(weft_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!letter && c != '_' && !(i && c >= '0' && c <= '9')) return false;
    }
    return s.len > 0;
}

static char unescaped(char c) { return c == 'n' ? '\n' : c == 't' ? '\t' : c; }

/* The text in quotes, and what stands behind it. ptr NULL: the quote does not end in its line, or the arena is starved. */
static weft_str quoted(weft_str s, weft_str *rest, weft_arena *arena)
{
    char quote = *s.ptr, *to = weft__arena_alloc(arena, s.len);
    size_t n = 0;
    if (!to) return (weft_str){ 0 };
    for (size_t i = 1; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == quote) {
            *rest = trimmed((weft_str){ s.ptr + i + 1, s.len - i - 1 });
            to[n] = 0;
            return (weft_str){ to, n };
        }
        bool escape = c == '\\' && quote == '"' && i + 1 < s.len && strchr("nt\"\\$", s.ptr[i + 1]);
        to[n++] = escape ? unescaped(s.ptr[++i]) : c;
    }
    return (weft_str){ 0 };
}

static weft_str plain(weft_str s)
{
    for (size_t i = 1; i < s.len; i++)
        if (s.ptr[i] == '#' && is_blank(s.ptr[i - 1])) return trimmed((weft_str){ s.ptr, i });
    return s;
}

/* Why the line is none; NULL when it is, or is empty. */
static const char *read_line(weft_str line, weft__variable *v, weft_arena *arena)
{
    weft_str rest = { "", 0 };
    line = trimmed(line);
    if (line.len > 7 && memcmp(line.ptr, "export ", 7) == 0) line = trimmed((weft_str){ line.ptr + 7, line.len - 7 });
    if (!line.len || *line.ptr == '#') return NULL;
    const char *equals = memchr(line.ptr, '=', line.len);
    if (!equals) return "expected NAME=value";
    v->name = trimmed((weft_str){ line.ptr, (size_t)(equals - line.ptr) });
    v->value = trimmed((weft_str){ equals + 1, line.len - (size_t)(equals - line.ptr) - 1 });
    if (!is_name(v->name)) return "a name has letters, digits and _, and begins with no digit";
    if (!v->value.len || (*v->value.ptr != '"' && *v->value.ptr != '\'')) {
        bool comment = v->value.len && *v->value.ptr == '#' && is_blank(equals[1]);
        v->value = comment ? (weft_str){ "", 0 } : plain(v->value);
        return NULL;
    }
    v->value = quoted(v->value, &rest, arena);
    if (!v->value.ptr) return "the quote does not end in this line";
    return rest.len && *rest.ptr != '#' ? "something follows the quote that ends the value" : NULL;
}

static weft__variable *slot_of(weft__variables *out, weft_str name, weft_arena *arena)
{
    for (uint32_t i = 0; i < out->count; i++)
        if (weft_str_equal(out->items[i].name, name)) return &out->items[i];
    return weft__list_slot(arena, out, sizeof(weft__variable));
}

int weft__dotenv_read(weft__variables *out, weft_str text, const char *path, weft_arena *arena, weft__buf *faults)
{
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0) text = (weft_str){ text.ptr + 3, text.len - 3 };   /* a byte order mark */
    for (int number = 1; text.len; number++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        weft_str line = { text.ptr, end ? (size_t)(end - text.ptr) : text.len };
        size_t used = line.len + (end != NULL);
        weft__variable v = { .line = number };
        const char *fault = read_line(line, &v, arena);
        if (arena->starved || arena->exceeded) return WEFT_ENOMEM;
        if (fault) weft__buf_printf(faults, "%s line %d: %s\n", path, number, fault);
        else if (v.name.len) {
            weft__variable *slot = slot_of(out, v.name, arena);
            if (!slot) return WEFT_ENOMEM;
            if (out->count > WEFT__VARIABLES_MAX) {
                weft__buf_printf(faults, "%s line %d: more than %d variables\n", path, number, WEFT__VARIABLES_MAX);
                return 0;
            }
            *slot = v;
        }
        text = (weft_str){ text.ptr + used, text.len - used };
    }
    return 0;
}

/* ---- objects ---- */

int weft__object_next(weft_str object, size_t *at, weft_str *key, weft_str *value, weft_arena *arena)
{
    weft__json_in in = weft__json_open(object);
    weft__json_string name;
    bool nul = false;
    in.at += *at;
    unsigned char c = weft__json_peek(&in);
    if (c != '{' && c != ',') return 0;
    in.at++;
    if (weft__json_peek(&in) != '"' || !weft__json_string_read(&in, &name)) return 0;
    if (weft__json_peek(&in) != ':') return 0;
    in.at++;
    (void)weft__json_peek(&in);
    const char *from = in.at;
    if (!weft__json_skip(&in, 1)) return 0;
    *value = (weft_str){ from, (size_t)(in.at - from) };
    *key = name.raw;
    if (name.escaped) {
        char *to = weft__arena_alloc(arena, name.raw.len + 1);
        if (!to) return WEFT_ENOMEM;
        *key = (weft_str){ to, weft__json_unescape(name.raw, to, &nul) };
    }
    *at = (size_t)(in.at - in.start);
    return 1;
}
