#ifndef WEFT_BIND_H
#define WEFT_BIND_H
/* One value put into a URL or into SQL, where a "{}" stands: escaped or bound for its place, never text among text.
 *                                                                                  Example: examples/database.c  */
#include "weft/model.h"

typedef enum {
    WEFT__VAL_INT, WEFT__VAL_UINT, WEFT__VAL_DOUBLE, WEFT__VAL_STR, WEFT__VAL_BOOL,                        /* URLs and SQL */
    WEFT__VAL_NULL, WEFT__VAL_BYTES, WEFT__VAL_JSON, WEFT__VAL_DATE, WEFT__VAL_TIME, WEFT__VAL_DATETIME,   /* SQL alone */
    WEFT__VAL_DURATION, WEFT__VAL_UUID, WEFT__VAL_DECIMAL, WEFT__VAL_FIELDS
} weft_val_kind;

typedef struct weft_val {
    weft_val_kind kind;
    union {
        int64_t i; uint64_t u; double d; weft_str s;
        weft_date date; weft_time time; weft_datetime datetime; weft_uuid uuid;
        struct { const weft_schema *schema; const void *value; } fields;
    };
} weft_val;

/* A value of each type; texts and bytes stay the caller's. Wait: never. */
weft_val weft_val_int(int64_t), weft_val_uint(uint64_t), weft_val_bool(bool), weft_val_double(double), weft_val_str(weft_str), weft_val_cstr(const char *);
#define WEFT__VAL(x) _Generic((x), int: weft_val_int, long: weft_val_int, long long: weft_val_int, unsigned: weft_val_int, \
    short: weft_val_int, unsigned short: weft_val_int, signed char: weft_val_int, unsigned char: weft_val_int, \
    unsigned long: weft_val_uint, unsigned long long: weft_val_uint, \
    _Bool: weft_val_bool, double: weft_val_double, float: weft_val_double, weft_str: weft_val_str, char *: weft_val_cstr, const char *: weft_val_cstr)(x)
#define WEFT__VALS(...) (const weft_val[]){ WEFT__LIST(WEFT__VAL, __VA_ARGS__) }, WEFT__COUNT(__VA_ARGS__)
#define WEFT__NOVALS(...) WEFT__NOVALS_##__VA_OPT__(1)
#define WEFT__NOVALS_ (const weft_val *)0, 0
#define WEFT__NOVALS_1
#endif
