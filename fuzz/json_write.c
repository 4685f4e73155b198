#include "model_check.h"
#include "model/view.h"

/* A value made of the input's bytes, as a handler with mistakes might make it. */

typedef struct source { const uint8_t *at, *end; } source;

static uint64_t take(source *s, size_t bytes)
{
    uint64_t value = 0;
    for (; bytes && s->at < s->end; bytes--) value = value << 8 | *s->at++;
    return value;
}

static weft_str take_text(source *s)
{
    size_t len = take(s, 1) % 40, left = (size_t)(s->end - s->at);
    if (len > left) len = left;
    weft_str text = { (const char *)s->at, len };
    s->at += len;
    return len ? text : (weft_str){ 0 };
}

static double take_double(source *s)
{
    uint64_t bits = take(s, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

enum { FEW = 3 };
typedef struct parts {
    weft_str tags[FEW];
    Point points[FEW];
    struct weft_entry_int stock[FEW];
} parts;

static void take_node(source *s, Node *node, parts *p)
{
    *node = (Node){ .name = take_text(s), .count = (int)take(s, 4) };
    node->level = (Level)(take(s, 1) % 5);
    node->on = take(s, 1) & 1;
    node->id = (weft_opt_int64_t){ (int64_t)take(s, 8), take(s, 1) & 1, take(s, 1) & 1 };
    node->at = (Point){ take_double(s), take_double(s) };
    node->raw.text = take_text(s);
    for (int i = 0; i < FEW; i++) {
        p->tags[i] = take_text(s);
        p->points[i] = (Point){ take_double(s), 1 };
        p->stock[i] = (struct weft_entry_int){ take_text(s), i };
    }
    node->tags = (weft_list_weft_str){ p->tags, (uint32_t)(take(s, 1) % (FEW + 1)), FEW };
    node->points = (weft_list_Point){ p->points, (uint32_t)(take(s, 1) % (FEW + 1)), FEW };
    node->stock = (weft_map_int){ p->stock, (uint32_t)(take(s, 1) % (FEW + 1)), FEW };
}

static void check_written(const weft_schema *schema, const void *value, const weft__view *view, size_t room)
{
    weft__buf out;
    weft__fault fault;
    weft__buf_init(&out, room);
    int rc = weft__json_write_view(schema, value, view, &out, &fault);
    if (rc == 0) MUST(weft__json_valid(weft__buf_str(&out)) && !fault.text[0]);
    else MUST(out.len == 0 && memchr(fault.text, 0, sizeof fault.text));
    MUST(rc == 0 || rc == WEFT_EINVAL || rc == WEFT_ELIMIT);
    weft__buf_free(&out);
}

/* A union whose tag may be any, with keys that may be members. */
static void check_choice(source *s, const Node *node, size_t room)
{
    struct weft_entry_weft_json more[2];
    Choice c = { .kind = (__typeof__(c.kind))(take(s, 1) % 5) };
    if (c.kind == Choice_point) c.point = (Point){ take_double(s), 1 };
    if (c.kind == Choice_node) c.node = *node;
    for (int i = 0; i < 2; i++) more[i] = (struct weft_entry_weft_json){ take_text(s), { take_text(s) } };
    if (c.kind == Choice_label)
        c.label = (Label){ .size = { 3, take(s, 1) & 1, false }, .on = { true, take(s, 1) & 1, false },
            .rest = { more, (uint32_t)(take(s, 1) % 3), 2 } };
    check_written(&weft_schema_Choice, &c, NULL, room);
}

static void check_views(const Node *node, size_t room, uint64_t bits)
{
    weft_arena arena;
    weft__view view;
    weft__fault fault;
    weft__view_opts opts = { .exclude_unset = bits & 1, .exclude_none = bits & 2,
        .exclude_defaults = bits & 4, .include = bits & 8 ? "name, tags, children, raw" : NULL };
    weft__arena_init(&arena, NULL, 1 << 20);
    MUST(weft__view_make(&view, &opts, &weft_schema_Node, &arena, &fault) == 0);
    check_written(&weft_schema_Node, node, &view, room);
    weft__arena_free(&arena);
}

static void check_lossy(const uint8_t *data, size_t size)
{
    weft__buf out;
    weft__buf_init(&out, 1 << 20);
    weft__json_add_text_lossy(&out, (weft_str){ (const char *)data, size });
    MUST(weft__json_valid(weft__buf_str(&out)));
    weft__buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    source s = { data, data + size };
    parts p[2];
    Node nodes[2];
    if (size > 4096) return 0;
    take_node(&s, &nodes[0], &p[0]);
    take_node(&s, &nodes[1], &p[1]);
    uint64_t shape = take(&s, 1);
    if (shape & 1) nodes[0].parent = &nodes[1];
    if (shape & 2) nodes[1].parent = &nodes[shape >> 2 & 1];
    if (shape & 8) nodes[0].children = (weft_list_Node){ &nodes[1], 1, 1 };
    size_t room = shape & 16 ? 64 : 16 << 20;
    check_written(&weft_schema_Node, &nodes[0], NULL, room);
    check_views(&nodes[0], room, take(&s, 1));
    check_choice(&s, &nodes[0], room);
    check_lossy(data, size);
    return 0;
}
