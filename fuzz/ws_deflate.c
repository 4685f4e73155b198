/* Compressed messages: any bytes are decompressed or refused, within the limit and alike however they are cut; what we compress comes back. */
#include "wire/ws_deflate.h"
#include <stdlib.h>
#include <string.h>

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

enum { MAX = 100000 };

static int unpack(const uint8_t *data, size_t size, size_t step, bool fresh, weft__buf *out)
{
    weft__inflater *f = weft__inflater_new(15);
    int rc = f ? 0 : WEFT_ENOMEM;
    MUST(f);
    for (size_t at = 0; rc == 0 && at < size; at += step) {
        size_t n = size - at < step ? size - at : step;
        rc = weft__inflate(f, (weft_str){ (const char *)data + at, n }, at + n == size, fresh, out);
        MUST(out->len <= MAX);
    }
    weft__inflater_free(f);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft__buf whole, parts, packed, again;
    if (!size || !weft__ws_deflate_built()) return 0;
    bool fresh = data[0] & 1;
    unsigned bits = 9 + (data[0] >> 1) % 7;
    data++;
    size--;
    weft__buf_init(&whole, MAX);
    weft__buf_init(&parts, MAX);
    weft__buf_init(&packed, 4 * MAX);
    weft__buf_init(&again, MAX);
    int a = unpack(data, size, size ? size : 1, fresh, &whole), b = unpack(data, size, 1, fresh, &parts);
    MUST(a == b);
    MUST(a < 0 || (whole.len == parts.len && (!whole.len || memcmp(whole.ptr, parts.ptr, whole.len) == 0)));
    if (size < MAX) {
        weft__deflater *d = weft__deflater_new(bits, 1 + (int)(size % 9));
        weft__inflater *f = weft__inflater_new(bits);
        MUST(d && f);
        for (int i = 0; i < 2; i++) {
            weft__buf_clear(&packed);
            weft__buf_clear(&again);
            MUST(weft__deflate(d, (weft_str){ (const char *)data, size }, fresh, &packed) == 0);
            MUST(weft__inflate(f, weft__buf_str(&packed), true, fresh, &again) == 0);
            MUST(again.len == size && (!size || memcmp(again.ptr, data, size) == 0));
        }
        weft__deflater_free(d);
        weft__inflater_free(f);
    }
    weft__buf_free(&whole);
    weft__buf_free(&parts);
    weft__buf_free(&packed);
    weft__buf_free(&again);
    return 0;
}
