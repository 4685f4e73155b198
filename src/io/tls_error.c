/* What went wrong, as a code and a text for a person: which certificate, name or date was expected and came. */
#include <stdarg.h>
#include <stdio.h>
#include "base/mem.h"
#include "base/plain.h"
#include "io/tls_inside.h"

/* The first failure is the cause, and those behind it follow from it. */
int weft__tls_fail(weft__tls *t, int code, const char *fmt, ...)
{
    va_list args;
    if (t->failure) return t->failure;
    t->failure = code;
    if (t->why) return code;                         /* what the judge has said tells more */
    t->why = weft__malloc(WEFT__TLS_WHY);
    if (!t->why) return code;
    va_start(args, fmt);
    vsnprintf(t->why, WEFT__TLS_WHY, fmt, args);
    va_end(args);
    return code;
}

/* ---- texts ---- */

/* What certificates say is a stranger's text. */
static void plain_line(const char *bytes, size_t n, char *to, size_t room)
{
    weft_str all = { bytes, n };
    weft__plain(&all, to, room - 1, false);
}

weft__tls_date weft__tls_date_of(const ASN1_TIME *time)
{
    struct tm tm;
    weft__tls_date out = { "an unreadable date" };
    if (time && ASN1_TIME_to_tm(time, &tm))
        snprintf(out.text, sizeof out.text, "%04u-%02u-%02u %02u:%02u:%02u UTC", (tm.tm_year + 1900u) % 10000, (tm.tm_mon + 1u) % 100, tm.tm_mday % 100u,
            tm.tm_hour % 100u, tm.tm_min % 100u, tm.tm_sec % 100u);
    return out;
}

void weft__tls_name_text(const X509_NAME *name, char *to, size_t room)
{
    char line[256] = "";
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    const ASN1_STRING *cn = at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    unsigned char *utf8 = NULL;
    int n = cn ? ASN1_STRING_to_UTF8(&utf8, cn) : -1;
    memset(to, 0, room);
    if (n > 0) plain_line((const char *)utf8, (size_t)n, to, room);
    OPENSSL_free(utf8);
    if (n > 0) return;
    X509_NAME_oneline(name, line, sizeof line);
    plain_line(line, strlen(line), to, room);
}

static void add_name(char *to, size_t room, const char *name, size_t n)
{
    size_t used = strlen(to);
    if (used + n + 6 > room) {
        if (used + 6 <= room && (used < 3 || to[used - 1] != '.')) strcat(to, ", ...");
        return;
    }
    if (used) strcat(to, ", ");
    used = strlen(to);
    plain_line(name, n, to + used, room - used);
}

static void add_ip(char *to, size_t room, const ASN1_OCTET_STRING *ip)
{
    char *text = NULL;
    BIO *out = BIO_new(BIO_s_mem());
    const unsigned char *b = ASN1_STRING_get0_data(ip);
    if (!out) return;
    if (ASN1_STRING_length(ip) == 4) BIO_printf(out, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
    else for (int i = 0; i + 1 < ASN1_STRING_length(ip); i += 2) BIO_printf(out, "%s%x", i ? ":" : "", b[i] << 8 | b[i + 1]);
    long n = BIO_get_mem_data(out, &text);
    if (n > 0) add_name(to, room, text, (size_t)n);
    BIO_free(out);
}

/* Without names of that kind the common name counts, as it once did. RFC 6125, 6.4.4 */
void weft__tls_names_text(X509 *cert, char *to, size_t room)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    memset(to, 0, room);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) add_name(to, room, (const char *)ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName));
        else if (name->type == GEN_IPADD) add_ip(to, room, name->d.iPAddress);
    }
    GENERAL_NAMES_free(names);
    if (!*to) weft__tls_name_text(X509_get_subject_name(cert), to, room);
}

/* ---- certificates that are refused ---- */

typedef struct verdict { int error, code; const char *says; } verdict;

/* %s: whose. What is not here is told in OpenSSL's words. */
static const verdict verdicts[] = {
    { X509_V_ERR_CERT_HAS_EXPIRED, WEFT_ECERT_EXPIRED, NULL },
    { X509_V_ERR_CERT_NOT_YET_VALID, WEFT_ECERT_EARLY, NULL },
    { X509_V_ERR_HOSTNAME_MISMATCH, WEFT_ECERT_HOST, NULL },
    { X509_V_ERR_IP_ADDRESS_MISMATCH, WEFT_ECERT_HOST, NULL },
    { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, WEFT_ECERT_SELF, "is signed by itself alone" },
    { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, WEFT_ECERT_CA, "is the root of the chain, and not among those that are believed" },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, WEFT_ECERT_CA, NULL },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, WEFT_ECERT_CA, NULL },
    { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, WEFT_ECERT_CA, NULL },
    { X509_V_ERR_CERT_UNTRUSTED, WEFT_ECERT_CA, "is not trusted for this use" },
    { X509_V_ERR_CERT_REJECTED, WEFT_ECERT_CA, "is rejected by the store of trusted certificates" },
    { X509_V_ERR_CERT_REVOKED, WEFT_ECERT_REVOKED, "was revoked by its signer" },
    { X509_V_ERR_UNABLE_TO_GET_CRL, WEFT_ECERT_REVOKED, "may be revoked: there is no list of its signer in ca_file" },
    { X509_V_ERR_CRL_HAS_EXPIRED, WEFT_ECERT_REVOKED, "may be revoked: the list of its signer in ca_file has expired" },
    { X509_V_ERR_CRL_NOT_YET_VALID, WEFT_ECERT_REVOKED, "may be revoked: the list of its signer in ca_file is not valid yet" },
    { X509_V_ERR_INVALID_PURPOSE, WEFT_ECERT, "is not for this use" },
    { X509_V_ERR_EE_KEY_TOO_SMALL, WEFT_ECERT, "has a key that is too small" },
    { X509_V_ERR_CA_KEY_TOO_SMALL, WEFT_ECERT, "has a key that is too small" },
    { X509_V_ERR_CA_MD_TOO_WEAK, WEFT_ECERT, "has a signature that is too weak" },
    { X509_V_ERR_CERT_SIGNATURE_FAILURE, WEFT_ECERT, "has a signature that is wrong" },
};

static const verdict *verdict_of(int error)
{
    for (const verdict *v = verdicts; v < verdicts + weft_count(verdicts); v++)
        if (v->error == error) return v;
    return NULL;
}

static void say_dates(char *why, const char *whose, X509 *cert, bool over)
{
    const ASN1_TIME *at = over ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert);
    snprintf(why, WEFT__TLS_WHY, over ? "%s expired on %s" : "%s is not valid before %s", whose, weft__tls_date_of(at).text);
}

static void say_names(const weft__tls *t, char *why, X509 *cert)
{
    char names[200];
    const char *wanted = X509_VERIFY_PARAM_get0_host(SSL_get0_param(t->ssl), 0);
    char *ip = wanted ? NULL : X509_VERIFY_PARAM_get1_ip_asc(SSL_get0_param(t->ssl));
    weft__tls_names_text(cert, names, sizeof names);
    snprintf(why, WEFT__TLS_WHY, "the certificate is for %s, and not for %.100s", names, wanted ? wanted : ip ? ip : "the host");
    OPENSSL_free(ip);
}

/* "the certificate", or "the certificate of its signer 'X'" for those above it. */
static void whose_text(char *to, size_t room, X509 *cert, int depth)
{
    char name[100];
    weft__tls_name_text(X509_get_subject_name(cert), name, sizeof name);
    if (depth) snprintf(to, room, "the signer's certificate '%s'", name);
    else snprintf(to, room, "the certificate of '%s'", name);
}

static void say(const weft__tls *t, char *why, int error, X509 *cert, int depth)
{
    char whose[140], issuer[100];
    const verdict *v = verdict_of(error);
    whose_text(whose, sizeof whose, cert, depth);
    if (error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID) {
        say_dates(why, whose, cert, error == X509_V_ERR_CERT_HAS_EXPIRED);
    } else if (v && v->code == WEFT_ECERT_HOST) {
        say_names(t, why, cert);
    } else if (v && v->code == WEFT_ECERT_CA && !v->says) {
        weft__tls_name_text(X509_get_issuer_name(cert), issuer, sizeof issuer);
        snprintf(why, WEFT__TLS_WHY, "%s is signed by '%s', who is not believed here", whose, issuer);
    } else {
        snprintf(why, WEFT__TLS_WHY, "%s %s%s", whose, v ? "" : "is refused: ", v ? v->says : X509_verify_cert_error_string(error));
    }
}

int weft__tls_judge(int good, X509_STORE_CTX *ctx)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    weft__tls *t = ssl ? SSL_get_app_data(ssl) : NULL;
    X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
    if (good || !t || !cert || t->why) return good;
    t->why = weft__malloc(WEFT__TLS_WHY);
    if (t->why) say(t, t->why, X509_STORE_CTX_get_error(ctx), cert, X509_STORE_CTX_get_error_depth(ctx));
    return good;
}

/* ---- calls that failed ---- */

enum { ALERTS = 1000, ALERT_CERTIFICATES = 41, ALERT_CERTIFICATE_REQUIRED = 116 };   /* SSL_R_... of an alert that came is its number and 1000 */

const char *weft__tls_library_says(char *to, size_t room)
{
    unsigned long first = ERR_peek_error();
    const char *reason = ERR_reason_error_string(first);
    snprintf(to, room, "%s", reason ? reason : first ? "an error without a name" : "no reason given");
    ERR_clear_error();
    return to;
}

static bool is_old(int reason)
{
    return reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_WRONG_SSL_VERSION || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION ||
           reason == SSL_R_VERSION_TOO_LOW || reason == SSL_R_UNKNOWN_PROTOCOL;
}

static int refused_by_peer(weft__tls *t, int reason)
{
    if (reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) return weft__tls_fail(t, WEFT_ETLS_VERSION, "the peer speaks none of the versions of TLS that are taken here");
    if (reason == ALERTS + ALERT_CERTIFICATE_REQUIRED) return weft__tls_fail(t, WEFT_ETLS, "the peer refused: it asks for a certificate (cert_file), and none was shown");
    return weft__tls_fail(t, WEFT_ETLS, "the peer refused: %s", SSL_alert_desc_string_long(reason - ALERTS));
}

/* What is to be done about the codes that come from somewhere else than the peer. */
static int failed(weft__tls *t, unsigned long error)
{
    char text[128];
    int reason = ERR_GET_REASON(error);
    long verdict_code = SSL_get_verify_result(t->ssl);
    const verdict *v = verdict_of((int)verdict_code);
    bool ours = ERR_GET_LIB(error) == ERR_LIB_SSL;
    if (reason == ERR_R_MALLOC_FAILURE) return weft__tls_fail(t, WEFT_ENOMEM, "no memory for TLS");
    if (ours && reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return weft__tls_fail(t, v ? v->code : WEFT_ECERT, "the certificate is refused: %s", X509_verify_cert_error_string(verdict_code));
    if (ours && reason > ALERTS && reason < ALERTS + 256) return refused_by_peer(t, reason);
    if (ours && is_old(reason)) return weft__tls_fail(t, WEFT_ETLS_VERSION, "the peer speaks versions of TLS only that are not taken here");
    if (ours && reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) return weft__tls_fail(t, WEFT_ETLS, "the client has shown no certificate, and must");
    return weft__tls_fail(t, WEFT_ETLS, "what came is no TLS that can be understood: %s", weft__tls_library_says(text, sizeof text));
}

int weft__tls_failed(weft__tls *t)
{
    int code = failed(t, ERR_peek_error());
    ERR_clear_error();
    return code;
}
