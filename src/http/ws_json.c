/* Messages as JSON. */
#include <stdio.h>
#include <string.h>
#include "http/ws.h"
#include "model/json.h"
#include "weft/client.h"

enum { TEXT_BYTES_MAX = 64 << 20 };

int weft_ws_send_json_with(weft_ws *ws, const weft_schema *schema, const void *value)
{
    weft__buf text;
    weft__fault fault = { "" };
    weft__buf_init(&text, TEXT_BYTES_MAX);
    int rc = weft__json_write(schema, value, &text, &fault);
    if (rc == 0) rc = text.failed;
    if (rc < 0) rc = weft__fail_as(NULL, rc, 0, "a message cannot be written as JSON: %s", fault.text[0] ? fault.text : "no memory, or more than 64 MiB");
    else rc = weft_ws_send(ws, weft__buf_str(&text));
    weft__buf_free(&text);
    return rc;
}

static int no_model(const weft__problems *problems, const weft_schema *schema)
{
    char place[256];
    size_t n = 0;
    const weft__problem *p = problems->items;
    for (uint32_t i = 0; i < p->loc_count && n < sizeof place; i++) {
        const weft__step *s = &p->loc[i];
        const char *dot = i ? "." : "";
        n += (size_t)(s->name ? snprintf(place + n, sizeof place - n, "%s%.*s", dot, (int)s->len, s->name) : snprintf(place + n, sizeof place - n, "%s%u", dot, s->index));
    }
    return weft_fail(422, "a message is no %s: %s: %.*s", schema->name, place, WEFT_FMT(p->msg));
}

int weft_ws_recv_json_with(weft_ws *ws, const weft_schema *schema, void *out)
{
    static const weft__loc message = { .name = { "message", 7 } };
    weft_str text;
    int rc = weft_ws_recv(ws, &text);
    if (rc <= 0) return rc;
    weft_arena *arena = weft__arena_here();
    weft__problems problems;
    weft__problems_init(&problems, arena);
    void *to = weft__arena_alloc(arena, schema->size);
    rc = to ? weft__json_read(schema, NULL, text, to, arena, &problems, &message) : WEFT_ENOMEM;
    if (rc == 0) {
        memcpy(out, to, schema->size);
        return 1;
    }
    if (rc == WEFT_EINVAL && problems.count) return no_model(&problems, schema);
    return weft_fail(WEFT_ENOMEM, "no memory for a message, or past request_bytes_max");
}
