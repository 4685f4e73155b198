/* Lists of middleware, made ready at the start. */
#include "os/fleet.h"
#include "web/session.h"

static int make_kind(weft__layer *l, const weft_layer *from, const weft__layers_at *at, weft_arena *arena, weft__mades *mades, weft__buf *faults)
{
    const weft__layer_kind *kind = from->kind;
    weft__layer_making m = { .arena = arena, .faults = faults, .at = at, .kind = kind, .made = (void *)from->config };
    if (kind->of_app && !at->of_app)
        WEFT__LAYER_FAULT(&m, "it answers requests that no route fits; expected it in the .middleware of an application (one that is mounted, for some paths)");
    int rc = kind->make ? kind->make(&m, from->config) : 0;
    if (rc < 0) return rc;
    *l = (weft__layer){ kind->run, kind->before, m.made, kind->name, kind };
    if (!kind->drop) return 0;
    weft__made *slot = weft__list_slot(arena, mades, sizeof *slot);
    if (slot) *slot = (weft__made){ kind, m.made };
    else kind->drop(m.made);
    return slot ? 0 : WEFT_ENOMEM;
}

static int add(weft__layers *to, const weft_layer *item, const weft__layers_at *at, weft_arena *arena, weft__mades *mades, weft__buf *faults)
{
    const weft_layer *from = item->of ? item->of : item;
    weft__layer *l = weft__list_slot(arena, to, sizeof *l);
    if (!l) return WEFT_ENOMEM;
    *l = (weft__layer){ from->run, NULL, from->config, from->name, NULL };
    to->looks_back |= !from->kind || from->kind->looks_back;
    to->around |= !from->kind || from->kind->run;
    if (from->kind) return make_kind(l, from, at, arena, mades, faults);
    if (!from->run)
        weft__buf_printf(faults, "%s%s%.*s: middleware %s is NULL\n", at->what, at->name.len ? " " : "", WEFT_FMT(at->name), item->name);
    return 0;
}

/* A token of weft_csrf belongs to the session of the request, which it knows of when that stands outside. */
static void check_order(const weft__layers *all, uint32_t from, const weft__layers_at *at, weft__buf *faults)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const weft__layer *l = &all->items[i];
        if (l->kind != &weft__csrf_kind || !l->config || !weft__csrf_binds(l->config)) continue;
        for (uint32_t k = i < from ? from : i; k < all->count; k++)
            if (all->items[k].kind == &weft__sessions_kind)
                weft__buf_printf(faults, "%s%s%.*s: weft_sessions stands inside of weft_csrf, whose tokens would be those of any session; expected it outside\n", at->what,
                    at->name.len ? " " : "", WEFT_FMT(at->name));
    }
}

int weft__layers_make(weft__layers *out, const weft__layers *around, const weft_layer *list, const weft__layers_at *at,
    weft_arena *arena, weft__mades *mades, weft__buf *faults)
{
    weft__layers all = { .looks_back = around->looks_back, .around = around->around };
    if (!list || !list->name) {
        *out = *around;
        return 0;
    }
    for (uint32_t i = 0; i < around->count; i++) {
        weft__layer *l = weft__list_slot(arena, &all, sizeof *l);
        if (!l) return WEFT_ENOMEM;
        *l = around->items[i];
    }
    for (; list->name; list++) {
        int rc = add(&all, list, at, arena, mades, faults);
        if (rc < 0) return rc;
    }
    check_order(&all, around->count, at, faults);
    *out = all;
    return 0;
}

/* Each from its own line of the cache on. */
static size_t share_of(const weft__made *m, unsigned slots)
{
    enum { LINE = 64 };
    return m->kind->shared_bytes ? (m->kind->shared_bytes(m->made, slots) + LINE - 1) / LINE * LINE : 0;
}

size_t weft__mades_shared_bytes(const weft__mades *mades, unsigned slots)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < mades->count; i++) bytes += share_of(&mades->items[i], slots);
    return bytes;
}

void weft__mades_share(const weft__mades *mades, const weft__fleet *fleet)
{
    char *at = weft__fleet_common(fleet);
    for (uint32_t i = 0; i < mades->count; i++) {
        const weft__made *m = &mades->items[i];
        if (m->kind->share) m->kind->share(m->made, at, fleet);
        at += share_of(m, fleet->slots);
    }
}

/* FNV-1a, whose order counts, and a step that brings high bits down. */
uint64_t weft__layout_number(uint64_t h, uint64_t number)
{
    for (int i = 0; i < 8; i++) h = (h ^ (number >> 8 * i & 0xff)) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

uint64_t weft__layout_text(uint64_t h, weft_str text)
{
    h = weft__layout_number(h, text.len);
    for (size_t i = 0; i < text.len; i++) h = (h ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

uint64_t weft__mades_layout(const weft__mades *mades, uint64_t h)
{
    for (uint32_t i = 0; i < mades->count; i++) {
        const weft__made *m = &mades->items[i];
        if (m->kind->layout) h = m->kind->layout(m->made, weft__layout_text(h, weft_str_of(m->kind->name)));
    }
    return h;
}

void weft__mades_drop(weft__mades *mades)
{
    for (uint32_t i = 0; i < mades->count; i++) mades->items[i].kind->drop(mades->items[i].made);
    mades->count = 0;
}
