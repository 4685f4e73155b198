#include "model/pack.h"
#include "model/schema.h"
#include "model/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_SET = 1, OPTION_NULL = 2 };

/* What a kind of value is packed as. NUMBER: its own bytes. */
typedef enum shape { NUMBER, BOOL, TEXT, TIME, DATETIME, BYTES, MODEL, LIST, MAP, OPTION, UNION,
    NOTHING, NO_SHAPE } shape;

static shape shape_of(const weft_schema *schema)
{
    switch (schema->kind) {
    case WEFT__scalar:
        if (schema->scalar == WEFT__text || schema->scalar == WEFT__json ||
            schema->scalar == WEFT__decimal)
            return TEXT;
        if (schema->scalar == WEFT__time)
            return TIME;
        if (schema->scalar == WEFT__datetime)
            return DATETIME;
        if (schema->scalar == WEFT__bytes)
            return BYTES;
        return schema->scalar == WEFT__bool        ? BOOL
               : schema->scalar == WEFT__no_scalar ? NO_SHAPE
                                                   : NUMBER;
    case WEFT__enum:
        return NUMBER;
    case WEFT__model:
        return MODEL;
    case WEFT__list:
        return LIST;
    case WEFT__map:
        return MAP;
    case WEFT__opt:
        return OPTION;
    case WEFT__union:
        return UNION;
    case WEFT__special:
        break;
    }
    return strcmp(schema->name, "weft_none") == 0 ? NOTHING : NO_SHAPE;
}

/* ---- to bytes ---- */

typedef struct packer {
    weft__buf *out;
    weft__fault *fault;
    unsigned depth;
} packer;

static int pack_value(packer *p, const weft_schema *schema, const void *value);
static int pack_members(packer *p, const weft_schema *schema, const char *value);

static WEFT__COLD WEFT_PRINTF(3, 4) int refuse(weft__fault *fault, int rc, const char *fmt, ...)
{
    if (!fault || fault->text[0])
        return rc;
    va_list args;
    va_start(args, fmt);
    vsnprintf(fault->text, sizeof fault->text, fmt, args);
    va_end(args);
    return rc;
}

static int no_shape(weft__fault *fault, const weft_schema *schema)
{
    return refuse(fault, WEFT_EINVAL, "a %s cannot go to another process", schema->name);
}

static int no_field(weft__fault *fault, const weft_schema *model, const weft_field *f)
{
    return refuse(fault, WEFT_EINVAL,
        "the %s of %s (member '%s') is of this process and cannot go to another",
        f->provides ? f->provides : f->place == WEFT__reply ? "reply" : "request", model->name, f->name);
}

static int pack_text(packer *p, const weft_str *text)
{
    uint64_t n = text->ptr ? (uint64_t)text->len + 1 : 0;
    weft__buf_add(p->out, &n, sizeof n);
    if (text->ptr)
        weft__buf_add(p->out, text->ptr, text->len);
    return 0;
}

static int pack_bytes(packer *p, const weft_bytes *bytes)
{
    return pack_text(p, &(weft_str){ (const char *)bytes->ptr, bytes->len });
}

static int pack_time(packer *p, const weft_time *t)
{
    char head[] = { (char)t->hour, (char)t->minute, (char)t->second, t->zoned };
    weft__buf_add(p->out, head, sizeof head);
    weft__buf_add(p->out, &t->us, sizeof t->us);
    weft__buf_add(p->out, &t->offset_s, sizeof t->offset_s);
    return 0;
}

static int pack_datetime(packer *p, const weft_datetime *when)
{
    weft__buf_add(p->out, &when->us, sizeof when->us);
    weft__buf_add(p->out, &when->offset_s, sizeof when->offset_s);
    weft__buf_add_char(p->out, when->zoned);
    return 0;
}

static int pack_field(packer *p, const weft_schema *model, const weft_field *f, const void *at)
{
    if (weft__field_is_remark(f))
        return 0;
    if (!f->type)
        return no_field(p->fault, model, f);
    if (f->place == WEFT__embed)
        return pack_members(p, f->type, at);
    if (f->place != WEFT__ref)
        return pack_value(p, f->type, at);
    const void *to = *(void *const *)at;
    weft__buf_add_char(p->out, to != NULL);
    return to ? pack_value(p, f->type, to) : 0;
}

/* An embedded model is no level of its own, as in JSON; embedding ends by itself. */
static int pack_members(packer *p, const weft_schema *schema, const char *value)
{
    for (size_t i = 0; i < schema->count; i++) {
        const weft_field *f = &schema->fields[i];
        int rc = pack_field(p, schema, f, value + f->offset);
        if (rc == 0)
            continue;
        return refuse(p->fault, rc,
            "more than %d levels of nesting: do refs form a ring? (model %s, member '%s')",
            WEFT__PACK_DEPTH_MAX, schema->name, f->name);
    }
    return 0;
}

static int pack_model(packer *p, const weft_schema *schema, const void *value)
{
    if (p->depth == WEFT__PACK_DEPTH_MAX)
        return WEFT_ELIMIT;
    p->depth++;
    int rc = pack_members(p, schema, value);
    p->depth--;
    return rc;
}

static int pack_items(packer *p, const weft_schema *schema, const weft__any_list *list, bool map)
{
    if (p->depth == WEFT__PACK_DEPTH_MAX)
        return WEFT_ELIMIT;
    int rc = 0;
    p->depth++;
    weft__buf_add(p->out, &list->count, sizeof list->count);
    for (uint32_t i = 0; i < list->count && rc == 0 && !p->out->failed; i++) {
        const char *item = list->items + i * schema->item_size;
        if (map)
            rc = pack_text(p, (const weft_str *)(const void *)item);
        if (rc == 0)
            rc = pack_value(p, schema->of, map ? item + WEFT__ENTRY_VALUE : item);
    }
    p->depth--;
    return rc;
}

/* The row of the case that the tag names; NULL when it names none. */
static const weft_field *case_of(const weft_schema *schema, const char *value)
{
    const weft_field *tag = &schema->fields[0];
    long number = 0;
    memcpy(&number, value + tag->offset, (size_t)tag->tag);
    for (size_t i = 1; i < schema->count; i++)
        if (schema->fields[i].tag == number)
            return &schema->fields[i];
    return NULL;
}

static int pack_union(packer *p, const weft_schema *schema, const char *value)
{
    const weft_field *tag = &schema->fields[0], *f = case_of(schema, value);
    weft__buf_add(p->out, value + tag->offset, (size_t)tag->tag);
    return f ? pack_model(p, f->type, value + f->offset) : 0;
}

/* The flags may never have been written as bools: any byte but 0 is true. */
static int pack_option(packer *p, const weft_schema *schema, const char *value)
{
    const char *flags = value + schema->of->size;
    char has = (char)((flags[0] ? OPTION_SET : 0) | (flags[1] ? OPTION_NULL : 0));
    weft__buf_add_char(p->out, has);
    return has & OPTION_SET ? pack_value(p, schema->of, value) : 0;
}

static int pack_value(packer *p, const weft_schema *schema, const void *value)
{
    switch (shape_of(schema)) {
    case NUMBER:
        weft__buf_add(p->out, value, schema->size);
        return 0;
    case BOOL:
        weft__buf_add_char(p->out, *(const char *)value != 0);
        return 0;
    case TEXT:
        return pack_text(p, value);
    case TIME:
        return pack_time(p, value);
    case DATETIME:
        return pack_datetime(p, value);
    case BYTES:
        return pack_bytes(p, value);
    case MODEL:
        return pack_model(p, schema, value);
    case LIST:
        return pack_items(p, schema, value, false);
    case MAP:
        return pack_items(p, schema, value, true);
    case OPTION:
        return pack_option(p, schema, value);
    case UNION:
        return pack_union(p, schema, value);
    case NOTHING:
        weft__buf_add_char(p->out, 0);
        return 0;
    default:
        return no_shape(p->fault, schema);
    }
}

int weft__pack(const weft_schema *schema, const void *value, weft__buf *out, weft__fault *fault)
{
    packer p = { out, fault, 0 };
    size_t before = out->len;
    if (fault)
        fault->text[0] = 0;
    int rc = pack_value(&p, schema, value);
    if (rc == 0 && out->failed)
        rc = refuse(fault, out->failed, "a %s of more than %zu bytes", schema->name,
            out->bytes_max - before);
    if (rc < 0)
        out->len = before;
    return rc;
}

int weft__pack_check(const weft_schema *schema, weft__fault *fault)
{
    if (fault)
        fault->text[0] = 0;
    const weft_schema *leaf = weft__schema_leaf(schema);
    if (shape_of(leaf) == NO_SHAPE)
        return no_shape(fault, leaf);
    for (size_t i = 0; leaf->kind == WEFT__model && i < leaf->count; i++)
        if (!leaf->fields[i].type && !weft__field_is_remark(&leaf->fields[i]))
            return no_field(fault, leaf, &leaf->fields[i]);
    return 0;
}

/* ---- and back ---- */

typedef struct unpacker {
    const char *at, *end;
    weft_arena *arena;
    unsigned depth;
} unpacker;

static int unpack_value(unpacker *u, const weft_schema *schema, void *out);

static size_t left(const unpacker *u) { return (size_t)(u->end - u->at); }

static int take(unpacker *u, void *out, size_t n)
{
    if (left(u) < n)
        return WEFT_EPROTO;
    if (n)
        memcpy(out, u->at, n);
    u->at += n;
    return 0;
}

static int take_byte(unpacker *u, unsigned char most, unsigned char *out)
{
    int rc = take(u, out, 1);
    return rc == 0 && *out > most ? WEFT_EPROTO : rc;
}

static int arena_gave_out(const weft_arena *a) { return a->starved ? WEFT_ENOMEM : WEFT_ELIMIT; }

static int unpack_bool(unpacker *u, bool *out)
{
    unsigned char byte;
    int rc = take_byte(u, 1, &byte);
    if (rc == 0)
        *out = byte;
    return rc;
}

static int unpack_text(unpacker *u, weft_str *out)
{
    uint64_t n;
    int rc = take(u, &n, sizeof n);
    *out = (weft_str){ 0 };
    if (rc < 0 || n == 0)
        return rc;
    if (n - 1 > left(u))
        return WEFT_EPROTO;
    *out = weft__arena_dup(u->arena, (weft_str){ u->at, (size_t)(n - 1) });
    if (!out->ptr)
        return arena_gave_out(u->arena);
    u->at += n - 1;
    return 0;
}

static int unpack_bytes(unpacker *u, weft_bytes *out)
{
    weft_str text;
    int rc = unpack_text(u, &text);
    *out = (weft_bytes){ (const uint8_t *)text.ptr, text.len };
    return rc;
}

static int unpack_time(unpacker *u, weft_time *out)
{
    unsigned char head[3];
    int rc = take(u, head, sizeof head);
    if (rc == 0)
        rc = unpack_bool(u, &out->zoned);
    if (rc == 0)
        rc = take(u, &out->us, sizeof out->us);
    if (rc == 0)
        rc = take(u, &out->offset_s, sizeof out->offset_s);
    if (rc == 0) {
        out->hour = head[0];
        out->minute = head[1];
        out->second = head[2];
    }
    return rc;
}

static int unpack_datetime(unpacker *u, weft_datetime *out)
{
    *out = (weft_datetime){ 0 };
    int rc = take(u, &out->us, sizeof out->us);
    if (rc == 0)
        rc = take(u, &out->offset_s, sizeof out->offset_s);
    return rc == 0 ? unpack_bool(u, &out->zoned) : rc;
}

static int unpack_ref(unpacker *u, const weft_schema *schema, void **out)
{
    unsigned char there;
    int rc = take_byte(u, 1, &there);
    *out = NULL;
    if (rc < 0 || !there)
        return rc;
    *out = weft__arena_zalloc(u->arena, schema->size);
    return *out ? unpack_value(u, schema, *out) : arena_gave_out(u->arena);
}

static int unpack_members(unpacker *u, const weft_schema *schema, char *out)
{
    int rc = 0;
    memset(out, 0, schema->size);
    for (size_t i = 0; i < schema->count && rc == 0; i++) {
        const weft_field *f = &schema->fields[i];
        void *at = out + f->offset;
        if (weft__field_is_remark(f))
            continue;
        if (!f->type)
            rc = WEFT_EINVAL;
        else if (f->place == WEFT__ref)
            rc = unpack_ref(u, f->type, at);
        else if (f->place == WEFT__embed)
            rc = unpack_members(u, f->type, at);
        else
            rc = unpack_value(u, f->type, at);
    }
    return rc;
}

static int unpack_model(unpacker *u, const weft_schema *schema, void *out)
{
    if (u->depth == WEFT__PACK_DEPTH_MAX)
        return WEFT_ELIMIT;
    u->depth++;
    int rc = unpack_members(u, schema, out);
    u->depth--;
    return rc;
}

/* Each item takes at least a byte: a count beyond the rest of the bytes is a lie. */
static int unpack_items(unpacker *u, const weft_schema *schema, weft__any_list *out, bool map)
{
    uint32_t count;
    int rc = take(u, &count, sizeof count);
    *out = (weft__any_list){ 0 };
    if (rc < 0 || count == 0)
        return rc;
    if (count > left(u))
        return WEFT_EPROTO;
    if (u->depth == WEFT__PACK_DEPTH_MAX)
        return WEFT_ELIMIT;
    char *items = weft__arena_zalloc(u->arena, count * schema->item_size);
    if (!items)
        return arena_gave_out(u->arena);
    *out = (weft__any_list){ items, count, count };
    u->depth++;
    for (uint32_t i = 0; i < count && rc == 0; i++, items += schema->item_size) {
        if (map)
            rc = unpack_text(u, (weft_str *)(void *)items);
        if (rc == 0)
            rc = unpack_value(u, schema->of, map ? items + WEFT__ENTRY_VALUE : items);
    }
    u->depth--;
    return rc;
}

static int unpack_option(unpacker *u, const weft_schema *schema, char *out)
{
    unsigned char has;
    int rc = take_byte(u, OPTION_SET | OPTION_NULL, &has);
    if (rc < 0)
        return rc;
    memset(out, 0, schema->size);
    out[schema->of->size] = has & OPTION_SET ? 1 : 0;
    out[schema->of->size + 1] = has & OPTION_NULL ? 1 : 0;
    return has & OPTION_SET ? unpack_value(u, schema->of, out) : 0;
}

static int unpack_union(unpacker *u, const weft_schema *schema, char *out)
{
    const weft_field *tag = &schema->fields[0];
    memset(out, 0, schema->size);
    int rc = take(u, out + tag->offset, (size_t)tag->tag);
    const weft_field *f = rc < 0 ? NULL : case_of(schema, out);
    return f ? unpack_model(u, f->type, out + f->offset) : rc;
}

static int unpack_value(unpacker *u, const weft_schema *schema, void *out)
{
    unsigned char nothing;
    switch (shape_of(schema)) {
    case NUMBER:
        return take(u, out, schema->size);
    case BOOL:
        return unpack_bool(u, out);
    case TEXT:
        return unpack_text(u, out);
    case TIME:
        return unpack_time(u, out);
    case DATETIME:
        return unpack_datetime(u, out);
    case BYTES:
        return unpack_bytes(u, out);
    case MODEL:
        return unpack_model(u, schema, out);
    case LIST:
        return unpack_items(u, schema, out, false);
    case MAP:
        return unpack_items(u, schema, out, true);
    case OPTION:
        return unpack_option(u, schema, out);
    case UNION:
        return unpack_union(u, schema, out);
    case NOTHING:
        memset(out, 0, schema->size);
        return take_byte(u, 0, &nothing);
    default:
        return WEFT_EINVAL;
    }
}

int weft__unpack(const weft_schema *schema, weft_str bytes, void *out, weft_arena *arena)
{
    unpacker u = { bytes.ptr, bytes.ptr + bytes.len, arena, 0 };
    int rc = unpack_value(&u, schema, out);
    return rc == 0 && u.at != u.end ? WEFT_EPROTO : rc;
}
