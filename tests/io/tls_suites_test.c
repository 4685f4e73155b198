/* What TLS 1.2 may and must be for HTTP/2: RFC 9113, 9.2. OpenSSL is the other side. */
#include <string.h>
#include "io/tls_inside.h"
#include "weft/check.h"

#define NEEDED "ECDHE-RSA-AES128-GCM-SHA256"

/* ---- a certificate with a key of RSA ---- */

static bool certify(SSL_CTX *ctx, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    bool good = key && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) && X509_gmtime_adj(X509_getm_notBefore(cert), -60)
        && X509_gmtime_adj(X509_getm_notAfter(cert), 3600) && X509_set_pubkey(cert, key)
        && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"x", -1, -1, 0) && X509_set_issuer_name(cert, name)
        && X509_sign(cert, key, EVP_sha256()) && SSL_CTX_use_certificate(ctx, cert) && SSL_CTX_use_PrivateKey(ctx, key);
    X509_free(cert);
    return good;
}

/* ---- two sides in memory ---- */

typedef struct sides { EVP_PKEY *key; weft__tls_set *ours; SSL_CTX *theirs; SSL *client, *server; } sides;

/* serves: ours is the server. Theirs speaks TLS 1.2 and takes every suite there is, or those that are named. */
static void sides_open(sides *s, bool serves, const char *suites)
{
    char why[WEFT__TLS_WHY];
    s->ours = weft__tls_set_new(serves ? TLS_server_method() : TLS_client_method(), 0, NULL, why);
    s->theirs = SSL_CTX_new(serves ? TLS_client_method() : TLS_server_method());
    WEFT_NEED(s->ours && s->theirs);
    SSL_CTX_set_security_level(s->theirs, 0);
    SSL_CTX_set_max_proto_version(s->theirs, TLS1_2_VERSION);
    SSL_CTX_clear_options(s->theirs, SSL_OP_NO_COMPRESSION);
    WEFT_CHECK(SSL_CTX_set_cipher_list(s->theirs, suites));
    WEFT_CHECK(certify(serves ? s->ours->ctx : s->theirs, s->key));
    s->client = SSL_new(serves ? s->theirs : s->ours->ctx);
    s->server = SSL_new(serves ? s->ours->ctx : s->theirs);
    BIO *one, *other;
    WEFT_CHECK(BIO_new_bio_pair(&one, 0, &other, 0));
    SSL_set_bio(s->client, one, one);
    SSL_set_bio(s->server, other, other);
    SSL_set_connect_state(s->client);
    SSL_set_accept_state(s->server);
}

static void sides_close(sides *s)
{
    SSL_free(s->client);
    SSL_free(s->server);
    SSL_CTX_free(s->theirs);
    weft__tls_set_drop(s->ours);
    ERR_clear_error();
}

/* Both go on until neither has anything to do. False: a side has failed. */
static bool go_on(sides *s)
{
    SSL *const both[] = { s->client, s->server };
    char byte;
    for (int i = 0; i < 40; i++) {
        SSL *ssl = both[i % 2];
        ERR_clear_error();
        int n = SSL_is_init_finished(ssl) ? SSL_read(ssl, &byte, 1) : SSL_do_handshake(ssl);
        if (n <= 0 && SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ) return false;
    }
    return true;
}

static bool agree(sides *s) { return go_on(s) && SSL_is_init_finished(s->client) && SSL_is_init_finished(s->server); }

/* ---- what is refused ---- */

WEFT_TEST(tls_1_2_agrees_on_no_suite_that_http2_prohibits)
{
    static const char *const prohibited[] = { "AES128-SHA", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES128-SHA", "AECDH-AES128-SHA", "ECDHE-RSA-NULL-SHA" };
    EVP_PKEY *key = EVP_RSA_gen(2048);
    for (int serves = 0; serves < 2; serves++)
        for (size_t i = 0; i < weft_count(prohibited); i++) {
            sides s = { .key = key };
            sides_open(&s, serves, prohibited[i]);
            WEFT_CHECK(!agree(&s));
            sides_close(&s);
        }
    EVP_PKEY_free(key);
}

/* Each of them has forward secrecy and is none of CBC's: appendix A has no such one. */
WEFT_TEST(tls_1_2_offers_no_suite_that_http2_prohibits)
{
    char why[WEFT__TLS_WHY];
    weft__tls_set *set = weft__tls_set_new(TLS_method(), 0, NULL, why);
    WEFT_NEED(set);
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(set->ctx);
    int of_1_2 = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
        WEFT_CHECK(SSL_CIPHER_is_aead(c));
        if (strcmp(SSL_CIPHER_get_version(c), "TLSv1.2") != 0) continue;
        WEFT_CHECK_EQ(SSL_CIPHER_get_kx_nid(c), NID_kx_ecdhe);
        of_1_2++;
    }
    WEFT_CHECK(of_1_2 > 0);
    weft__tls_set_drop(set);
}

/* Whoever wants to negotiate anew is told that there is no such thing, and what had been agreed on stays. */
WEFT_TEST(tls_1_2_is_not_negotiated_anew)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    for (int serves = 0; serves < 2; serves++) {
        sides s = { .key = key };
        sides_open(&s, serves, NEEDED);
        WEFT_CHECK(agree(&s));
        SSL *theirs = serves ? s.client : s.server, *ours = serves ? s.server : s.client;
        SSL_SESSION *before = SSL_get1_session(ours);
        WEFT_CHECK(SSL_renegotiate(theirs));
        (void)SSL_do_handshake(theirs);
        (void)go_on(&s);
        WEFT_CHECK(SSL_get_session(ours) == before);
        WEFT_CHECK_EQ(SSL_num_renegotiations(ours), 0);
        SSL_SESSION_free(before);
        sides_close(&s);
    }
    EVP_PKEY_free(key);
}

/* ---- what must be there ---- */

WEFT_TEST(tls_1_2_agrees_on_what_http2_needs_and_does_not_compress)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    for (int serves = 0; serves < 2; serves++) {
        sides s = { .key = key };
        sides_open(&s, serves, NEEDED);
        WEFT_CHECK(SSL_set1_groups_list(serves ? s.client : s.server, "P-256"));
        WEFT_CHECK(agree(&s));
        WEFT_CHECK_STR(weft_str_of(SSL_get_cipher_name(s.client)), NEEDED);
        WEFT_CHECK_STR(weft_str_of(SSL_get_version(s.server)), "TLSv1.2");
        WEFT_CHECK(!SSL_get_current_compression(s.client) && !SSL_get_current_compression(s.server));
        WEFT_CHECK(SSL_CTX_get_options(s.ours->ctx) & SSL_OP_NO_COMPRESSION);        /* OpenSSL may have been built without it */
        sides_close(&s);
    }
    EVP_PKEY_free(key);
}
