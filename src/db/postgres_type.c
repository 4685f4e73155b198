#include "db/postgres_type.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "model/coerce.h"
#include "weft/values.h"
#include "wire/base64.h"
#include "wire/date.h"
#include "wire/duration.h"
#include "wire/json.h"
#include "wire/number.h"
#include "wire/uuid.h"

enum { DIMENSIONS_MAX = 6, TYPES_MAX = 10000 };
/* 2000-01-01, from which its days and moments are counted. */
static const int64_t EPOCH_DAYS = 10957, DAY_US = INT64_C(86400000000), EPOCH_US = INT64_C(10957) * INT64_C(86400000000);

/* ---- types ---- */

static const uint16_t arrays[][2] = { { 1000, WEFT__PG_BOOL }, { 1001, WEFT__PG_BYTEA }, { 1002, WEFT__PG_CHAR }, { 1003, WEFT__PG_NAME }, { 1016, WEFT__PG_INT8 },
    { 1005, WEFT__PG_INT2 }, { 1007, WEFT__PG_INT4 }, { 1009, WEFT__PG_TEXTS }, { 1028, WEFT__PG_OID }, { 199, WEFT__PG_JSON }, { 143, WEFT__PG_XML },
    { 1021, WEFT__PG_FLOAT4 }, { 1022, WEFT__PG_FLOAT8 }, { 1014, WEFT__PG_BPCHAR }, { 1015, WEFT__PG_VARCHAR }, { 1182, WEFT__PG_DATE }, { 1183, WEFT__PG_TIME },
    { 1115, WEFT__PG_TIMESTAMP }, { 1185, WEFT__PG_TIMESTAMPTZ }, { 1187, WEFT__PG_INTERVAL }, { 1270, WEFT__PG_TIMETZ }, { 1231, WEFT__PG_NUMERIC },
    { 2951, WEFT__PG_UUID }, { 3807, WEFT__PG_JSONB } };

static const weft__pg_type *find(const weft__pg_types *t, uint32_t oid)
{
    for (int i = 0; i < t->count; i++)
        if (t->items[i].oid == oid) return &t->items[i];
    return NULL;
}

static bool is_plain(uint32_t oid)
{
    switch (oid) {
    case WEFT__PG_BOOL: case WEFT__PG_BYTEA: case WEFT__PG_CHAR: case WEFT__PG_NAME: case WEFT__PG_INT8: case WEFT__PG_INT2: case WEFT__PG_INT4:
    case WEFT__PG_TEXTS: case WEFT__PG_OID: case WEFT__PG_JSON: case WEFT__PG_XML: case WEFT__PG_FLOAT4: case WEFT__PG_FLOAT8: case WEFT__PG_UNKNOWN:
    case WEFT__PG_BPCHAR: case WEFT__PG_VARCHAR: case WEFT__PG_DATE: case WEFT__PG_TIME: case WEFT__PG_TIMESTAMP: case WEFT__PG_TIMESTAMPTZ:
    case WEFT__PG_INTERVAL: case WEFT__PG_TIMETZ: case WEFT__PG_NUMERIC: case WEFT__PG_UUID: case WEFT__PG_JSONB: case WEFT__PG_VOID: return true;
    default: return false;
    }
}

uint32_t weft__pg_element(const weft__pg_types *t, uint32_t oid)
{
    for (size_t i = 0; i < weft_count(arrays); i++)
        if (arrays[i][0] == oid) return arrays[i][1];
    const weft__pg_type *own = is_plain(oid) ? NULL : find(t, oid);
    return own && own->kind == WEFT__PG_ARRAY ? own->of : 0;
}

bool weft__pg_type_known(const weft__pg_types *t, uint32_t oid) { return oid == 0 || is_plain(oid) || weft__pg_element(t, oid) || find(t, oid); }

int weft__pg_type_add(weft__pg_types *t, const weft__pg_type *type)
{
    if (weft__pg_type_known(t, type->oid)) return 0;
    if (t->count == TYPES_MAX) return WEFT_ENOMEM;
    if (t->count == t->room) {
        int room = t->room ? 2 * t->room : 8;
        weft__pg_type *more = weft__realloc(t->items, (size_t)room * sizeof *more);
        if (!more) return WEFT_ENOMEM;
        t->items = more;
        t->room = room;
    }
    t->items[t->count++] = *type;
    return 0;
}

/* What a domain stands on. */
uint32_t weft__pg_base(const weft__pg_types *t, uint32_t oid)
{
    const weft__pg_type *own;
    for (int i = 0; i < 8 && oid >= WEFT__PG_OIDS_OWN && (own = find(t, oid)) && own->kind == WEFT__PG_DOMAIN; i++) oid = own->of;
    return oid;
}

static bool is_text(const weft__pg_types *t, uint32_t oid)
{
    switch (oid) {
    case WEFT__PG_TEXTS: case WEFT__PG_VARCHAR: case WEFT__PG_BPCHAR: case WEFT__PG_NAME: case WEFT__PG_UNKNOWN: case WEFT__PG_JSON: case WEFT__PG_CHAR: case WEFT__PG_XML: return true;
    }
    const weft__pg_type *own = oid >= WEFT__PG_OIDS_OWN ? find(t, oid) : NULL;
    return own && own->kind == WEFT__PG_TEXT;
}

/* ---- from the database ---- */

typedef struct reading { const weft__pg_types *types; weft_arena *made; weft__buf *fault; } reading;

static int unfit(reading *r, const char *what)
{
    weft__buf_printf(r->fault, "%s", what);
    return WEFT_EDB;
}

static int text(reading *r, const char *bytes, size_t n, weft__cell *out)
{
    weft_str s = weft__arena_dup(r->made, (weft_str){ bytes, n });
    if (!s.ptr) return weft__arena_error(r->made);
    *out = (weft__cell){ WEFT__CELL_TEXT, .s = s };
    return 0;
}

static double real(const char *p, int len)
{
    uint64_t bits = len == 8 ? weft__pg_u64(p) : 0;
    uint32_t half = len == 4 ? weft__pg_u32(p) : 0;
    double d;
    float f;
    memcpy(&d, &bits, sizeof d);
    memcpy(&f, &half, sizeof f);
    return len == 8 ? d : (double)f;
}

static int date(reading *r, int32_t days, weft__cell *out)
{
    char to[WEFT_DATE_TEXT];
    if (days == INT32_MAX || days == INT32_MIN) return unfit(r, "is infinity, which no date is");
    weft_date d = weft_date_of_days(days + EPOCH_DAYS);
    if (!weft_date_valid(d)) return unfit(r, "is a date outside of the years 1 to 9999");
    return text(r, to, weft__date_write(to, d), out);
}

static weft_time time_of(int64_t us)
{
    int64_t s = us / 1000000;
    return (weft_time){ .hour = (uint8_t)(s / 3600), .minute = (uint8_t)(s / 60 % 60), .second = (uint8_t)(s % 60), .us = (int32_t)(us % 1000000) };
}

static int time_text(reading *r, int64_t us, const int32_t *west_s, weft__cell *out)
{
    char to[WEFT_TIME_TEXT];
    if (us < 0 || us >= DAY_US) return unfit(r, "is a time of day that weft_time has not");
    weft_time t = time_of(us);
    if (west_s) t.zoned = true, t.offset_s = -*west_s;
    if (!weft_time_valid(t)) return unfit(r, "is a time of day that weft_time has not");
    return text(r, to, weft__time_write(to, t), out);
}

static int moment(reading *r, int64_t us, bool zoned, weft__cell *out)
{
    char to[WEFT_DATETIME_TEXT];
    weft_datetime w = { .zoned = zoned };
    if (us == INT64_MAX || us == INT64_MIN) return unfit(r, "is infinity, which no moment is");
    if (__builtin_add_overflow(us, EPOCH_US, &w.us) || !weft_datetime_valid(w)) return unfit(r, "is a moment outside of the years 1 to 9999");
    return text(r, to, weft__datetime_write(to, w), out);
}

/* A month has no length: one with months reads as what it is, and no weft_duration is made of it. */
static int interval(reading *r, int64_t us, int32_t days, int32_t months, weft__cell *out)
{
    char to[WEFT_DURATION_TEXT + 60];
    weft_duration d;
    int64_t whole;
    if (months) return text(r, to, (size_t)snprintf(to, sizeof to, "%d months, %d days and %lld us", (int)months, (int)days, (long long)us), out);
    if (__builtin_mul_overflow(days, DAY_US, &whole) || __builtin_add_overflow(us, whole, &d.us) || d.us == INT64_MIN) return unfit(r, "is an interval longer than a weft_duration");
    return text(r, to, weft__duration_write(to, d), out);
}

static int uuid(reading *r, const char *p, weft__cell *out)
{
    char to[WEFT_UUID_TEXT];
    weft_uuid u;
    memcpy(&u, p, sizeof u);
    return text(r, to, weft__uuid_write(to, u), out);
}

/* Groups of four digits, the first one worth 10000^weight, of which `scale` digits behind the point are shown. */
static int numeric(reading *r, const char *p, int len, weft__cell *out)
{
    if (len < 8) return unfit(r, "is a numeric that is cut off");
    int count = (int16_t)weft__pg_u16(p), weight = (int16_t)weft__pg_u16(p + 2), sign = weft__pg_u16(p + 4), scale = weft__pg_u16(p + 6);
    if (sign != 0 && sign != 0x4000) return unfit(r, "is a numeric that is no number (NaN or infinity)");
    if (count < 0 || len != 8 + 2 * count || scale > 16383) return unfit(r, "is a numeric that is cut off");
    size_t room = (size_t)(weight > 0 ? weight + 1 : 1) * 4 + (size_t)scale + 12;
    char *to = weft__arena_alloc(r->made, room), *at = to;
    if (!to) return weft__arena_error(r->made);
    if (sign) *at++ = '-';
    char *first = at;
    for (int g = 0; g <= weight; g++) {
        unsigned d = g < count ? weft__pg_u16(p + 8 + 2 * g) : 0;
        if (d > 9999) return unfit(r, "is a numeric with digits that are none");
        at = weft__digits_write(at, d, 4);
    }
    char *keep = first;
    while (keep < at - 1 && *keep == '0') keep++;
    memmove(first, keep, (size_t)(at - keep));
    at -= keep - first;
    if (at == first) *at++ = '0';
    if (scale) *at++ = '.';
    for (int g = weight + 1, left = scale; left > 0; g++, left -= 4) {
        char four[4];
        unsigned d = g >= 0 && g < count ? weft__pg_u16(p + 8 + 2 * g) : 0;
        if (d > 9999) return unfit(r, "is a numeric with digits that are none");
        weft__digits_write(four, d, 4);
        memcpy(at, four, left < 4 ? (size_t)left : 4);
        at += left < 4 ? left : 4;
    }
    *out = (weft__cell){ WEFT__CELL_DECIMAL, .s = { to, (size_t)(at - to) } };
    return 0;
}

static int read_cell(reading *r, uint32_t oid, const char *p, int len, weft__cell *out);

/* ---- arrays as JSON ---- */

typedef struct array { const char *at, *end; uint32_t of; int dims; int32_t sizes[DIMENSIONS_MAX]; weft__buf json; } array;

static int element_json(reading *r, array *a, const weft__cell *c)
{
    weft__buf *to = &a->json;
    char digits[WEFT__DOUBLE_MAX];
    switch (c->kind) {
    case WEFT__CELL_NULL: weft__buf_add(to, "null", 4); return 0;
    case WEFT__CELL_INT:
        if (a->of == WEFT__PG_BOOL) weft__buf_add_str(to, c->i ? WEFT_S("true") : WEFT_S("false"));
        else weft__buf_add_int(to, c->i);
        return 0;
    case WEFT__CELL_REAL:
        if (c->d - c->d != 0) return unfit(r, "has an element that is not finite");
        weft__buf_add(to, digits, weft__double_write(digits, c->d));
        return 0;
    case WEFT__CELL_DECIMAL: weft__buf_add_str(to, c->s); return 0;
    case WEFT__CELL_BLOB:
        weft__buf_add_char(to, '"');
        weft__base64_write(to, (const uint8_t *)c->s.ptr, c->s.len);
        weft__buf_add_char(to, '"');
        return 0;
    case WEFT__CELL_TEXT:
        if (a->of == WEFT__PG_JSON || a->of == WEFT__PG_JSONB) weft__buf_add_str(to, c->s);
        else if (!weft__json_add_text(to, c->s)) return unfit(r, "has an element that is not UTF-8");
        return 0;
    }
    return unfit(r, "has an element of no kind");
}

static int element(reading *r, array *a)
{
    if (a->end - a->at < 4) return unfit(r, "is an array that is cut off");
    int32_t len = (int32_t)weft__pg_u32(a->at);
    weft__cell c = { WEFT__CELL_NULL, .i = 0 };
    a->at += 4;
    if (len < -1 || len > a->end - a->at) return unfit(r, "is an array that is cut off");
    int rc = len < 0 ? 0 : read_cell(r, a->of, a->at, len, &c);
    if (len > 0) a->at += len;
    return rc < 0 ? rc : element_json(r, a, &c);
}

static int dimension(reading *r, array *a, int depth)
{
    int rc = 0;
    weft__buf_add_char(&a->json, '[');
    for (int32_t i = 0; i < a->sizes[depth] && rc == 0 && !a->json.failed; i++) {
        if (i) weft__buf_add_char(&a->json, ',');
        rc = depth + 1 < a->dims ? dimension(r, a, depth + 1) : element(r, a);
    }
    weft__buf_add_char(&a->json, ']');
    return rc;
}

static int array_json(reading *r, const char *p, int len, weft__cell *out)
{
    array a = { .at = p + 12, .end = p + len };
    if (len < 12 || (a.dims = (int)weft__pg_u32(p)) < 0 || a.dims > DIMENSIONS_MAX || len < 12 + 8 * a.dims) return unfit(r, "is an array that is cut off");
    a.of = weft__pg_base(r->types, weft__pg_u32(p + 8));
    for (int i = 0; i < a.dims; i++, a.at += 8) {
        a.sizes[i] = (int32_t)weft__pg_u32(a.at);
        if (a.sizes[i] < 0 || a.sizes[i] > len) return unfit(r, "is an array that is cut off");
    }
    weft__buf_init(&a.json, (size_t)64 << 20);
    int rc = a.dims ? dimension(r, &a, 0) : (weft__buf_add(&a.json, "[]", 2), 0);
    if (rc == 0) rc = a.json.failed ? a.json.failed : text(r, a.json.ptr, a.json.len, out);
    weft__buf_free(&a.json);
    return rc;
}

/* ---- one value ---- */

static bool fits(uint32_t oid, int len)
{
    switch (oid) {
    case WEFT__PG_BOOL: return len == 1;
    case WEFT__PG_INT2: return len == 2;
    case WEFT__PG_INT4: case WEFT__PG_OID: case WEFT__PG_FLOAT4: case WEFT__PG_DATE: return len == 4;
    case WEFT__PG_INT8: case WEFT__PG_FLOAT8: case WEFT__PG_TIME: case WEFT__PG_TIMESTAMP: case WEFT__PG_TIMESTAMPTZ: return len == 8;
    case WEFT__PG_TIMETZ: return len == 12;
    case WEFT__PG_INTERVAL: case WEFT__PG_UUID: return len == 16;
    case WEFT__PG_JSONB: return len >= 1;
    default: return true;
    }
}

static int unread(reading *r, uint32_t oid)
{
    const weft__pg_type *own = find(r->types, oid);
    if (own) weft__buf_printf(r->fault, "is of the type %s, which is not read: select it as text, column::text", own->name);
    else weft__buf_printf(r->fault, "is of a type that is not read (number %u): select it as text, column::text", (unsigned)oid);
    return WEFT_EDB;
}

static int read_cell(reading *r, uint32_t oid, const char *p, int len, weft__cell *out)
{
    oid = weft__pg_base(r->types, oid);
    if (!fits(oid, len)) return unfit(r, "has not the bytes of its type");
    switch (oid) {
    case WEFT__PG_BOOL: return *out = (weft__cell){ WEFT__CELL_INT, .i = *p != 0 }, 0;
    case WEFT__PG_INT2: return *out = (weft__cell){ WEFT__CELL_INT, .i = (int16_t)weft__pg_u16(p) }, 0;
    case WEFT__PG_INT4: return *out = (weft__cell){ WEFT__CELL_INT, .i = (int32_t)weft__pg_u32(p) }, 0;
    case WEFT__PG_OID: return *out = (weft__cell){ WEFT__CELL_INT, .i = weft__pg_u32(p) }, 0;
    case WEFT__PG_INT8: return *out = (weft__cell){ WEFT__CELL_INT, .i = (int64_t)weft__pg_u64(p) }, 0;
    case WEFT__PG_FLOAT4: case WEFT__PG_FLOAT8: return *out = (weft__cell){ WEFT__CELL_REAL, .d = real(p, len) }, 0;
    case WEFT__PG_NUMERIC: return numeric(r, p, len, out);
    case WEFT__PG_BYTEA: return *out = (weft__cell){ WEFT__CELL_BLOB, .s = { p, (size_t)len } }, 0;
    case WEFT__PG_UUID: return uuid(r, p, out);
    case WEFT__PG_DATE: return date(r, (int32_t)weft__pg_u32(p), out);
    case WEFT__PG_TIME: return time_text(r, (int64_t)weft__pg_u64(p), NULL, out);
    case WEFT__PG_TIMETZ: return time_text(r, (int64_t)weft__pg_u64(p), &(int32_t){ (int32_t)weft__pg_u32(p + 8) }, out);
    case WEFT__PG_TIMESTAMP: case WEFT__PG_TIMESTAMPTZ: return moment(r, (int64_t)weft__pg_u64(p), oid == WEFT__PG_TIMESTAMPTZ, out);
    case WEFT__PG_INTERVAL: return interval(r, (int64_t)weft__pg_u64(p), (int32_t)weft__pg_u32(p + 8), (int32_t)weft__pg_u32(p + 12), out);
    case WEFT__PG_JSONB: return *out = (weft__cell){ WEFT__CELL_TEXT, .s = { p + 1, (size_t)len - 1 } }, *p == 1 ? 0 : unfit(r, "is jsonb of a version that is not known");
    case WEFT__PG_VOID: return *out = (weft__cell){ WEFT__CELL_NULL, .i = 0 }, 0;
    }
    if (is_text(r->types, oid)) return *out = (weft__cell){ WEFT__CELL_TEXT, .s = { p, (size_t)len } }, 0;
    return weft__pg_element(r->types, oid) ? array_json(r, p, len, out) : unread(r, oid);
}

int weft__pg_cell(const weft__pg_types *types, uint32_t oid, const char *bytes, int len, weft_arena *made, weft__cell *out, weft__buf *fault)
{
    if (!bytes) return *out = (weft__cell){ WEFT__CELL_NULL, .i = 0 }, 0;
    return read_cell(&(reading){ types, made, fault }, oid, bytes, len, out);
}

/* ---- to the database ---- */

static int refuse(weft__buf *fault, const char *what)
{
    weft__buf_printf(fault, "%s", what);
    return WEFT_EINVAL;
}

static void quoted(weft__buf *to, weft_str s)
{
    weft__buf_add_char(to, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\') weft__buf_add_char(to, '\\');
        weft__buf_add_char(to, s.ptr[i]);
    }
    weft__buf_add_char(to, '"');
}

/* Bytes are base64 in JSON, and "\\x..." in an array, where a backslash is written twice. */
static bool quoted_bytes(weft_str text, weft__buf *to)
{
    static const char digits[] = "0123456789abcdef";
    const char *msg;
    int64_t numbers[2];
    uint8_t *bytes = weft__malloc(weft__base64_room(text.len));
    if (!bytes) return to->failed = WEFT_ENOMEM, false;
    int64_t n = weft__base64_read(text, bytes, &msg, numbers);
    weft__buf_lit(to, "\"\\\\x");
    for (int64_t i = 0; i < n; i++) weft__buf_add(to, (char[]){ digits[bytes[i] >> 4], digits[bytes[i] & 15] }, 2);
    weft__buf_add_char(to, '"');
    weft__free(bytes);
    return n >= 0;
}

static bool quoted_string(weft__json_in *in, weft__buf *to, bool bytes)
{
    weft__json_string s;
    bool nul = false;
    if (!weft__json_string_read(in, &s)) return false;
    char *room = weft__malloc(s.raw.len + 1);
    if (!room) return to->failed = WEFT_ENOMEM, false;
    size_t n = weft__json_unescape(s.raw, room, &nul);
    bool fine = !nul && (!bytes || quoted_bytes((weft_str){ room, n }, to));
    if (!bytes) quoted(to, (weft_str){ room, n });
    weft__free(room);
    return fine;
}

/* A value of JSON as an element: what is no array is its text, and a list of lists an array of two dimensions, unless the elements are JSON. */
static bool literal(weft__json_in *in, weft__buf *to, uint32_t of, int depth)
{
    bool json = of == WEFT__PG_JSON || of == WEFT__PG_JSONB;
    unsigned char c = weft__json_peek(in);
    const char *from = in->at;
    if (c == '[' && (!json || depth == 0) && depth < DIMENSIONS_MAX) {
        weft__buf_add_char(to, '{');
        in->at++;
        for (int n = 0; weft__json_peek(in) != ']'; n++) {
            if (n && weft__json_peek(in) != ',') return false;
            if (n) weft__buf_add_char(to, ','), in->at++;
            if (to->failed || !literal(in, to, of, depth + 1)) return false;
        }
        weft__buf_add_char(to, '}');
        in->at++;
        return true;
    }
    if (c == '"' && !json) return quoted_string(in, to, of == WEFT__PG_BYTEA);
    if (!weft__json_skip(in, 0)) return false;
    weft_str raw = { from, (size_t)(in->at - from) };
    if (json && !weft_str_equal(raw, WEFT_S("null"))) quoted(to, raw);
    else if (c == '{' || c == '[') return false;
    else weft__buf_add_str(to, raw);
    return true;
}

static int array_value(const weft__cell *c, uint32_t of, weft_arena *made, weft__pg_value *out, weft__buf *fault)
{
    weft__json_in in = weft__json_open(c->s);
    weft__buf to;
    weft__buf_init(&to, (size_t)64 << 20);
    if (weft__json_peek(&in) != '[') return weft__pg_value_of(NULL, 0, c, made, out, fault);      /* the array as its own text, perhaps */
    bool fine = literal(&in, &to, of, 0);
    int rc = to.failed ? to.failed : fine ? 0 : refuse(fault, "a list whose items are no elements of an array");
    weft_str s = rc == 0 ? weft__arena_dup(made, weft__buf_str(&to)) : (weft_str){ 0 };
    if (rc == 0 && !s.ptr) rc = weft__arena_error(made);
    if (rc == 0) *out = (weft__pg_value){ s.ptr, (int)s.len, 0 };
    weft__buf_free(&to);
    return rc;
}

/* In microseconds alone: "P1Y" is 365 days here, and a year there. */
static int interval_value(weft_duration d, weft_arena *made, weft__pg_value *out)
{
    char *to = weft__arena_alloc(made, 16);
    if (!to) return weft__arena_error(made);
    weft__pg_put64(weft__pg_put64(to, (uint64_t)d.us), 0);
    *out = (weft__pg_value){ to, 16, 1 };
    return 0;
}

static int digits_value(const weft__cell *c, weft_arena *made, weft__pg_value *out)
{
    char *to = weft__arena_alloc(made, WEFT__DOUBLE_MAX + 1);
    if (!to) return weft__arena_error(made);
    size_t n = c->kind == WEFT__CELL_INT ? weft__int64_write(to, c->i) : weft__double_write(to, c->d);
    to[n] = 0;
    *out = (weft__pg_value){ to, (int)n, 0 };
    return 0;
}

/* What is sent as text must end in a NUL, which a weft_str need not have; what is text there too may travel as it is. */
static int text_value(const weft__pg_types *types, uint32_t oid, const weft__cell *c, weft_arena *made, weft__pg_value *out)
{
    if (types && is_text(types, oid)) return *out = (weft__pg_value){ c->s.ptr, (int)c->s.len, 1 }, 0;
    weft_str s = weft__arena_dup(made, c->s);
    if (!s.ptr) return weft__arena_error(made);
    *out = (weft__pg_value){ s.ptr, (int)s.len, 0 };
    return 0;
}

/* Where the number fits the type; what does not is sent as text, which the server refuses in its own words. */
static bool int_value(uint32_t oid, int64_t i, weft_arena *made, weft__pg_value *out)
{
    int len = oid == WEFT__PG_INT8 ? 8 : oid == WEFT__PG_INT4 && i == (int32_t)i ? 4 : oid == WEFT__PG_INT2 && i == (int16_t)i ? 2 : 0;
    char *to = len ? weft__arena_alloc(made, 8) : NULL;
    if (!to) return false;
    weft__pg_put64(to, (uint64_t)i << (64 - 8 * len));
    *out = (weft__pg_value){ to, len, 1 };
    return true;
}

int weft__pg_value_of(const weft__pg_types *types, uint32_t oid, const weft__cell *c, weft_arena *made, weft__pg_value *out, weft__buf *fault)
{
    if (c->kind == WEFT__CELL_INT && int_value(oid, c->i, made, out)) return 0;
    weft_duration d;
    uint32_t base = types ? weft__pg_base(types, oid) : oid, of = types ? weft__pg_element(types, base) : 0;
    if (c->kind >= WEFT__CELL_TEXT && c->s.len > (size_t)1 << 29) return WEFT_ELIMIT;
    switch (c->kind) {
    case WEFT__CELL_NULL: return *out = (weft__pg_value){ NULL, 0, 0 }, 0;
    case WEFT__CELL_INT: case WEFT__CELL_REAL: return digits_value(c, made, out);
    case WEFT__CELL_BLOB: return *out = (weft__pg_value){ c->s.ptr, (int)c->s.len, 1 }, 0;
    case WEFT__CELL_TEXT: case WEFT__CELL_DECIMAL: break;
    }
    if (of) return array_value(c, of, made, out, fault);
    if (base == WEFT__PG_INTERVAL && !weft__duration_read(c->s, &d)) return interval_value(d, made, out);
    return text_value(types, base, c, made, out);
}
