/* Our client against a server of files that somebody else wrote: /file fifty times at once, /big, and one that is not there. Over http with prior
 * knowledge; over https, whose CA is the second argument, by what the server chooses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft.h>

typedef struct asking { const char *base; weft_http2 http2; } asking;

static int small(const asking *in, bool *out)
{
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (.http2 = in->http2), "{+}/file", in->base));
    *out = r.status == 200 && weft_str_equal(r.body, WEFT_S("from a file\n"));
    return 0;
}

/* As cksum does: POSIX. */
static uint32_t sum_of(uint32_t sum, unsigned char byte)
{
    sum ^= (uint32_t)byte << 24;
    for (int i = 0; i < 8; i++) sum = sum & 0x80000000 ? sum << 1 ^ 0x04C11DB7 : sum << 1;
    return sum;
}

static int whole(const asking *in)
{
    enum { CALLS = 50 };
    weft_call calls[CALLS];
    bool same[CALLS];
    int good = 0;
    weft_response r;
    weft_str piece;
    uint32_t sum = 0;
    size_t bytes = 0;
    for (int i = 0; i < CALLS; i++) calls[i] = weft_call(small, in, &same[i]);
    WEFT_TRY(weft_gather_n(calls, CALLS));
    for (int i = 0; i < CALLS; i++) good += same[i];
    printf("%d of %d from a file; ", good, CALLS);
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (.http2 = in->http2), "{+}/big", in->base));
    for (int rc; (rc = weft_download_read(d, &piece)) != 0;) {
        WEFT_TRY(rc);
        for (size_t i = 0; i < piece.len; i++) sum = sum_of(sum, (unsigned char)piece.ptr[i]);
        bytes += piece.len;
    }
    for (size_t n = bytes; n; n >>= 8) sum = sum_of(sum, (unsigned char)n);
    printf("%zu bytes %u; ", bytes, ~sum);
    WEFT_TRY(weft_exchange(&r, (.http2 = in->http2), "{+}/none", in->base));
    printf("%d;\n", r.status);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) return 2;
    if (argc > 2) WEFT_TRY(weft_client_limits(.tls = { .ca_file = argv[2] }));
    return weft_run(whole, (&(asking){ argv[1], argc > 2 ? WEFT_HTTP2_DEFAULT : WEFT_HTTP2_ALWAYS }));
}
