/* Our client against servers that somebody else wrote: a body in pieces that ends with a trailer, and trailers of the answer, read whole and piece
 * by piece. trailers URL: over HTTP/1.1; trailers URL 2: over HTTP/2. */
#include <stdio.h>
#include <weft.h>

typedef struct asking { const char *base; weft_http2 http2; } asking;
typedef struct source { int left; weft_header *sum; char text[5000]; } source;

static int next(void *ctx, weft_str *piece)
{
    source *s = ctx;
    if (!s->left--) return 0;
    if (!s->left) s->sum->value = WEFT_S("six");
    *piece = (weft_str){ s->text, sizeof s->text };
    return 1;
}

static int whole(const asking *in)
{
    weft_response r;
    weft_str piece;
    weft_header sum = { WEFT_S("X-Sum"), { NULL, 0 } };
    source s = { .left = 60, .sum = &sum };
    size_t bytes = 0;
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = &sum, .trailer_count = 1, .takes_trailers = true, .http2 = in->http2),
        "{+}/index.html", in->base));
    printf("%d %s %s; ", r.status, weft_response_trailer(&r, "X-Bytes").ptr, weft_response_trailer(&r, "X-Sum").ptr);
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (.takes_trailers = true, .http2 = in->http2), "{+}/index.html", in->base));
    for (int rc; (rc = weft_download_read(d, &piece)) != 0; bytes += piece.len) WEFT_TRY(rc);
    printf("%zu %s %s;\n", bytes, weft_download_trailer(d, "x-bytes").ptr, weft_download_trailer(d, "x-sum").ptr);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) return 2;
    return weft_run(whole, (&(asking){ argv[1], argc > 2 ? WEFT_HTTP2_ALWAYS : WEFT_HTTP2_NEVER }));
}
