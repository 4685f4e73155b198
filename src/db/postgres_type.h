#ifndef WEFT_SRC_DB_POSTGRES_TYPE_H
#define WEFT_SRC_DB_POSTGRES_TYPE_H
/* PostgreSQL's values as they travel, in binary, and as cells. Pure. What comes is a server's, and is not believed. */
#include "base/arena.h"
#include "db/row.h"

/* Types that a database has beside those that all have: enums, domains, arrays of them. */
typedef enum { WEFT__PG_UNREAD, WEFT__PG_TEXT, WEFT__PG_ARRAY, WEFT__PG_DOMAIN } weft__pg_kind;
typedef struct weft__pg_type { uint32_t oid, of; weft__pg_kind kind; char name[64]; } weft__pg_type;
typedef struct weft__pg_types { weft__pg_type *items; int count, room; } weft__pg_types;

/* Is it known, or is the database to be asked (weft__pg_type_add)? */
bool weft__pg_type_known(const weft__pg_types *types, uint32_t oid);
/* 0 or WEFT_ENOMEM. Twice is once. */
int weft__pg_type_add(weft__pg_types *types, const weft__pg_type *type) WEFT_NODISCARD;
/* The type that the elements of an array have, 0: it is no array. */
uint32_t weft__pg_element(const weft__pg_types *types, uint32_t oid);

/* What a domain stands on; any other type itself. */
uint32_t weft__pg_base(const weft__pg_types *types, uint32_t oid);

/* One value: NULL when `bytes` is. What has to be written lies in `made`, else the cell points into `bytes`. 0; WEFT_EDB with a text: a type that is
 * not read, bytes that are none of it; WEFT_ENOMEM, WEFT_ELIMIT.
 *
 *     bool, integers, oid          INT             text, enums, json, jsonb, xml, uuid, date, times, interval    TEXT
 *     float4, float8               REAL            bytea                                                         BLOB
 *     numeric                      DECIMAL         arrays                                                        TEXT, JSON  */
int weft__pg_cell(const weft__pg_types *types, uint32_t oid, const char *bytes, int len, weft_arena *made, weft__cell *out, weft__buf *fault) WEFT_NODISCARD;

/* A value that is bound, as libpq wants it; `oid`: what the database takes it for, 0: not known. 0; WEFT_EINVAL with a text; WEFT_ENOMEM, WEFT_ELIMIT. */
typedef struct weft__pg_value { const char *bytes; int len, binary; } weft__pg_value;
int weft__pg_value_of(const weft__pg_types *types, uint32_t oid, const weft__cell *cell, weft_arena *made, weft__pg_value *out, weft__buf *fault) WEFT_NODISCARD;

/* The same as the text that its type is written in, as COPY takes it, and set_config; ptr NULL: it is NULL. In postgres_text.c. */
int weft__pg_text_of(const weft__pg_types *types, uint32_t oid, const weft__cell *cell, weft_arena *made, weft_str *out, weft__buf *fault) WEFT_NODISCARD;
/* A column of COPY's text format: what would end a column or row is escaped. */
void weft__pg_copy_column(weft_str value, weft__buf *to);
/* One row of COPY's binary format, as the server sends them: the i-th column's bytes, NULL for NULL. 1; 0: it is the mark of the end; WEFT_EDB with a text. */
typedef struct weft__pg_tuple { const char *at, *end; int left; } weft__pg_tuple;
int weft__pg_tuple_open(weft__pg_tuple *t, weft_str message, bool first, int columns, weft__buf *fault) WEFT_NODISCARD;
int weft__pg_tuple_next(weft__pg_tuple *t, const char **bytes, int *len, weft__buf *fault) WEFT_NODISCARD;

/* Big-endian, as it travels. */
static inline uint16_t weft__pg_u16(const char *p) { const unsigned char *b = (const void *)p; return (uint16_t)(b[0] << 8 | b[1]); }
static inline uint32_t weft__pg_u32(const char *p) { return (uint32_t)weft__pg_u16(p) << 16 | weft__pg_u16(p + 2); }
static inline uint64_t weft__pg_u64(const char *p) { return (uint64_t)weft__pg_u32(p) << 32 | weft__pg_u32(p + 4); }
static inline char *weft__pg_put32(char *to, uint32_t n)
{
    for (int i = 3; i >= 0; i--, n >>= 8) to[i] = (char)n;
    return to + 4;
}
static inline char *weft__pg_put64(char *to, uint64_t n) { return weft__pg_put32(weft__pg_put32(to, (uint32_t)(n >> 32)), (uint32_t)n); }

/* Types that all databases have; pg_type.dat. */
enum { WEFT__PG_BOOL = 16, WEFT__PG_BYTEA = 17, WEFT__PG_CHAR = 18, WEFT__PG_NAME = 19, WEFT__PG_INT8 = 20, WEFT__PG_INT2 = 21, WEFT__PG_INT4 = 23, WEFT__PG_TEXTS = 25,
    WEFT__PG_OID = 26, WEFT__PG_JSON = 114, WEFT__PG_XML = 142, WEFT__PG_FLOAT4 = 700, WEFT__PG_FLOAT8 = 701, WEFT__PG_UNKNOWN = 705, WEFT__PG_BPCHAR = 1042,
    WEFT__PG_VARCHAR = 1043, WEFT__PG_DATE = 1082, WEFT__PG_TIME = 1083, WEFT__PG_TIMESTAMP = 1114, WEFT__PG_TIMESTAMPTZ = 1184, WEFT__PG_INTERVAL = 1186,
    WEFT__PG_TIMETZ = 1266, WEFT__PG_NUMERIC = 1700, WEFT__PG_UUID = 2950, WEFT__PG_JSONB = 3802, WEFT__PG_VOID = 2278, WEFT__PG_OIDS_OWN = 16384 };
#endif
