/* Replies: they end at the same byte however they are cut, what has ended is read to that very byte or refused, and what is written is one whole value. */
#include "wire/resp.h"
#include <stdlib.h>
#include <string.h>

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

typedef struct ending { int rc; size_t at; const char *fault; char first; } ending;

static ending scan(const char *bytes, size_t n, size_t step)
{
    weft__resp_scan s = { 0 };
    ending e = { 0 };
    for (size_t at = 0; at < n && e.rc == 0; at += step) {
        size_t some = n - at < step ? n - at : step, used = 0;
        e.rc = weft__resp_scan_on(&s, bytes + at, some, &used, &e.fault);
        MUST(used <= some && s.depth <= WEFT__RESP_DEPTH_MAX);
        e.at = at + used;
    }
    e.first = s.first;
    return e;
}

static void check_steps(const char *bytes, size_t n)
{
    weft_str rest = { bytes, n };
    weft__resp step;
    const char *fault = NULL;
    uint64_t left = 1;
    int rc = 0;
    while (left && rc == 0) {
        weft_str before = rest;
        rc = weft__resp_next(&rest, &step, &fault);
        MUST(rc == 0 || (rc == WEFT_EPROTO && fault));
        if (rc < 0) break;
        MUST(rest.len < before.len && rest.ptr == before.ptr + (before.len - rest.len));
        bool text = step.kind == WEFT__RESP_TEXT || step.kind == WEFT__RESP_ERROR;
        if (text) MUST(step.s.ptr >= before.ptr && step.s.ptr + step.s.len + 2 <= rest.ptr);
        left--;
        if (step.kind == WEFT__RESP_LIST || step.kind == WEFT__RESP_MAP) left += step.count;
    }
    MUST(rc < 0 || rest.len == 0);
    rest = (weft_str){ bytes, n };
    MUST(weft__resp_skip(&rest, &fault) == rc && (rc < 0 || rest.len == 0));
}

/* Words of the input's own bytes. */
static void check_written(const char *bytes, size_t n)
{
    weft__buf to;
    weft__buf_init(&to, 1 << 20);
    size_t words = n % 7 + 1, each = n / words;
    weft__resp_put_head(&to, words);
    for (size_t i = 0; i < words; i++) weft__resp_put(&to, (weft_str){ bytes + i * each, each });
    ending e = scan(to.ptr, to.len, 3);
    MUST(e.rc == 1 && e.at == to.len && e.first == '*');
    check_steps(to.ptr, to.len);
    weft__buf_free(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + 1);
    MUST(bytes);
    if (size) memcpy(bytes, data, size);
    ending whole = scan(bytes, size, size ? size : 1);
    for (size_t step = 1; step < 50 && step < size; step = step * 2 + 1) {
        ending again = scan(bytes, size, step);
        MUST(again.rc == whole.rc && again.first == whole.first);
        if (whole.rc < 0) MUST(again.fault == whole.fault);
        else MUST(again.at == whole.at);
    }
    if (whole.rc == 1) {
        /* In memory of its own: what reads behind it is seen. */
        char *exact = malloc(whole.at);
        MUST(exact);
        memcpy(exact, bytes, whole.at);
        check_steps(exact, whole.at);
        free(exact);
    }
    check_written(bytes, size);
    free(bytes);
    return 0;
}
