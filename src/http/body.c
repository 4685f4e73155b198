/* The buffer of a body that is read piece by piece. What came stays in it until a call has all that
 * it wants, so that one that is cancelled in the middle takes nothing. */
#include "http/body.h"
#include "base/mem.h"
#include <string.h>

enum { FIRST_ROOM = 512 };          /* who sends a byte now and then is to hold little */

void weft__body_init(weft__body *b, weft__http_body kind, int64_t length, size_t room_max)
{
    *b = (weft__body){ .kind = kind, .bytes_max = UINT64_MAX, .room_max = room_max };
    if (kind == WEFT__BODY_LENGTH) b->left = (uint64_t)length;
    b->ended = kind == WEFT__BODY_NONE || (kind == WEFT__BODY_LENGTH && !b->left);
}

void weft__body_free(weft__body *b)
{
    weft__free(b->in);
    weft__buf_free(&b->trailers);
    b->in = NULL;
    b->room = b->start = b->len = b->lent_at = 0;
}

/* ---- room ---- */

static bool grow_to(weft__body *b, size_t room)
{
    char *in = weft__realloc(b->in, room + 1);
    if (!in) return false;
    b->in = in;
    b->room = b->lent_at = room;
    return true;
}

static bool grow(weft__body *b, size_t want)
{
    size_t room = b->room ? b->room * 2 : FIRST_ROOM, need = want < b->room_max - b->len ? b->len + want : b->room_max;
    while (room < need) room *= 2;
    return grow_to(b, room > b->room_max ? b->room_max : room);
}

bool weft__body_reserve(weft__body *b, size_t n)
{
    return n <= b->room || grow_to(b, n > FIRST_ROOM ? n : FIRST_ROOM);
}

/* Many bytes at a time are cheaper: a buffer that was filled grows, when it is empty. */
static void make_room(weft__body *b, size_t want)
{
    bool larger = b->filled && b->room < b->room_max;
    b->filled = false;
    if (b->start == b->len) {
        b->start = b->len = 0;
        if (larger) (void)grow(b, 0);
    }
    if (b->room - b->len >= want || !b->start) return;
    memmove(b->in, b->in + b->start, weft__body_have(b));
    b->len -= b->start;
    b->start = 0;
}

char *weft__body_room(weft__body *b, size_t want, size_t *n)
{
    make_room(b, want);
    bool grows = b->room - b->len < want && b->room < b->room_max && grow(b, want);
    if (!grows && b->len == b->room) return NULL;
    *n = b->room - b->len;
    if (b->kind == WEFT__BODY_LENGTH && *n > b->left) *n = (size_t)b->left;
    return b->in + b->len;
}

/* ---- what comes ---- */

/* The next bytes of the body itself. They may lie behind those that wait in the buffer already; a
 * piece that finds it empty stays where it is. */
static void add(weft__body *b, const char *bytes, size_t n)
{
    if (n > b->bytes_max - b->came) {
        n = (size_t)(b->bytes_max - b->came);
        b->over = true;
    }
    b->came += n;
    if (b->dropping || !n) return;
    bool inside = bytes >= b->in && bytes < b->in + b->room;
    if (inside && b->start == b->len) b->start = b->len = (size_t)(bytes - b->in);
    if (b->in + b->len != bytes) memmove(b->in + b->len, bytes, n);
    b->len += n;
}

static size_t feed_chunks(weft__body *b, const char *bytes, size_t n)
{
    size_t at = 0;
    while (!b->over) {
        size_t used;
        weft_str piece;
        int event = weft__chunk_next(&b->chunk, bytes + at, n - at, &used, &piece);
        if (event < 0) break;
        at += used;
        b->ended = event == WEFT__CHUNK_END;
        if (event != WEFT__CHUNK_DATA) break;
        add(b, piece.ptr, piece.len);
    }
    return at;
}

size_t weft__body_feed(weft__body *b, const char *bytes, size_t n)
{
    if (b->ended) return 0;
    b->filled = b->len + n >= b->room;
    if (b->kind == WEFT__BODY_CHUNKED) return feed_chunks(b, bytes, n);
    if (b->kind == WEFT__BODY_LENGTH && n > b->left) n = (size_t)b->left;
    add(b, bytes, n);
    if (b->kind == WEFT__BODY_LENGTH) {
        b->left -= n;
        b->ended = !b->left;
    }
    return n;
}

/* ---- what is given ---- */

void weft__body_take_back(weft__body *b)
{
    if (!b->in) return;
    b->in[b->lent_at] = b->lent;
    b->lent_at = b->room; /* the spare one: nothing is lent while bytes move */
    b->lent = 0;
}

weft_str weft__body_give(weft__body *b, size_t n, size_t skip)
{
    weft_str out = { b->in + b->start, n };
    b->lent_at = b->start + n;
    b->lent = b->in[b->lent_at];
    b->in[b->lent_at] = 0;
    b->start += n + skip;
    return out;
}

int weft__body_line(weft__body *b, size_t line_max, bool last, size_t *seen, weft_str *out)
{
    size_t have = weft__body_have(b);
    if (!have) return 0;
    const char *first = b->in + b->start, *end = memchr(first + *seen, '\n', have - *seen);
    size_t n = end ? (size_t)(end - first) : have, text = n;
    *seen = n;
    if (!end && !last) return have > line_max + 1 ? WEFT_ELIMIT : 0;
    if (end && n && first[n - 1] == '\r') text--;
    if (text > line_max) return WEFT_ELIMIT;
    *out = weft__body_give(b, text, n - text + (end != NULL));
    return 1;
}
