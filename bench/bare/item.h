#ifndef ITEM_H
#define ITEM_H
/* The one JSON body the bare HTTP server knows, read by hand in its known shape:
 *     {"name": text of 1 to 100 bytes, "price": number >= 0, "tags": [at most 16 texts]}
 * in any order and with any white space. Texts are slices of the input, kept with their escapes. */
#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* item_write writes at most this many bytes more than item_read read: the names and a double's digits. */
enum { ITEM_BYTES_MORE = 64, ITEM_NAME_MAX = 100, ITEM_TAGS_MAX = 16 };

typedef struct item_text { const char *ptr; int len; } item_text;

typedef struct item {
    item_text name;
    double price;
    item_text tags[ITEM_TAGS_MAX];
    int tag_count;
    bool has_name, has_price, has_tags;
} item;

typedef struct item_cursor { const char *at, *end; } item_cursor;

static inline void item_space(item_cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
}

/* Takes `wanted` if it comes next. */
static inline bool item_take(item_cursor *c, char wanted)
{
    item_space(c);
    if (c->at == c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

static inline bool item_read_text(item_cursor *c, item_text *out)
{
    if (!item_take(c, '"')) return false;
    const char *from = c->at;
    while (c->at < c->end && *c->at != '"') c->at += *c->at == '\\' ? 2 : 1;
    if (c->at >= c->end) return false;
    *out = (item_text){ from, (int)(c->at++ - from) };
    return true;
}

/* strtod stops at the quote, comma or brace that must follow; past the end it is no number of ours. */
static inline bool item_read_price(item_cursor *c, item *out)
{
    char *stop;
    item_space(c);
    if (c->at == c->end || *c->at < '0' || *c->at > '9') return false;
    out->price = strtod(c->at, &stop);
    c->at = stop;
    return out->has_price = stop < c->end && out->price <= DBL_MAX;
}

static inline bool item_read_tags(item_cursor *c, item *out)
{
    if (!item_take(c, '[')) return false;
    out->tag_count = 0;
    out->has_tags = true;
    if (item_take(c, ']')) return true;
    do {
        if (out->tag_count == ITEM_TAGS_MAX) return false;
        if (!item_read_text(c, &out->tags[out->tag_count++])) return false;
    } while (item_take(c, ','));
    return item_take(c, ']');
}

static inline bool item_read_member(item_cursor *c, item *out)
{
    item_text key;
    if (!item_read_text(c, &key) || !item_take(c, ':')) return false;
    if (key.len == 4 && !memcmp(key.ptr, "name", 4)) {
        out->has_name = true;
        return item_read_text(c, &out->name) && out->name.len >= 1 && out->name.len <= ITEM_NAME_MAX;
    }
    if (key.len == 5 && !memcmp(key.ptr, "price", 5)) return item_read_price(c, out);
    if (key.len == 4 && !memcmp(key.ptr, "tags", 4)) return item_read_tags(c, out);
    return false;
}

/* True when the bytes are an item within its bounds. A NUL or other non-digit must follow `end`. */
static inline bool item_read(const char *json, const char *end, item *out)
{
    item_cursor c = { json, end };
    *out = (item){ .price = -1 };
    if (!item_take(&c, '{')) return false;
    do {
        if (!item_read_member(&c, out)) return false;
    } while (item_take(&c, ','));
    if (!item_take(&c, '}')) return false;
    item_space(&c);
    return c.at == end && out->has_name && out->has_price && out->has_tags;
}

/* Writes the item as compact JSON and returns its length. */
static inline int item_write(const item *it, char *to)
{
    char *p = to;
    p += sprintf(p, "{\"name\":\"%.*s\",\"price\":%.17g,\"tags\":[", it->name.len, it->name.ptr,
        it->price);
    for (int i = 0; i < it->tag_count; i++)
        p += sprintf(p, "%s\"%.*s\"", i ? "," : "", it->tags[i].len, it->tags[i].ptr);
    p += sprintf(p, "]}");
    return (int)(p - to);
}
#endif
