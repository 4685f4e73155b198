/* Values of programs as values that SQL takes. */
#include "weft/db.h"

weft_val weft_val_same(weft_val v) { return v; }
weft_val weft_val_null(weft_null_value n) { (void)n; return (weft_val){ .kind = WEFT__VAL_NULL }; }
weft_val weft_val_bytes(weft_bytes b) { return (weft_val){ .kind = WEFT__VAL_BYTES, .s = { (const char *)b.ptr, b.len } }; }
weft_val weft_val_json(weft_json j) { return (weft_val){ .kind = WEFT__VAL_JSON, .s = j.text }; }
weft_val weft_val_date(weft_date d) { return (weft_val){ .kind = WEFT__VAL_DATE, .date = d }; }
weft_val weft_val_time(weft_time t) { return (weft_val){ .kind = WEFT__VAL_TIME, .time = t }; }
weft_val weft_val_datetime(weft_datetime w) { return (weft_val){ .kind = WEFT__VAL_DATETIME, .datetime = w }; }
weft_val weft_val_duration(weft_duration d) { return (weft_val){ .kind = WEFT__VAL_DURATION, .i = d.us }; }
weft_val weft_val_uuid(weft_uuid u) { return (weft_val){ .kind = WEFT__VAL_UUID, .uuid = u }; }
weft_val weft_val_decimal(weft_decimal d) { return (weft_val){ .kind = WEFT__VAL_DECIMAL, .s = d.text }; }

weft_val weft_val_fields(const weft_schema *schema, const void *value)
{
    return (weft_val){ .kind = WEFT__VAL_FIELDS, .fields = { schema, value } };
}

#define OPTION(name, T, of) \
    weft_val weft_val_opt_##name(T o) { return o.set ? of(o.value) : (weft_val){ .kind = WEFT__VAL_NULL }; }
OPTION(int, weft_opt_int, weft_val_int)
OPTION(int32, weft_opt_int32_t, weft_val_int)
OPTION(int64, weft_opt_int64_t, weft_val_int)
OPTION(double, weft_opt_double, weft_val_double)
OPTION(bool, WEFT_OPT(bool), weft_val_bool)
OPTION(str, weft_opt_weft_str, weft_val_str)
OPTION(bytes, weft_opt_weft_bytes, weft_val_bytes)
OPTION(json, weft_opt_weft_json, weft_val_json)
OPTION(date, weft_opt_weft_date, weft_val_date)
OPTION(time, weft_opt_weft_time, weft_val_time)
OPTION(datetime, weft_opt_weft_datetime, weft_val_datetime)
OPTION(duration, weft_opt_weft_duration, weft_val_duration)
OPTION(uuid, weft_opt_weft_uuid, weft_val_uuid)
OPTION(decimal, weft_opt_weft_decimal, weft_val_decimal)
