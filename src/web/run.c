/* Where a handler runs: on the loop, in a thread, in a process. */
#include "task/process.h"
#include "web/endpoint.h"
#include "weft/thread.h"

typedef int handler_fn(const void *in, void *out);

void weft__endpoint_announce(const weft__endpoint *e)
{
    if (e->route->run == WEFT_IN_PROCESS) weft__process_wish(weft__process_start, weft__zygote_stop);
}

static weft_call call_of(const weft_route *r, const void *in, void *out)
{
    return (weft_call){ .fn = r->handler, .arity = 2, .in = in, .in_size = r->in->size, .out = out,
        .out_size = r->out->size, .name = r->name };
}

int weft__endpoint_run(const weft__endpoint *e, const void *in, void *out)
{
    const weft_route *r = e->route;
    if (r->run == WEFT_ON_LOOP) return ((handler_fn *)r->handler)(in, out);
    if (e->page) return weft__page_answer(e->page, in, out);
    if (r->folder) return weft__static_answer(e, in, out);
    weft_call call = call_of(r, in, out);
    if (r->run == WEFT_IN_THREAD) return weft_thread_call_of(r->threads ? r->threads : &weft_blocking, call);
    return weft__process_call(r->in, r->out, &call, &(weft_process_opts){ .place = e->name.ptr });
}
