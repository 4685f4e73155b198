/* weft_request_ids: an id for each request. */
#include <endian.h>
#include "io/log.h"
#include "task/loop.h"
#include "web/onion.h"
#include "wire/bytes.h"

enum { MADE = 32, HALF = 16 };

typedef struct ids {
    weft_str header;
    bool fresh, begun;
    char next[MADE];                 /* its first half is of this process: no other has it */
    uint64_t count;
    unsigned left;                   /* of `count` */
} ids;

/* ---- ids ---- */

/* Eight digits in one word: each nibble in a byte of its own, the first digit in the lowest; then what letters are more than '0' + 10. */
static uint64_t hex8(uint32_t n)
{
    uint64_t x = __builtin_bswap32(n);
    x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
    x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x >> 4 | x << 8) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    uint64_t letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    return x + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
}

static void put_hex(char to[HALF], uint64_t n)
{
    uint64_t digits[2] = { htole64(hex8((uint32_t)(n >> 32))), htole64(hex8((uint32_t)n)) };
    memcpy(to, digits, HALF);
}

/* Each n gives another number, and none looks like its neighbours (splitmix64, by S. Vigna, public domain). */
static uint64_t scatter(uint64_t n)
{
    n *= UINT64_C(0x9e3779b97f4a7c15);
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

/* Sixteen in a row differ in their last digit. */
static void make_id(ids *s, weft__log_id *out)
{
    if (s->left == 0) {
        weft__os *os = weft__loop_os(weft__loop_here());
        if (!s->begun) {
            put_hex(s->next, os->ops->random(os));
            s->count = os->ops->random(os);
            s->begun = true;
        }
        put_hex(s->next + HALF, scatter(++s->count));
        s->left = 16;
    }
    s->next[MADE - 1] = "0123456789abcdef"[--s->left];
    memcpy(out->text, s->next, MADE);
    out->len = MADE;
}

static bool is_sane(weft_str id)
{
    if (!id.len || id.len > WEFT__LOG_ID_MAX) return false;
    for (size_t i = 0; i < id.len; i++)
        if (!weft__byte_is(id.ptr[i], WEFT__UNRESERVED) && !memchr(":=+/@", id.ptr[i], 5)) return false;
    return true;
}

/* ---- the layer ---- */

/* An id, where it stays as long as the request, and a NUL. */
typedef struct kept_id { weft__log_id id; char end; } kept_id;

/* Nearly all requests have none. */
static inline const weft__http_header *sent_id(const weft__http_head *head, weft_str name)
{
    for (const weft__http_header *h = head->headers, *end = h + head->count; h < end; h++)
        if (h->name.len == name.len && weft__same_nocase(h->name, name)) return h;
    return NULL;
}

static int before(const weft_request *request, weft_reply *reply, const void *config)
{
    ids *s = (ids *)(uintptr_t)config;
    weft__exchange *x = request->exchange;
    kept_id *kept = weft__arena_alloc(x->arena, sizeof *kept);
    if (!kept) return WEFT_ENOMEM;
    weft__log_id *id = &kept->id;
    const weft__http_header *sent = s->fresh ? NULL : sent_id(x->head, s->header);
    if (sent && is_sane(sent->value)) {
        id->len = (uint8_t)sent->value.len;
        memcpy(id->text, sent->value.ptr, id->len);
    } else {
        make_id(s, id);
    }
    *((char *)id + offsetof(weft__log_id, text) + id->len) = 0;
    WEFT_TRY(weft__local_set(&weft__log_id_here.core, id, offsetof(weft__log_id, text) + WEFT__LOG_ID_MAX));
    x->id = (weft_str){ id->text, id->len };
    return weft__reply_put_first(reply, s->header, x->id);
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_request_ids_opts *o = config;
    ids *s = weft__arena_zalloc(m->arena, sizeof *s);
    if (!s) return WEFT_ENOMEM;
    s->header = weft_str_of(o->header ? o->header : "X-Request-Id");
    s->fresh = o->fresh;
    if (!weft__http_name_valid(s->header)) WEFT__LAYER_FAULT(m, "header '%s' is no token", o->header);
    m->made = s;
    return 0;
}

const weft__layer_kind weft__request_ids_kind = { .name = "weft_request_ids", .before = before, .make = make };

weft_str weft_request_id(void)
{
    weft__log_id id = weft_local_get(&weft__log_id_here, (weft__log_id){ .len = 0 });
    return id.len ? weft_format("%.*s", (int)id.len, id.text) : (weft_str){ "", 0 };
}
