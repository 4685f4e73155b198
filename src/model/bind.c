#include "weft/bind.h"

weft_val weft_val_int(int64_t i) { return (weft_val){ .kind = WEFT__VAL_INT, .i = i }; }
weft_val weft_val_uint(uint64_t u) { return (weft_val){ .kind = WEFT__VAL_UINT, .u = u }; }
weft_val weft_val_bool(bool b) { return (weft_val){ .kind = WEFT__VAL_BOOL, .i = b }; }
weft_val weft_val_double(double d) { return (weft_val){ .kind = WEFT__VAL_DOUBLE, .d = d }; }
weft_val weft_val_str(weft_str s) { return (weft_val){ .kind = WEFT__VAL_STR, .s = s }; }
weft_val weft_val_cstr(const char *s) { return weft_val_str(weft_str_of(s)); }
