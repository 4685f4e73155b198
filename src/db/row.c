#include "db/row.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "model/coerce.h"
#include "model/plan.h"
#include "model/text.h"
#include "weft/db.h"
#include "wire/decimal.h"
#include "wire/number.h"
#include "wire/utf8.h"

/* ---- plans ---- */

typedef struct gathering {
    weft__column *columns;           /* NULL: they are only counted */
    uint32_t count;
    const char *fault;
} gathering;

static bool is_member(const weft_field *f)
{
    return f->place == WEFT__field || f->place == WEFT__hidden || f->place == WEFT__ref;
}

static bool can_be_held(const weft_schema *s)
{
    if (s->kind == WEFT__opt) s = s->of;
    return s->kind != WEFT__special && !(s->kind == WEFT__scalar && s->scalar == WEFT__no_scalar);
}

static void gather(gathering *g, const weft_schema *schema, size_t offset, int depth)
{
    if (depth > WEFT__EMBED_DEPTH_MAX) g->fault = "a model that embeds itself";
    for (size_t i = 0; i < schema->count && !g->fault; i++) {
        const weft_field *f = &schema->fields[i];
        if (f->place == WEFT__embed) {
            gather(g, f->type, offset + f->offset, depth + 1);
            continue;
        }
        if (!is_member(f)) continue;
        if (g->count == WEFT__COLUMNS_MAX) g->fault = "more than 256 fields";
        else if (!can_be_held(f->type)) g->fault = "a field of a type that no column holds";
        else if (g->columns) g->columns[g->count] = (weft__column){ f, f->type, offset + f->offset, -1, f->place == WEFT__ref };
        g->count++;
    }
}

weft__row_plan *weft__row_plan_new(const weft_schema *schema, const char **fault)
{
    bool model = schema->kind == WEFT__model;
    gathering g = { 0 };
    if (model) gather(&g, schema, 0, 0);
    else if (!can_be_held(schema)) g.fault = "a type that no column holds";
    else g.count = 1;
    *fault = g.fault;
    if (g.fault) return NULL;
    weft__row_plan *p = weft__malloc(sizeof *p + g.count * sizeof *p->columns);
    if (!p) return NULL;
    *p = (weft__row_plan){ schema, g.count };
    if (!model) p->columns[0] = (weft__column){ .type = schema };
    else gather(&(gathering){ .columns = p->columns }, schema, 0, 0);
    return p;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool same_name(const char *a, size_t len, const char *b)
{
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i])) return false;        /* a NUL of b is none of a */
    return b[len] == 0;
}

static int find(const weft_field *f, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (same_name(f->name, f->name_len, names[i])) return i;
    return -1;
}

int weft__row_plan_match(weft__row_plan *p, const char *const *names, int count, weft__buf *fault)
{
    if (p->schema->kind != WEFT__model) {
        if (count == 1) return 0;
        weft__buf_printf(fault, "a %s is one column, and there are %d", p->schema->name, count);
        return WEFT_EDB;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        const weft_field *f = p->columns[i].field;
        p->columns[i].at = find(f, names, count);
        if (p->columns[i].at >= 0 || f->initial || weft__field_may_lack(f)) continue;
        weft__buf_printf(fault, "%s.%s has no column of its name; the columns are", p->schema->name, f->name);
        for (int k = 0; k < count; k++) weft__buf_printf(fault, "%s %s", k ? "," : "", names[k]);
        return WEFT_EDB;
    }
    return 0;
}

const weft__column *weft__row_plan_find(const weft__row_plan *p, weft_str name)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const weft_field *f = p->columns[i].field;
        if (f && f->name_len == name.len && memcmp(f->name, name.ptr, name.len) == 0) return &p->columns[i];
    }
    return NULL;
}

/* ---- from a row ---- */

typedef struct reading { weft_arena *arena; weft__buf *fault; } reading;

static const char *const kinds[] = { "NULL", "an INTEGER", "a REAL", "TEXT", "a BLOB", "a NUMERIC" };

/* What was expected; the column's name is put before it by whoever knows it. */
static int unfit(reading *r, const weft__cell *c, const char *wanted)
{
    char shown[64] = "";
    if (c->kind == WEFT__CELL_INT) snprintf(shown, sizeof shown, " %lld", (long long)c->i);
    if (c->kind == WEFT__CELL_REAL) snprintf(shown, sizeof shown, " %.17g", c->d);
    if (c->kind == WEFT__CELL_DECIMAL) snprintf(shown, sizeof shown, " %.*s", (int)(c->s.len < 40 ? c->s.len : 40), c->s.ptr);
    weft__buf_printf(r->fault, "is %s%s; %s", kinds[c->kind], shown, wanted);
    return WEFT_EDB;
}

/* A sum of integers is a NUMERIC in PostgreSQL: one without a fraction, and no larger, is an INTEGER. */
static bool integral(const weft__cell *c, weft__cell *out)
{
    weft__number n;
    int64_t i;
    const char *end = c->s.ptr + c->s.len;
    if (weft__number_scan(c->s.ptr, end, &n) != end || !n.whole || weft__number_int64(&n, &i) < 0) return false;
    *out = (weft__cell){ WEFT__CELL_INT, .i = i };
    return true;
}

static int read_int(reading *r, const weft__cell *c, weft_scalar scalar, void *out)
{
    weft__cell whole;
    if (c->kind == WEFT__CELL_DECIMAL && integral(c, &whole)) c = &whole;
    if (c->kind != WEFT__CELL_INT) return unfit(r, c, "expected is an INTEGER");
    if (scalar == WEFT__int64) *(int64_t *)out = c->i;
    else if (c->i != (int32_t)c->i) return unfit(r, c, "expected is an INTEGER of 32 bits");
    else *(int32_t *)out = (int32_t)c->i;
    return 0;
}

/* The nearest double: what is asked for of an average. */
static int read_nearest(reading *r, const weft__cell *c, double *out)
{
    weft__number n;
    double d = weft__number_scan(c->s.ptr, c->s.ptr + c->s.len, &n) ? weft__number_double(&n) : 0;
    if (d - d != 0) return unfit(r, c, "expected is a finite REAL");
    *out = d;
    return 0;
}

static int read_double(reading *r, const weft__cell *c, double *out)
{
    if (c->kind == WEFT__CELL_DECIMAL) return read_nearest(r, c, out);
    if (c->kind != WEFT__CELL_INT && c->kind != WEFT__CELL_REAL) return unfit(r, c, "expected is a REAL");
    double d = c->kind == WEFT__CELL_INT ? (double)c->i : c->d;
    bool exact = c->kind == WEFT__CELL_REAL || (c->i <= INT64_C(1) << 53 && c->i >= -(INT64_C(1) << 53));
    if (!exact) return unfit(r, c, "expected is a REAL, and a double does not hold this exactly");
    if (d - d != 0) return unfit(r, c, "expected is a finite REAL");
    *out = d;
    return 0;
}

static int read_bool(reading *r, const weft__cell *c, bool *out)
{
    if (c->kind != WEFT__CELL_INT || (c->i & ~INT64_C(1))) return unfit(r, c, "expected is 0 or 1");
    *out = c->i;
    return 0;
}

static int copy(reading *r, weft_str s, weft_str *out)
{
    char *p = weft__arena_alloc(r->arena, s.len + 1);
    if (!p) return weft__arena_error(r->arena);
    if (s.len) memcpy(p, s.ptr, s.len);
    p[s.len] = 0;
    *out = (weft_str){ p, s.len };
    return 0;
}

static int read_text(reading *r, const weft__cell *c, weft_str *out)
{
    if (c->kind != WEFT__CELL_TEXT) return unfit(r, c, "expected is TEXT");
    if (memchr(c->s.len ? c->s.ptr : "x", 0, c->s.len ? c->s.len : 1)) return unfit(r, c, "with a NUL in it, which a weft_str has not");
    if (!weft__utf8_valid(c->s.ptr, c->s.len)) return unfit(r, c, "that is not UTF-8");
    return copy(r, c->s, out);
}

static int read_bytes(reading *r, const weft__cell *c, weft_bytes *out)
{
    weft_str s;
    if (c->kind != WEFT__CELL_BLOB) return unfit(r, c, "expected is a BLOB");
    int rc = copy(r, c->s, &s);
    if (rc == 0) *out = (weft_bytes){ (const uint8_t *)s.ptr, s.len };
    return rc;
}

/* What is no text of its kind says so in the words that a client would be told. */
static int read_value(reading *r, const weft_schema *schema, const weft__cell *c, void *out)
{
    weft__finding found = { 0 };
    char digits[24];
    weft_str text = c->s;
    if (schema->scalar == WEFT__uuid && c->kind == WEFT__CELL_BLOB && c->s.len == 16) return memcpy(out, c->s.ptr, 16), 0;
    if (schema->scalar == WEFT__decimal && c->kind == WEFT__CELL_INT) text = (weft_str){ digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)c->i) };
    else if (c->kind != WEFT__CELL_TEXT && !(c->kind == WEFT__CELL_DECIMAL && schema->scalar == WEFT__decimal))
        return unfit(r, c, schema->scalar == WEFT__decimal && c->kind == WEFT__CELL_REAL ? "which is not exact; a weft_decimal wants a column of TEXT" : "expected is TEXT");
    int rc = weft__coerce(schema, NULL, &(weft__token){ WEFT__TOKEN_TEXT, .text = text }, out, r->arena, &found);
    if (rc == WEFT_EINVAL) return unfit(r, c, found.msg);
    return rc;
}

static int read_json(reading *r, const weft_schema *schema, const weft__cell *c, void *out)
{
    weft__problems problems;
    weft_arena temp;
    if (c->kind != WEFT__CELL_TEXT) return unfit(r, c, "expected is JSON, as TEXT");
    weft__arena_init(&temp, NULL, 1 << 20);
    weft__problems_init(&problems, &temp);
    int rc = weft__json_read(schema, NULL, c->s, out, r->arena, &problems, NULL);
    if (rc == WEFT_EINVAL) {
        weft_str msg = problems.count ? problems.items[0].msg : WEFT_S("it is none");
        weft__buf_printf(r->fault, "is TEXT; expected is the JSON of a %s: %.*s", schema->name, WEFT_FMT(msg));
        rc = WEFT_EDB;
    }
    weft__arena_free(&temp);
    return rc;
}

static int read_enum(reading *r, const weft_schema *schema, const weft__cell *c, void *out)
{
    const weft_field *value = c->kind == WEFT__CELL_TEXT ? weft__enum_value(schema, c->s) : NULL;
    if (!value) {
        unfit(r, c, "expected is one of");
        for (size_t i = 0; i < schema->count; i++) weft__buf_printf(r->fault, "%s '%s'", i ? "," : "", schema->fields[i].name);
        return WEFT_EDB;
    }
    weft__enum_store(schema, out, value->tag);
    return 0;
}

static int read_scalar(reading *r, const weft_schema *schema, const weft__cell *c, void *out)
{
    switch (schema->scalar) {
    case WEFT__int32: case WEFT__int64: return read_int(r, c, schema->scalar, out);
    case WEFT__double: return read_double(r, c, out);
    case WEFT__bool: return read_bool(r, c, out);
    case WEFT__text: return read_text(r, c, out);
    case WEFT__bytes: return read_bytes(r, c, out);
    case WEFT__json: return read_json(r, schema, c, out);
    default: return read_value(r, schema, c, out);
    }
}

static int read_cell(reading *r, const weft_schema *schema, const weft__cell *c, char *out)
{
    switch (schema->kind) {
    case WEFT__scalar: return read_scalar(r, schema, c, out);
    case WEFT__enum: return read_enum(r, schema, c, out);
    case WEFT__opt: {
        int rc = c->kind == WEFT__CELL_NULL ? 0 : read_cell(r, schema->of, c, out);
        out[schema->of->size] = c->kind != WEFT__CELL_NULL;
        out[schema->of->size + 1] = c->kind == WEFT__CELL_NULL;
        return rc;
    }
    default: return read_json(r, schema, c, out);
    }
}

static int read_ref(reading *r, const weft_schema *schema, const weft__cell *c, void **out)
{
    if (c->kind == WEFT__CELL_NULL) return *out = NULL, 0;
    char *to = weft__arena_zalloc(r->arena, schema->size);
    if (!to) return weft__arena_error(r->arena);
    int rc = read_cell(r, schema, c, to);
    if (rc == 0) *out = to;
    return rc;
}

static int read_column(reading *r, const weft__column *c, const weft__cell *row, char *out)
{
    if (c->at < 0) return c->field->initial ? weft__default_read(c->field, 0, out + c->offset, r->arena) : 0;
    if (c->ref) return read_ref(r, c->type, &row[c->at], (void **)(void *)(out + c->offset));
    return read_cell(r, c->type, &row[c->at], out + c->offset);
}

int weft__row_read(const weft__row_plan *p, const weft__cell *row, const char *const *names, void *out, weft_arena *arena, weft__buf *fault)
{
    weft__buf why;
    weft__buf_init(&why, 512);
    memset(out, 0, p->schema->size);
    for (uint32_t i = 0; i < p->count; i++) {
        const weft__column *c = &p->columns[i];
        int rc = read_column(&(reading){ arena, &why }, c, row, out);
        if (rc == 0) continue;
        if (rc == WEFT_EDB && names) weft__buf_printf(fault, "column %s %.*s (%s%s%s)", names[c->at], WEFT_FMT(weft__buf_str(&why)), c->type->name,
            c->field ? " " : "", c->field ? c->field->name : "");
        weft__buf_free(&why);
        return rc;
    }
    return 0;
}

/* ---- to cells ---- */

static int refuse(weft__buf *fault, const char *what)
{
    weft__buf_printf(fault, "%s", what);
    return WEFT_EINVAL;
}

static int text_made(weft_arena *arena, const char *text, size_t len, weft__cell *out)
{
    weft_str s = weft__arena_dup(arena, (weft_str){ text, len });
    if (!s.ptr) return weft__arena_error(arena);
    *out = (weft__cell){ WEFT__CELL_TEXT, .s = s };
    return 0;
}

static int cell_text(weft_str s, weft__cell *out, weft__buf *fault)
{
    if (!s.ptr && s.len == 0) return refuse(fault, "a weft_str without a pointer; NULL is weft_null, the empty text WEFT_S(\"\")");
    if (memchr(s.ptr, 0, s.len)) return refuse(fault, "a text with a NUL in it; bytes are a weft_bytes");
    if (!weft__utf8_valid(s.ptr, s.len)) return refuse(fault, "a text that is not UTF-8; bytes are a weft_bytes");
    *out = (weft__cell){ WEFT__CELL_TEXT, .s = s };
    return 0;
}

/* Always six digits of a fraction, so that the order of texts is that of times. */
static int cell_time(weft_time t, weft_arena *arena, weft__cell *out, weft__buf *fault)
{
    char whole[WEFT_TIME_TEXT], text[64];
    if (!weft_time_valid(t)) return refuse(fault, "a weft_time that is none");
    weft_time_text(t, whole);
    const char *offset = whole + 8;                  /* behind HH:MM:SS, and the fraction if one is there */
    while (*offset == '.' || (*offset >= '0' && *offset <= '9')) offset++;
    int n = snprintf(text, sizeof text, "%02d:%02d:%02d.%06d%s", t.hour, t.minute, t.second, (int)t.us, offset);
    return text_made(arena, text, (size_t)n, out);
}

static int cell_datetime(weft_datetime w, weft_arena *arena, weft__cell *out, weft__buf *fault)
{
    char text[64], day[WEFT_DATE_TEXT];
    weft_datetime utc = weft_datetime_of_unix(w.us);
    if (!weft_datetime_valid(w) || !weft_datetime_valid(utc)) return refuse(fault, "a weft_datetime that is none");
    weft_time t = weft_datetime_time(utc);
    int n = snprintf(text, sizeof text, "%sT%02d:%02d:%02d.%06d%s", weft_date_text(weft_datetime_date(utc), day), t.hour, t.minute, t.second, (int)t.us,
        w.zoned ? "Z" : "");
    int rc = text_made(arena, text, (size_t)n, out);
    out->moment = rc == 0;
    return rc;
}

static int cell_json(const weft_schema *schema, const void *value, weft_arena *arena, weft__cell *out, weft__buf *fault)
{
    weft__fault why = { "" };
    weft__buf json;
    weft__buf_init(&json, 16 << 20);
    int rc = weft__json_write(schema, value, &json, &why);
    if (rc == WEFT_EINVAL) refuse(fault, why.text);
    if (rc == 0) rc = text_made(arena, weft__buf_str(&json).ptr, json.len, out);
    weft__buf_free(&json);
    return rc;
}

static int cell_double(double d, weft__cell *out, weft__buf *fault)
{
    if (d - d != 0) return refuse(fault, "a double that is not finite");
    *out = (weft__cell){ WEFT__CELL_REAL, .d = d };
    return 0;
}

static int cell_decimal(weft_str text, weft__cell *out, weft_arena *arena, weft__buf *fault)
{
    weft__exact exact;
    char room[WEFT__DECIMAL_ROOM];
    if (text.len == 0) return *out = (weft__cell){ WEFT__CELL_TEXT, .s = WEFT_S("0") }, 0;
    if (weft__decimal_read(text, &exact) < 0) return refuse(fault, "a weft_decimal that is none");
    return text_made(arena, room, weft__decimal_write(room, &exact), out);
}

static int cell_bytes(weft_str s, weft__cell *out)
{
    *out = (weft__cell){ WEFT__CELL_BLOB, .s = s.ptr ? s : WEFT_S("") };
    return 0;
}

int weft__cell_of_val(const weft_val *v, weft_arena *arena, weft__cell *out, weft__buf *fault)
{
    char room[64];
    switch (v->kind) {
    case WEFT__VAL_INT: case WEFT__VAL_BOOL: return *out = (weft__cell){ WEFT__CELL_INT, .i = v->i }, 0;
    case WEFT__VAL_UINT:
        if (v->u > INT64_MAX) return refuse(fault, "a number above 2^63 - 1, which is the largest there is");
        return *out = (weft__cell){ WEFT__CELL_INT, .i = (int64_t)v->u }, 0;
    case WEFT__VAL_DOUBLE: return cell_double(v->d, out, fault);
    case WEFT__VAL_STR: return cell_text(v->s, out, fault);
    case WEFT__VAL_NULL: return *out = (weft__cell){ WEFT__CELL_NULL, .i = 0 }, 0;
    case WEFT__VAL_BYTES: return cell_bytes(v->s, out);
    case WEFT__VAL_JSON: return cell_json(&weft_schema_weft_json, &(weft_json){ v->s }, arena, out, fault);
    case WEFT__VAL_DATE:
        if (!weft_date_valid(v->date)) return refuse(fault, "a weft_date that is none");
        return text_made(arena, weft_date_text(v->date, room), WEFT_DATE_TEXT - 1, out);
    case WEFT__VAL_TIME: return cell_time(v->time, arena, out, fault);
    case WEFT__VAL_DATETIME: return cell_datetime(v->datetime, arena, out, fault);
    case WEFT__VAL_DURATION:
        weft_duration_text((weft_duration){ v->i }, room);
        if (!*room) return refuse(fault, "a weft_duration that is none");
        return text_made(arena, room, strlen(room), out);
    case WEFT__VAL_UUID: return text_made(arena, weft_uuid_text(v->uuid, room), WEFT_UUID_TEXT - 1, out);
    case WEFT__VAL_DECIMAL: return cell_decimal(v->s, out, arena, fault);
    case WEFT__VAL_FIELDS: return weft__cell_of(v->fields.schema, v->fields.value, arena, out, fault);
    }
    return refuse(fault, "a value of no kind");
}

static int cell_scalar(weft_scalar scalar, const void *value, weft_arena *arena, weft__cell *out, weft__buf *fault)
{
    weft_val v;
    switch (scalar) {
    case WEFT__int32: v = weft_val_int(*(const int32_t *)value); break;
    case WEFT__int64: v = weft_val_int(*(const int64_t *)value); break;
    case WEFT__double: v = weft_val_double(*(const double *)value); break;
    case WEFT__bool: v = weft_val_bool(*(const bool *)value); break;
    case WEFT__text: v = weft_val_str(*(const weft_str *)value); break;
    case WEFT__json: v = weft_val_json(*(const weft_json *)value); break;
    case WEFT__date: v = weft_val_date(*(const weft_date *)value); break;
    case WEFT__time: v = weft_val_time(*(const weft_time *)value); break;
    case WEFT__datetime: v = weft_val_datetime(*(const weft_datetime *)value); break;
    case WEFT__duration: v = weft_val_duration(*(const weft_duration *)value); break;
    case WEFT__uuid: v = weft_val_uuid(*(const weft_uuid *)value); break;
    case WEFT__decimal: v = weft_val_decimal(*(const weft_decimal *)value); break;
    case WEFT__bytes: v = weft_val_bytes(*(const weft_bytes *)value); break;
    default: return refuse(fault, "a value of a type that no column holds");
    }
    return weft__cell_of_val(&v, arena, out, fault);
}

int weft__cell_of(const weft_schema *schema, const void *value, weft_arena *arena, weft__cell *out, weft__buf *fault)
{
    if (schema->kind == WEFT__scalar) return cell_scalar(schema->scalar, value, arena, out, fault);
    if (schema->kind == WEFT__opt && !((const char *)value)[schema->of->size]) return *out = (weft__cell){ WEFT__CELL_NULL, .i = 0 }, 0;
    if (schema->kind == WEFT__opt) return weft__cell_of(schema->of, value, arena, out, fault);
    if (schema->kind != WEFT__enum) return cell_json(schema, value, arena, out, fault);
    const weft_field *constant = weft__enum_of(schema, value);
    if (!constant) return refuse(fault, "a number that is no constant of its enum");
    *out = (weft__cell){ WEFT__CELL_TEXT, .s = { constant->name, constant->name_len } };
    return 0;
}

int weft__cell_of_column(const weft__column *c, const void *model, weft_arena *arena, weft__cell *out, weft__buf *fault)
{
    const char *at = (const char *)model + c->offset;
    if (!c->ref) return weft__cell_of(c->type, at, arena, out, fault);
    const void *to = *(const void *const *)(const void *)at;
    if (!to) return *out = (weft__cell){ WEFT__CELL_NULL, .i = 0 }, 0;
    return weft__cell_of(c->type, to, arena, out, fault);
}
