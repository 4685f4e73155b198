/* Server-sent events. */
#include "web/stream.h"
#include "wire/bytes.h"
#include "wire/sse.h"

enum { BEAT_MS = 15000 };

const weft_schema weft_schema_weft_events = {
    .name = "weft_events", .kind = WEFT__special, .size = sizeof(weft_events)
};

weft_reply *weft_events_reply(weft_events *e) { return &e->stream.reply; }
weft_str weft_events_last_id(const weft_events *e) { return e->last_id; }

/* ---- the head ---- */

static bool is_set(const weft_reply *r, weft_str name)
{
    for (uint32_t i = 0; i < r->headers.count; i++)
        if (weft__same_nocase(r->headers.items[i].name, name)) return true;
    return false;
}

weft_str weft__events_lines(const weft_events *e)
{
    bool cached = is_set(&e->stream.reply, WEFT_S("Cache-Control"));
    bool gathered = is_set(&e->stream.reply, WEFT_S("X-Accel-Buffering"));
    if (cached && gathered) return (weft_str){ "", 0 };
    if (cached) return WEFT_S("X-Accel-Buffering: no\r\n");
    if (gathered) return WEFT_S("Cache-Control: no-cache\r\n");
    return WEFT_S("Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n");
}

/* ---- the beginning, and the heartbeat ---- */

static void start_beat(weft_events *e)
{
    weft__loop *loop = weft__loop_here();
    /* Without memory for a timer there is none: nobody is worse off but a proxy. */
    (void)weft__timer_start(loop, &e->beat, weft__loop_now(loop) + e->beat_ms * 1000000LL);
}

static void beat(weft__timer *t)
{
    weft_events *e = (weft_events *)((char *)t - offsetof(weft_events, beat));
    weft__exchange_beat(e->stream.exchange, WEFT_S(":\n\n"));
    start_beat(e);
}

void weft__events_init(weft_events *e, weft__exchange *x)
{
    const weft__http_header *h = weft__http_find(x->head, WEFT_S("Last-Event-ID"), NULL);
    e->beat_ms = BEAT_MS;
    e->beat.fire = beat;
    e->last_id = h ? weft__arena_dup(x->arena, h->value) : (weft_str){ "", 0 };
    if (e->last_id.ptr) return;
    e->last_id = (weft_str){ "", 0 };
    x->arena->lost = true;
}

void weft_events_heartbeat(weft_events *e, int ms)
{
    e->beat_ms = ms > 0 ? ms : 0;
    if (!weft__exchange_begun(e->stream.exchange)) return;
    weft__timer_stop(weft__loop_here(), &e->beat);
    if (e->beat_ms) start_beat(e);
}

void weft__events_begin(weft_events *e)
{
    if (e->beat_ms) start_beat(e);
}

void weft__events_end(weft_events *e) { weft__timer_stop(weft__loop_here(), &e->beat); }

/* ---- events ---- */

static int add_event(weft_events *e, const weft_event *event, weft_str data)
{
    weft__sse sse = { .comment = event->comment, .id = event->id, .type = event->type, .data = data,
        .retry_ms = event->retry_ms };
    const char *fault = weft__sse_fault(&sse);
    if (fault) return weft_fail(WEFT_EINVAL, "an event cannot be sent: %s", fault);
    weft__sse_add(&e->stream.text, &sse);
    return 0;
}

int weft_event_with(weft_events *e, const weft_event *event)
{
    int rc = weft__stream_take(&e->stream);
    return rc < 0 ? rc : weft__stream_give(&e->stream, add_event(e, event, event->data));
}

/* JSON has no line's end of its own, so it becomes one line of data behind the other fields. */
int weft_event_item_with(weft_events *e, const weft_schema *schema, const void *value, const weft_event *event)
{
    weft_stream *s = &e->stream;
    int rc = event->data.ptr ? weft_fail(WEFT_EINVAL, "weft_event_item: its data is the item; expected no .data") : 0;
    if (rc == 0) rc = weft__stream_take(s);
    if (rc < 0) return rc;
    rc = add_event(e, event, (weft_str){ 0 });
    if (rc == 0 && s->text.len) s->text.len--;       /* the empty line ends the event */
    if (rc == 0) weft__buf_lit(&s->text, "data: ");
    if (rc == 0) rc = weft__stream_json(s, schema, value);
    if (rc == 0) weft__buf_lit(&s->text, "\n\n");
    return weft__stream_give(s, rc);
}
