/* weft_in_process. Whoever uses it has this file in the program, and with it the announcement. */
#include "task/process.h"

__attribute__((constructor)) static void announce(void)
{
    weft__process_wish(weft__process_start, weft__zygote_stop);
}

int weft_process_with(const weft_schema *in, const weft_schema *out, weft_call call, const weft_process_opts *opts)
{
    return weft__process_call(in, out, &call, opts);
}
