/* Headers of the PROXY protocol: what is taken is within what came, whatever came; and what is taken is taken the same when it comes in two parts. */
#include <stdlib.h>
#include <string.h>
#include "wire/proxy.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft__proxied p = { .port = 1 }, again = { .port = 1 };
    char *bytes = malloc(size ? size : 1);
    MUST(bytes);
    if (size) memcpy(bytes, data, size);
    int n = weft__proxy_parse(bytes, size, &p);
    MUST(n == WEFT_EPROTO || (n >= 0 && (size_t)n <= size && n <= WEFT__PROXY_BYTES_MAX));
    if (n > 0) {
        MUST(weft__proxy_parse(bytes, (size_t)n, &again) == n);
        MUST(memcmp(&p, &again, sizeof p) == 0);
        for (int k = 0; k < n; k++) MUST(weft__proxy_parse(bytes, (size_t)k, &again) == 0);
    }
    free(bytes);
    return 0;
}
