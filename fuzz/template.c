#define _GNU_SOURCE
/* Templates: any text is compiled or refused, and what was compiled never lets a value out of its place. The input is a
 * template; the part behind its first NUL is the partial part.html. */
#include "web/template.h"
#include <stdlib.h>
#include <string.h>
#include "weft.h"
#include "web/reply.h"
#include "web/site.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)
#define HOSTILE "<q\"'&>"

WEFT_MODEL(Maker, field(weft_str, name), opt(weft_str, town));
WEFT_MODEL(Book, field(weft_str, name), field(weft_str, url), list(weft_str, tags), ref(Maker, by), opt(Maker, owner), field(int, stock), field(_Bool, open), field(double, price), field(int64_t, big), field(weft_decimal, cost), field(weft_bytes, seal));
WEFT_MODEL(Shelf, field(weft_str, title), list(Book, books), opt(Maker, owner), map(int, counts), field(weft_uuid, id));

static void render(const weft__site *site, const weft_template *t, const Shelf *shelf, bool raw)
{
    weft_arena arena;
    weft__arena_init(&arena, NULL, 32 << 20);
    weft_reply reply;
    weft__reply_init(&reply, &arena);
    reply.site = site;
    int rc = weft__render("fuzz", &reply, t, shelf);
    MUST(rc == 0 || rc == WEFT_ELIMIT || rc == WEFT_ENOMEM);
    if (rc == 0) MUST(reply.has_body && (raw || !memmem(reply.body.ptr, reply.body.len, "<q", 2)));
    weft__arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *nul = size ? memchr(text, 0, size) : NULL;
    size_t len = nul ? (size_t)(nul - text) : size;
    weft_template whole = { size && data[0] == 't' ? "a.txt" : "a.html", &weft_schema_Shelf, { text, len } };
    weft_template part = { "part.html", NULL, { nul ? nul + 1 : "", nul ? size - len - 1 : 0 } };
    const weft_template *const list[] = { &whole, &part, NULL };
    Maker maker = { .name = WEFT_S(HOSTILE), .town = WEFT_SOME(WEFT_S("\xff")) };
    weft_str tags[] = { WEFT_S(HOSTILE), WEFT_S("") };
    Book books[] = { { .name = WEFT_S(HOSTILE), .url = WEFT_S("javascript:x"), .tags = { tags, 2, 0 }, .by = &maker, .owner = WEFT_SOME(maker), .stock = 1, .open = true, .price = 0.5, .big = -1,
            .cost = { WEFT_S("0.10") }, .seal = { (const uint8_t *)"seal", 4 } },
        { .name = WEFT_S(""), .url = WEFT_S("https://a.example/" HOSTILE), .cost = { WEFT_S("-0e1") } } };
    Shelf full = { .title = WEFT_S(HOSTILE), .books = { books, 2, 0 }, .owner = WEFT_SOME(maker) }, empty = { .title = WEFT_S("") };
    weft_arena arena;
    weft__buf faults;
    weft__site site = { 0 };
    weft__arena_init(&arena, NULL, 64 << 20);
    weft__buf_init(&faults, 1 << 20);
    MUST(weft__templates_make(list, &arena, &site.templates, &faults) == 0);
    bool raw = data && (whole.name[2] == 't' || memmem(text, size, "{{{", 3) || memmem(text, size, "{{&", 3) || memmem(text, size, "<q", 2));
    if (!faults.len && size < 4096) {
        render(&site, &whole, &full, raw);
        render(&site, &whole, &empty, raw);
    }
    weft__buf_free(&faults);
    weft__arena_free(&arena);
    return 0;
}
