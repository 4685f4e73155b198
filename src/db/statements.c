/* The statements of a database, found by their text: parsed once, and named to connections by a slot. */
#include <string.h>
#include "base/mem.h"
#include "db/engine.h"

enum { CHAINS = 512 };

int weft__statements_init(weft__statements *s, int room, weft__dialect dialect)
{
    *s = (weft__statements){ .room = room, .dialect = dialect };
    s->chains = weft__calloc(CHAINS * sizeof *s->chains);
    s->slots = weft__calloc((size_t)room * sizeof *s->slots);
    if (s->chains && s->slots) return 0;
    weft__statements_free(s);
    return WEFT_ENOMEM;
}

static void statement_free(weft__statement *st)
{
    weft__parsed_free(&st->parsed);
    if (st->forget) st->forget(st->known);
    weft__free((char *)(uintptr_t)st->text.ptr);
    weft__free(st);
}

void weft__statements_free(weft__statements *s)
{
    for (int i = 0; s->slots && i < s->room; i++)
        if (s->slots[i]) statement_free(s->slots[i]);
    weft__free(s->chains);
    weft__free(s->slots);
    *s = (weft__statements){ 0 };
}

/* Eight bytes at a time: it runs for each call. */
static uint64_t hash_of(weft_str text)
{
    uint64_t h = text.len * 0x9E3779B97F4A7C15u, word;
    const char *p = text.ptr, *end = p + text.len;
    for (; end - p >= 8; p += 8) {
        memcpy(&word, p, 8);
        h = (h ^ word) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, p, (size_t)(end - p));
    h = (h ^ word) * 0xC4CEB9FE1A85EC53u;
    return h ^ h >> 29;
}

static weft__statement *known(const weft__statements *s, uint64_t hash, weft_str text)
{
    weft__statement *st = s->chains[hash % CHAINS];
    while (st && !(st->hash == hash && weft_str_equal(st->text, text))) st = st->next;
    return st;
}

static void forget(weft__statements *s, weft__statement *st)
{
    weft__statement **at = &s->chains[st->hash % CHAINS];
    while (*at != st) at = &(*at)->next;
    *at = st->next;
    s->slots[st->slot] = NULL;
    statement_free(st);
}

/* A free slot, or that of the one that nobody uses and was used longest ago; -1: all are in use. */
static int slot_for(weft__statements *s)
{
    int best = -1;
    for (int i = 0; i < s->room; i++) {
        if (!s->slots[i]) return i;
        if (!s->slots[i]->refs && (best < 0 || s->slots[i]->used < s->slots[best]->used)) best = i;
    }
    if (best >= 0) forget(s, s->slots[best]);
    return best;
}

static void keep(weft__statements *s, weft__statement *st)
{
    st->slot = slot_for(s);
    if (st->slot < 0) return;
    s->slots[st->slot] = st;
    st->next = s->chains[st->hash % CHAINS];
    s->chains[st->hash % CHAINS] = st;
}

static int statement_new(weft__dialect dialect, weft_str text, uint64_t hash, weft__statement **out, const char **fault)
{
    weft__statement *st = weft__calloc(sizeof *st);
    char *copy = weft__malloc(text.len + 1);
    int rc = st && copy ? 0 : WEFT_ENOMEM;
    *fault = "no memory left";
    if (rc == 0) {
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = 0;
        st->text = (weft_str){ copy, text.len };
        st->hash = hash;
        rc = weft__sql_parse(st->text, dialect, &st->parsed, fault);
        if (rc < 0) weft__parsed_free(&st->parsed);
    }
    if (rc == 0) return *out = st, 0;
    weft__free(copy);
    weft__free(st);
    return rc;
}

int weft__statements_find(weft__statements *s, weft_str text, weft__statement **out, const char **fault)
{
    uint64_t hash = hash_of(text);
    weft__statement *st = known(s, hash, text);
    if (!st) {
        int rc = statement_new(s->dialect, text, hash, &st, fault);
        if (rc < 0) return rc;
        st->id = ++s->next_id;
        keep(s, st);
    }
    st->used = ++s->clock;
    st->refs++;
    *out = st;
    return 0;
}

void weft__statements_drop(weft__statements *s, weft__statement *st)
{
    (void)s;
    if (!st || --st->refs || st->slot >= 0) return;
    statement_free(st);
}
