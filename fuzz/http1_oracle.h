#ifndef WEFT_FUZZ_HTTP1_ORACLE_H
#define WEFT_FUZZ_HTTP1_ORACLE_H
/* A second opinion on requests: llhttp, whose C lies in Debian's node-llhttp (tools/setup test
 * installs it where there is apt-get; elsewhere the target goes without). It refuses some methods and takes
 * more than weft does otherwise; but a request that both take has the same body, and each header of
 * framing that llhttp sees is one that weft has judged. */
#include "http1_check.h"

#if __has_include("/usr/share/llhttp/llhttp.c")
#define LLHTTP_STRICT_MODE 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wextra"
#include "llhttp.h"
#include "/usr/share/llhttp/llhttp.c"

/* The parser alone, without its api.c: what it reports is ignored but for the end of the head. */
#define QUIET(name) \
    int llhttp__##name(llhttp__internal_t *s, const unsigned char *p, const unsigned char *end) \
    { \
        return 0; \
    }
/* clang-format off */
QUIET(on_message_begin) QUIET(on_method) QUIET(on_method_complete) QUIET(on_url)
QUIET(on_url_complete) QUIET(on_version) QUIET(on_version_complete) QUIET(on_status)
QUIET(on_status_complete) QUIET(on_header_field) QUIET(on_header_field_complete)
QUIET(on_header_value) QUIET(on_header_value_complete) QUIET(before_headers_complete)
QUIET(after_headers_complete) QUIET(on_body) QUIET(on_chunk_header) QUIET(on_chunk_complete)
QUIET(on_chunk_extension_name) QUIET(on_chunk_extension_name_complete)
QUIET(on_chunk_extension_value) QUIET(on_chunk_extension_value_complete)
QUIET(on_message_complete) QUIET(after_message_complete) QUIET(on_reset)
/* clang-format on */
#undef QUIET
#pragma GCC diagnostic pop

typedef struct verdict { bool complete; uint64_t length; unsigned flags; } verdict;

int llhttp__on_headers_complete(
    llhttp__internal_t *s, const unsigned char *p, const unsigned char *end)
{
    (void)p, (void)end;
    *(verdict *)s->data = (verdict){ true, s->content_length, s->flags };
    return HPE_USER;
}

static void check_oracle(const parsed *p, const char *bytes)
{
    verdict v = { 0 };
    llhttp__internal_t parser;
    llhttp__internal_init(&parser);
    parser.type = HTTP_REQUEST;
    parser.data = &v;
    llhttp__internal_execute(&parser, bytes, bytes + p->rc - 1);
    MUST(!v.complete);
    llhttp__internal_execute(&parser, bytes + p->rc - 1, bytes + p->rc);
    if (!v.complete) return;
    MUST(((v.flags & F_CHUNKED) != 0) == (p->head.body == WEFT__BODY_CHUNKED));
    MUST(((v.flags & F_CONTENT_LENGTH) != 0) == (p->head.content_length >= 0));
    if (p->head.content_length >= 0) MUST(v.length == (uint64_t)p->head.content_length);
    MUST(((v.flags & F_CONNECTION_CLOSE) == 0) || !p->head.keep_alive);
}
#else
static void check_oracle(const parsed *p, const char *bytes) { (void)p, (void)bytes; }
#endif
#endif
