#include "weft/base.h"
#include <string.h>

weft_str weft_str_of(const char *text) { return text ? (weft_str){ text, strlen(text) } : (weft_str){ "", 0 }; }

bool weft_str_equal(weft_str a, weft_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
