/* Who the peer of a connection is. */
#include <stdio.h>
#include "base/arena.h"
#include "base/mem.h"
#include "io/tls_inside.h"

enum { LINE = 512, NAMES_MAX = 256 };

static weft_str text_of(weft_arena *arena, const char *text) { return weft__arena_dup(arena, weft_str_of(text)); }

/* RFC 2253, in UTF-8. */
static weft_str name_of(weft_arena *arena, const X509_NAME *name)
{
    char *bytes = NULL;
    BIO *out = BIO_new(BIO_s_mem());
    if (!out) return (weft_str){ 0 };
    X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    long n = BIO_get_mem_data(out, &bytes);
    weft_str copy = weft__arena_dup(arena, (weft_str){ bytes ? bytes : "", n > 0 ? (size_t)n : 0 });
    BIO_free(out);
    return copy;
}

static weft_str address_of(weft_arena *arena, const ASN1_OCTET_STRING *ip)
{
    char line[64];
    const unsigned char *b = ASN1_STRING_get0_data(ip);
    int n = ASN1_STRING_length(ip), used = 0;
    if (n == 4) snprintf(line, sizeof line, "IP:%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
    if (n == 4) return text_of(arena, line);
    used = snprintf(line, sizeof line, "IP:");
    for (int i = 0; i + 1 < n && i < 16; i += 2) used += snprintf(line + used, sizeof line - (size_t)used, "%s%x", i ? ":" : "", b[i] << 8 | b[i + 1]);
    return text_of(arena, line);
}

/* No name holds a control character: what is behind a NUL would be lost on whoever compares, and what stands before it be believed. */
static weft_str said_of(weft_arena *arena, const char *kind, const ASN1_STRING *s)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(s);
    int n = ASN1_STRING_length(s);
    for (int i = 0; i < n; i++)
        if (bytes[i] < ' ' || bytes[i] == 127) return (weft_str){ 0 };
    return weft__arena_printf(arena, "%s:%.*s", kind, n, (const char *)bytes);
}

/* ptr NULL: of a kind that is not told, or no memory. */
static weft_str alternative(weft_arena *arena, const GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_DNS: return said_of(arena, "DNS", name->d.dNSName);
    case GEN_EMAIL: return said_of(arena, "email", name->d.rfc822Name);
    case GEN_URI: return said_of(arena, "URI", name->d.uniformResourceIdentifier);
    case GEN_IPADD: return address_of(arena, name->d.iPAddress);
    default: return (weft_str){ 0 };
    }
}

static void add_names(X509 *cert, weft_tls_peer *out, weft_arena *arena)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = sk_GENERAL_NAME_num(all);
    if (n > NAMES_MAX) n = NAMES_MAX;
    weft_str *names = n > 0 ? weft__arena_zalloc(arena, (size_t)n * sizeof *names) : NULL;
    for (int i = 0; names && i < n; i++) {
        weft_str name = alternative(arena, sk_GENERAL_NAME_value(all, i));
        if (name.ptr) names[out->name_count++] = name;
    }
    out->names = names;
    GENERAL_NAMES_free(all);
}

static void add_certificate(X509 *cert, weft_tls_peer *out, weft_arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct tm tm;
    out->certified = true;
    out->subject = name_of(arena, X509_get_subject_name(cert));
    out->issuer = name_of(arena, X509_get_issuer_name(cert));
    add_names(cert, out, arena);
    if (!X509_digest(cert, EVP_sha256(), sum, &n)) n = 0;
    for (unsigned i = 0; i < n; i++) {
        hex[2 * i] = digits[sum[i] >> 4];
        hex[2 * i + 1] = digits[sum[i] & 15];
    }
    out->fingerprint = weft__arena_dup(arena, (weft_str){ hex, 2 * n });
    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm)) out->expires_s = timegm(&tm);
}

int weft__tls_peer_of(const weft__stream *s, weft_tls_peer *out, weft_arena *arena)
{
    if (!s->tls || s->tls->shaking) return 0;
    SSL *ssl = s->tls->ssl;
    X509 *cert = SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER ? SSL_get0_peer_certificate(ssl) : NULL;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    bool lacked = arena->exceeded || arena->starved;
    weft_tls_peer p = { .resumed = SSL_session_reused(ssl) };
    p.version = text_of(arena, SSL_get_version(ssl));
    p.cipher = text_of(arena, SSL_get_cipher_name(ssl));
    p.protocol = weft__arena_dup(arena, weft__tls_alpn(s->tls));
    p.server_name = text_of(arena, asked ? asked : "");
    if (cert) add_certificate(cert, &p, arena);
    ERR_clear_error();
    if (!lacked && (arena->exceeded || arena->starved)) return WEFT_ENOMEM;
    *out = p;
    return 1;
}
