/* Values as PostgreSQL's texts, and the two formats of COPY: text, which is sent, and binary, which comes. Pure. */
#include <stdio.h>
#include <string.h>
#include "db/postgres_type.h"
#include "model/coerce.h"
#include "weft/values.h"
#include "wire/duration.h"
#include "wire/number.h"

/* ---- values ---- */

static int written(const char *text, size_t n, weft_arena *made, weft_str *out)
{
    *out = weft__arena_dup(made, (weft_str){ text, n });
    return out->ptr ? 0 : weft__arena_error(made);
}

/* As hexadecimal digits bytes are bytea's alone: a text would keep the digits. */
static int bytes_text(uint32_t base, weft_str s, weft_arena *made, weft_str *out, weft__buf *fault)
{
    static const char digits[] = "0123456789abcdef";
    if (base && base != WEFT__PG_BYTEA) {
        weft__buf_printf(fault, "bytes, and the column is no bytea");
        return WEFT_EINVAL;
    }
    if (s.len > (size_t)1 << 29) return WEFT_ELIMIT;
    char *to = weft__arena_alloc(made, 2 * s.len + 2);
    if (!to) return weft__arena_error(made);
    *out = (weft_str){ to, 2 * s.len + 2 };
    *to++ = '\\';
    *to++ = 'x';
    for (size_t i = 0; i < s.len; i++) {
        *to++ = digits[(unsigned char)s.ptr[i] >> 4];
        *to++ = digits[s.ptr[i] & 15];
    }
    return 0;
}

/* In hours, which no interval turns into days. */
static int interval_text(weft_duration d, weft_arena *made, weft_str *out)
{
    char to[60];
    uint64_t us = d.us < 0 ? -(uint64_t)d.us : (uint64_t)d.us, s = us / 1000000;
    int n = snprintf(to, sizeof to, "%s%llu:%02u:%02u.%06u", d.us < 0 ? "-" : "", (unsigned long long)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60), (unsigned)(us % 1000000));
    return written(to, (size_t)n, made, out);
}

int weft__pg_text_of(const weft__pg_types *types, uint32_t oid, const weft__cell *c, weft_arena *made, weft_str *out, weft__buf *fault)
{
    char digits[WEFT__DOUBLE_MAX + 1];
    uint32_t base = weft__pg_base(types, oid);
    weft_duration d;
    weft__pg_value v;
    switch (c->kind) {
    case WEFT__CELL_NULL: return *out = (weft_str){ 0 }, 0;
    case WEFT__CELL_INT: return written(digits, weft__int64_write(digits, c->i), made, out);
    case WEFT__CELL_REAL: return written(digits, weft__double_write(digits, c->d), made, out);
    case WEFT__CELL_BLOB: return bytes_text(base, c->s, made, out, fault);
    case WEFT__CELL_TEXT: case WEFT__CELL_DECIMAL: break;
    }
    if (base == WEFT__PG_INTERVAL && !weft__duration_read(c->s, &d)) return interval_text(d, made, out);
    int rc = weft__pg_value_of(types, oid, c, made, &v, fault);      /* its text, of a list an array's */
    if (rc == 0) *out = (weft_str){ v.bytes, (size_t)v.len };
    return rc;
}

/* ---- COPY's text ---- */

void weft__pg_copy_column(weft_str s, weft__buf *to)
{
    if (!s.ptr) {
        weft__buf_lit(to, "\\N");
        return;
    }
    const char *from = s.ptr, *end = s.ptr + s.len;
    for (const char *p = from; p < end; p++) {
        char as = *p == '\\' ? '\\' : *p == '\t' ? 't' : *p == '\n' ? 'n' : *p == '\r' ? 'r' : 0;
        if (!as) continue;
        weft__buf_add(to, from, (size_t)(p - from));
        weft__buf_add(to, (char[]){ '\\', as }, 2);
        from = p + 1;
    }
    weft__buf_add(to, from, (size_t)(end - from));
}

/* ---- COPY's binary ---- */

static int unfit(weft__buf *fault)
{
    weft__buf_printf(fault, "what the server copied is not of its binary format");
    return WEFT_EDB;
}

/* "PGCOPY", what transfers that are not binary would damage, flags, and what later versions may add. */
static bool skip_head(weft__pg_tuple *t)
{
    static const char mark[11] = "PGCOPY\n\377\r\n";
    if (t->end - t->at < 19 || memcmp(t->at, mark, sizeof mark) != 0 || weft__pg_u32(t->at + 11) & 0xffff0000) return false;
    uint32_t more = weft__pg_u32(t->at + 15);
    t->at += 19;
    if (more > (size_t)(t->end - t->at)) return false;
    t->at += more;
    return true;
}

int weft__pg_tuple_open(weft__pg_tuple *t, weft_str message, bool first, int columns, weft__buf *fault)
{
    *t = (weft__pg_tuple){ message.ptr, message.ptr + message.len, columns };
    if ((first && !skip_head(t)) || t->end - t->at < 2) return unfit(fault);
    int n = (int16_t)weft__pg_u16(t->at);
    t->at += 2;
    if (n == -1 && t->at == t->end) return 0;
    return n == columns && (n || t->at == t->end) ? 1 : unfit(fault);
}

/* The last one reaches to the end of the message. */
int weft__pg_tuple_next(weft__pg_tuple *t, const char **bytes, int *len, weft__buf *fault)
{
    if (!t->left || t->end - t->at < 4) return unfit(fault);
    int32_t n = (int32_t)weft__pg_u32(t->at);
    t->at += 4;
    t->left--;
    if (n < -1 || n > t->end - t->at) return unfit(fault);
    *bytes = n < 0 ? NULL : t->at;
    *len = n < 0 ? 0 : n;
    t->at += *len;
    return t->left || t->at == t->end ? 1 : unfit(fault);
}
