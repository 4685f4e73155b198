/* Chunked bodies: the same data, trailers, end and fault however they are cut; the data, chunked anew,
 * decodes to itself, and the trailers, written anew, are read as themselves. */
#include "wire/bytes.h"
#include "wire/chunk.h"
#include "wire/http1.h"
#include "wire/trailer.h"
#include <stdlib.h>
#include <string.h>

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

typedef struct body { int rc; size_t used, len; char *data; const char *fault; weft__buf trailers; } body;

static void feed(weft__chunk *c, body *b, const char *bytes, size_t len)
{
    size_t done = 0, used;
    do {
        weft_str data;
        b->rc = weft__chunk_next(c, bytes + done, len - done, &used, &data);
        MUST(used <= len - done && data.len <= used);
        MUST((b->rc == WEFT__CHUNK_DATA) == (data.len > 0));
        if (data.len) memcpy(b->data + b->len, data.ptr, data.len);
        b->len += data.len;
        done += used;
    } while (b->rc == WEFT__CHUNK_DATA);
    MUST(b->rc != WEFT__CHUNK_MORE || done == len);
    MUST((b->rc < 0) == (c->fault != NULL));
    b->used += done;
    b->fault = c->fault;
}

static body decode(const char *bytes, size_t len, size_t step)
{
    body b = { .data = malloc(len + 1) };
    weft__buf_init(&b.trailers, 1000);
    weft__chunk c = { .kept = &b.trailers, .trailer_bytes_max = 1000, .trailers_max = 5 };
    for (size_t at = 0; at < len && b.rc == WEFT__CHUNK_MORE; at += step) {
        feed(&c, &b, bytes + at, len - at < step ? len - at : step);
    }
    MUST(b.len == c.data_bytes && !b.trailers.failed && c.trailers <= 6);
    MUST(!c.too_much || b.rc < 0);
    return b;
}

static void done(body *b)
{
    weft__buf_free(&b->trailers);
    free(b->data);
}

/* Each that is handed over is one that may be sent, and is then read as itself. */
static void check_trailers(const body *b)
{
    weft_str rest = weft__buf_str(&b->trailers), name, value, again_name, again_value;
    unsigned n = 0;
    while (weft__trailer_next(&rest, &name, &value)) {
        weft__buf line;
        MUST(++n <= 5 && weft__trailer_fault(name, value) == NULL && weft__trailer_find(weft__buf_str(&b->trailers), name).ptr);
        weft__buf_init(&line, 2000);
        weft__trailer_add(&line, name, value);
        weft_str text = weft__buf_str(&line);
        MUST(weft__trailer_next(&text, &again_name, &again_value) && !text.len);
        MUST(weft_str_equal(name, again_name) && weft_str_equal(value, again_value));
        weft__buf_free(&line);
    }
}

static void check_same(body a, body b)
{
    MUST(a.rc == b.rc && a.used == b.used && a.len == b.len && a.fault == b.fault);
    MUST(memcmp(a.data, b.data, a.len) == 0);
    MUST(weft_str_equal(weft__buf_str(&a.trailers), weft__buf_str(&b.trailers)));
}

static void check_encoded(const char *bytes, size_t len, size_t size)
{
    size_t room = (len / size + 1) * (WEFT__CHUNK_HEAD + 2 + size) + 5, n = 0;
    char *text = malloc(room);
    for (size_t at = 0; at < len; at += size) {
        size_t part = len - at < size ? len - at : size;
        n += weft__chunk_head(text + n, part);
        memcpy(text + n, bytes + at, part);
        memcpy(text + n + part, WEFT__CHUNK_TAIL.ptr, 2);
        n += part + 2;
    }
    memcpy(text + n, WEFT__CHUNK_LAST.ptr, 5);
    n += 5;
    body b = decode(text, n, n);
    MUST(b.rc == WEFT__CHUNK_END && b.used == n && b.len == len && memcmp(b.data, bytes, len) == 0 && !b.trailers.len);
    done(&b);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!len) return 0;
    const char *text = (const char *)bytes;
    body whole = decode(text, len, len);
    static const size_t steps[] = { 1, 2, 3, 7, 31 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        body pieces = decode(text, len, steps[i]);
        check_same(whole, pieces);
        done(&pieces);
    }
    if (whole.rc == WEFT__CHUNK_END) {
        for (size_t n = 1; n < whole.used; n += 1 + whole.used / 16) {
            body part = decode(text, n, n);
            MUST(part.rc == WEFT__CHUNK_MORE);
            done(&part);
        }
    }
    if (whole.rc == WEFT__CHUNK_END) check_trailers(&whole);
    done(&whole);
    check_encoded(text, len, 1 + (size_t)bytes[0]);
    return 0;
}
