/* How long a command may block: for so long its server says nothing, and is not given up. */
#include <limits.h>
#include <strings.h>
#include "redis/inside.h"
#include "wire/number.h"

static bool is(weft_str s, const char *word) { return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0; }

/* 0: for ever; so is what is no number, which the server refuses at once. */
static int ms_of(weft_str text, int each_ms)
{
    weft__number n;
    if (!text.len || weft__number_scan(text.ptr, text.ptr + text.len, &n) != text.ptr + text.len) return 0;
    double ms = weft__number_double(&n) * each_ms;
    return ms > 0 && ms < INT_MAX / 2 ? (int)ms + 1 : 0;
}

static bool next_word(weft_str *rest, weft_str *out)
{
    weft__resp step;
    const char *fault;
    if (!rest->len || weft__resp_next(rest, &step, &fault) < 0) return false;
    *out = step.s;
    return true;
}

/* XREADGROUP GROUP name consumer COUNT n BLOCK ms STREAMS ... */
static void block_of_streams(weft_str rest, weft__rwritten *out)
{
    weft_str word;
    while (next_word(&rest, &word) && !is(word, "STREAMS")) {
        bool blocks = is(word, "BLOCK");
        int values = is(word, "GROUP") ? 2 : blocks || is(word, "COUNT") ? 1 : 0;
        while (values-- && next_word(&rest, &word)) continue;
        if (!blocks) continue;
        out->blocks = true;
        out->block_ms = ms_of(word, 1);
    }
}

void weft__block_of(weft_str bytes, weft__rwritten *w)
{
    int flags = w->known->flags;
    weft__resp head;
    weft_str word = { 0 };
    const char *fault;
    if (!(flags & (WEFT__RC_BLOCKS | WEFT__RC_MAY_BLOCK)) || weft__resp_next(&bytes, &head, &fault) < 0 || !next_word(&bytes, &word)) return;
    if (flags & WEFT__RC_MAY_BLOCK) {
        block_of_streams(bytes, w);
        return;
    }
    word = (weft_str){ 0 };
    while (next_word(&bytes, &word) && !(flags & WEFT__RC_BLOCK_FIRST)) continue;
    w->blocks = true;
    w->block_ms = ms_of(word, flags & WEFT__RC_BLOCK_MS ? 1 : 1000);
}
