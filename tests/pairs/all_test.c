#define _GNU_SOURCE
/* Whether the facts are all there, and the same as in the file they were taken from, when somebody has it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "all.h"
#include "model/reading.h"
#include "support/headers.h"

enum { FACTS = 94, FILE_BYTES_MAX = 4 << 20 };

static const fact *fact_of(int id)
{
    for (size_t g = 0; g < weft_count(all_groups); g++)
        for (size_t i = 0; i < all_groups[g]->count; i++)
            if (all_groups[g]->facts[i].id == id) return &all_groups[g]->facts[i];
    return NULL;
}

WEFT_TEST(each_pair_is_there_once)
{
    size_t count = 0;
    for (size_t g = 0; g < weft_count(all_groups); g++) count += all_groups[g]->count;
    WEFT_CHECK_EQ(count, FACTS);
    for (int id = 1; id <= FACTS; id++)
        if (!fact_of(id)) weft__check_fail(__FILE__, __LINE__, "pair %d is missing", id);
}

/* ---- the file: $WEFT_FACTS/fastapi_pairs.json ---- */

WEFT_MODEL(Expected, field(int, status), opt(weft_json, json), opt(weft_str, text), map(weft_str, headers, .initial = "{}"));
WEFT_MODEL(Pair, field(int, id), field(weft_str, method), field(weft_str, path), field(weft_json, headers), opt(weft_str, body), field(Expected, expect));
WEFT_MODEL(Pairs, list(Pair, pairs));

static weft_str file_read(weft_arena *arena)
{
    char path[4096], *text = weft__arena_alloc(arena, FILE_BYTES_MAX);
    const char *folder = getenv("WEFT_FACTS");
    snprintf(path, sizeof path, "%s/fastapi_pairs.json", folder ? folder : "");
    FILE *in = folder ? fopen(path, "r") : NULL;
    if (!in) return (weft_str){ 0 };
    size_t len = fread(text, 1, FILE_BYTES_MAX, in);
    fclose(in);
    return (weft_str){ text, len };
}

static bool same_text(const char *a, weft_str b)
{
    return strlen(a) == b.len && memcmp(a, b.ptr, b.len) == 0;
}

/* Headers are an object or a list of pairs there: whichever, as many texts as we have names and values, and each of ours. */
static bool same_headers(const char *lines, weft_str json)
{
    size_t quotes = 0;
    for (size_t i = 0; i < json.len; i++) quotes += json.ptr[i] == '"';
    for (weft_header h; header_next(&lines, &h); quotes -= 4) {
        char name[200], value[200];
        snprintf(name, sizeof name, "\"%.*s\"", WEFT_FMT(h.name));
        snprintf(value, sizeof value, "\"%.*s\"", WEFT_FMT(h.value));
        if (quotes < 4 || !strcasestr(json.ptr, name) || !strstr(json.ptr, value)) return false;
    }
    return quotes == 0;
}

static bool same_says(const char *lines, const weft_map_weft_str *map)
{
    uint32_t n = 0;
    for (weft_header h; header_next(&lines, &h); n++)
        if (n == map->count || !weft_str_equal(h.name, map->items[n].key) || !weft_str_equal(h.value, map->items[n].value))
            return false;
    return n == map->count;
}

/* A body that is JSON is compared by value. */
static bool same_body(const char *ours, const weft_opt_weft_str *theirs)
{
    if (!ours || !theirs->set) return !ours && !theirs->set;
    return same_text(ours, theirs->value) || weft__check_json(__FILE__, __LINE__, theirs->value, ours);
}

static void compare(const Pair *p)
{
    const fact *f = fact_of(p->id);
    if (!f) return;
    const Expected *e = &p->expect;
    WEFT_CHECK_STR(p->method, f->method);
    WEFT_CHECK_STR(p->path, f->path);
    WEFT_CHECK_EQ(e->status, f->status);
    bool same = same_headers(f->headers, p->headers.text) && same_says(f->says, &e->headers) && same_body(f->body, &p->body);
    same = same && (f->json != NULL) == e->json.set && (f->text != NULL) == e->text.set;
    if (same && f->json) same = weft__check_json(__FILE__, __LINE__, e->json.value.text, f->json);
    if (same && f->text) same = same_text(f->text, e->text.value);
    if (!same) weft__check_fail(__FILE__, __LINE__, "pair %d is another one there", f->id);
}

WEFT_TEST(the_pairs_are_those_of_fastapis_tests)
{
    reading r = reading_open();
    Pairs all;
    weft_str json = file_read(&r.arena);
    if (!json.ptr) WEFT_SKIP("WEFT_FACTS names no folder with a fastapi_pairs.json");
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_Pairs, NULL, json, &all), 0);
    for (uint32_t i = 0; i < all.pairs.count; i++) compare(&all.pairs.items[i]);
    WEFT_CHECK_EQ(all.pairs.count, FACTS);
    reading_close(&r);
}
