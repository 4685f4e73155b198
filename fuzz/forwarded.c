/* Networks, and what proxies say in headers: the text before the first NUL is a list of networks, what follows the lines. */
#include <stdlib.h>
#include <string.h>
#include "wire/forwarded.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const weft_str names[] = { WEFT_S("X-Forwarded-For"), WEFT_S("X-Forwarded-Proto"), WEFT_S("X-Forwarded-Host"), WEFT_S("Forwarded") };
    weft__network all[WEFT__NETWORKS_MAX];
    weft__http_header headers[8];
    weft__http_head head = { .headers = headers };
    const char *at = (const char *)data, *end = at + size, *nul = size ? memchr(at, 0, size) : NULL;
    weft_str list = { at, nul ? (size_t)(nul - at) : size }, wrong;
    int n = weft__networks_parse(list, all, &wrong);
    MUST(n >= WEFT_EINVAL && n <= WEFT__NETWORKS_MAX);
    if (n < 0 || !nul) return 0;
    for (at = nul + 1; at < end && head.count < weft_count(headers);) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        weft_str value = { at, (size_t)((line ? line : end) - at) };
        headers[head.count++] = (weft__http_header){ names[value.len ? (unsigned char)*value.ptr % 4 : 0], value.len ? (weft_str){ value.ptr + 1, value.len - 1 } : value };
        at = line ? line + 1 : end;
    }
    weft__ip peer = { .family = WEFT__IP_4, .bytes = { 10, 0, 0, 1 } };
    for (int rfc = 0; rfc < 2; rfc++) {
        weft__forwarded f = weft__forwarded_read(&head, peer, all, n, rfc);
        MUST(!(f.https && f.http));
        if (!weft__networks_have(all, n, &peer)) MUST(!f.told && !f.host.len && !f.https);
        if (f.host.len) MUST(f.host.ptr > nul && f.host.ptr + f.host.len <= end);
    }
    return 0;
}
