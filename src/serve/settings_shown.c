/* What is shown of settings, and what is not. In doubt it is not. */
#define _GNU_SOURCE
#include <string.h>
#include "base/plain.h"
#include "model/schema.h"
#include "serve/settings.h"

enum { SCHEMAS_MAX = 64, SHOWN_MAX = 512 };

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool is_word(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); }

/* ---- names ---- */

static bool begins(const char *at, const char *end, const char *word)
{
    for (; *word; at++, word++)
        if (at == end || lower(*at) != *word) return false;
    return true;
}

static bool is_whole(weft_str name, const char *at, size_t len)
{
    const char *end = name.ptr + name.len;
    return (at == name.ptr || !is_word(at[-1])) && (at + len == end || !is_word(at[len]));
}

bool weft__named_like_a_secret(weft_str name)
{
    static const char *const parts[] = { "password", "passwd", "pwd", "passphrase", "secret", "token", "key", "credential", "auth", "private" };
    static const char *const words[] = { "pass", "pw", "pin", "salt" };
    const char *end = name.ptr + name.len;
    for (const char *at = name.ptr; at < end; at++) {
        for (size_t i = 0; i < weft_count(parts); i++)
            if (begins(at, end, parts[i])) return true;
        for (size_t i = 0; i < weft_count(words); i++)
            if (begins(at, end, words[i]) && is_whole(name, at, strlen(words[i]))) return true;
    }
    return false;
}

/* ---- types ---- */

typedef struct walk { const weft_schema *seen[SCHEMAS_MAX]; unsigned count; } walk;

static bool found(walk *w, const weft_schema *schema)
{
    schema = weft__schema_leaf(schema);
    if (schema->kind != WEFT__model && schema->kind != WEFT__union) return false;
    for (unsigned i = 0; i < w->count; i++)
        if (w->seen[i] == schema) return false;
    if (w->count == SCHEMAS_MAX) return true;
    w->seen[w->count++] = schema;
    for (size_t i = 0; i < schema->count; i++) {
        const weft_field *field = &schema->fields[i];
        if (weft__field_is_remark(field)) continue;
        if (field->secret || weft__named_like_a_secret(weft__field_name(field)) || (field->type && found(w, field->type))) return true;
    }
    return false;
}

bool weft__holds_secrets(const weft_schema *schema) { return found(&(walk){ .count = 0 }, schema); }

/* ---- texts ---- */

typedef struct text { const char *at, *end; weft__buf *out; } text;

static void copy_to(text *t, const char *to)
{
    weft__buf_add(t->out, t->at, (size_t)(to - t->at));
    t->at = to;
}

static void hide_to(text *t, const char *to)
{
    if (to > t->at) weft__buf_lit(t->out, "***");
    t->at = to;
}

static bool ends_url(char c) { return (unsigned char)c <= ' ' || c == '"' || c == '\'' || c == '`' || c == '<' || c == '>'; }

static bool is_scheme(char c) { return is_word(c) || c == '+' || c == '.' || c == '-'; }

static const char *last_at(const char *from, const char *to)
{
    while (to > from)
        if (*--to == '@') return to;
    return NULL;
}

/* The next URL's scheme, or the end. */
static const char *next_url(const char *from, const char *end)
{
    const char *scheme = memmem(from, (size_t)(end - from), "://", 3);
    if (!scheme) return end;
    while (scheme > from && is_scheme(scheme[-1])) scheme--;
    return scheme;
}

/* Behind a scheme may stand who asks: a name, a colon and a password, or a token alone. What stands behind the colon up to the last '@' is not
 * shown, also where that has in it what should have been encoded: '/', '?', '@' or a space. */
static void hide_userinfo(text *t)
{
    const char *from = t->at, *stop = next_url(from, t->end), *word = from, *host = from;
    while (word < stop && !ends_url(*word)) word++;
    while (host < word && !strchr("/?#", *host)) host++;
    const char *at = last_at(from, word), *colon = memchr(from, ':', (size_t)(host - from));
    bool has_port = from < host && *from == '[';
    if (!at && colon && !has_port) at = last_at(from, stop);
    if (!at) return;
    const char *first = memchr(from, '@', (size_t)(at + 1 - from));
    if (colon && colon < first && !has_port) copy_to(t, colon + 1);
    else if (first >= host) return;
    hide_to(t, at);
}

/* What stands behind a name in a text: password=..., "token": "...". */
static const char *value_of(const char *at, const char *end)
{
    if (at < end && (*at == '"' || *at == '\'')) at++;
    while (at < end && *at == ' ') at++;
    if (at == end || (*at != '=' && *at != ':')) return NULL;
    if (*at == ':' && end - at > 2 && at[1] == '/' && at[2] == '/') return NULL;
    for (at++; at < end && *at == ' ';) at++;
    return at;
}

static void hide_value(text *t, const char *from)
{
    char c = from < t->end ? *from : 0;
    const char *to = from;
    if (c == '{' || c == '[') to = t->end;               /* what belongs to it is not looked for */
    else if (c == '"' || c == '\'') {
        for (to = ++from; to < t->end && *to != c; to++)
            if (*to == '\\' && to + 1 < t->end) to++;
    } else while (to < t->end && (unsigned char)*to > ' ' && !strchr("&;}]\"'", *to)) to++;
    copy_to(t, from);
    hide_to(t, to);
}

static bool is_name(char c) { return is_word(c) || c == '_' || c == '-' || c == '.'; }

static void mask(text *t)
{
    while (t->at < t->end) {
        if (t->end - t->at > 3 && memcmp(t->at, "://", 3) == 0) {
            copy_to(t, t->at + 3);
            hide_userinfo(t);
            continue;
        }
        const char *name = t->at, *behind = name;
        while (behind < t->end && is_name(*behind)) behind++;
        const char *value = behind > name && weft__named_like_a_secret((weft_str){ name, (size_t)(behind - name) }) ? value_of(behind, t->end) : NULL;
        if (value) hide_value(t, value);
        else copy_to(t, behind > name ? behind : name + 1);
    }
}

void weft__shown_add(weft__buf *out, weft_str value)
{
    char room[SHOWN_MAX];
    weft__buf masked;
    weft__buf_init(&masked, WEFT__SETTINGS_TEXT_MAX);
    mask(&(text){ value.ptr, value.ptr + value.len, &masked });
    weft_str rest = weft__buf_str(&masked);
    if (masked.failed) out->failed = masked.failed;
    weft__buf_add(out, room, weft__plain(&rest, room, sizeof room, false));
    if (rest.len) weft__buf_lit(out, "...");
    weft__buf_free(&masked);
}
