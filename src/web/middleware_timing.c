/* weft_timing: how long an answer took, where browsers show it. W3C Server Timing. */
#include "task/loop.h"
#include "web/onion.h"

typedef struct timing { const char *name; int64_t began_ns; } timing;

static void say(weft_reply *reply, void *arg)
{
    const timing *t = arg;
    double ms = (double)(weft__loop_clock(weft__loop_here()) - t->began_ns) / 1e6;
    const weft_header *there = weft__reply_find(reply, WEFT_S("Server-Timing"));
    if (there) weft_reply_header(reply, "Server-Timing", "%.*s, %s;dur=%.3f", WEFT_FMT(there->value), t->name, ms);
    else weft_reply_header(reply, "Server-Timing", "%s;dur=%.3f", t->name, ms);
}

static int before(const weft_request *request, weft_reply *reply, const void *config)
{
    const weft_timing_opts *o = config;
    timing *t = weft__arena_alloc(reply->arena, sizeof *t);
    (void)request;
    if (!t) return WEFT_ENOMEM;
    *t = (timing){ o->name ? o->name : "total", weft__loop_clock(weft__loop_here()) };
    return weft_reply_on_head(reply, say, t);
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_timing_opts *o = config;
    if (o->name && !weft__http_name_valid(weft_str_of(o->name))) WEFT__LAYER_FAULT(m, "name '%s' is no token", o->name);
    return 0;
}

const weft__layer_kind weft__timing_kind = { .name = "weft_timing", .before = before, .make = make };
