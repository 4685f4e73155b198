/* What a client makes a server do for nothing: requests that are reset at once, by either side (CVE-2023-44487, CVE-2025-8671), and frames
 * that need an answer or a look, and carry nothing. Counted for each connection; who goes on is told to calm down, and closed. */
#include "http/h2_inside.h"

enum { RESETS_AT_ONCE = 500, RESETS_A_SECOND = 50, FRAMES_AT_ONCE = 2000, FRAMES_A_SECOND = 1000 };

typedef struct measure { int64_t cost_ns, at_once; } measure;
static const measure of_resets = { 1000000000 / RESETS_A_SECOND, RESETS_AT_ONCE };
static const measure of_frames = { 1000000000 / FRAMES_A_SECOND, FRAMES_AT_ONCE };

/* The time when all would be forgotten, were there no more. */
static bool passes(h2_bucket *b, const measure *m, int64_t now_ns)
{
    if (b->until_ns < now_ns) b->until_ns = now_ns;
    b->until_ns += m->cost_ns;
    return b->until_ns - now_ns > m->at_once * m->cost_ns;
}

static void count(weft__h2 *h, h2_bucket *b, const measure *m)
{
    if (h->over || h->lost) return;
    if (passes(b, m, weft__loop_now(h->c->server->loop))) weft__h2_end(h, NGHTTP2_ENHANCE_YOUR_CALM);
}

void weft__h2_count_reset(weft__h2 *h) { count(h, &h->resets, &of_resets); }
void weft__h2_count_frame(weft__h2 *h) { count(h, &h->frames, &of_frames); }
void weft__h2_forgive_reset(weft__h2 *h) { h->resets.until_ns -= of_resets.cost_ns; }
void weft__h2_forgive_frames(weft__h2 *h, int n) { h->frames.until_ns -= n * of_frames.cost_ns; }
