#ifndef WEFT_SRC_OS_USAGE_H
#define WEFT_SRC_OS_USAGE_H
#include "weft/base.h"

/* What this process has used: processor time, memory that is resident now, and when it began, in seconds since 1970. False: the
 * system does not tell. Takes some microseconds. */
typedef struct weft__usage { int64_t cpu_us, resident_bytes, started_s; } weft__usage;
bool weft__os_usage(weft__usage *out);
#endif
