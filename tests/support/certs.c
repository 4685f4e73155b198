#include "support/certs.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"
#include "weft/file.h"

enum { DAY_S = 24 * 3600 };

static void extend(X509 *cert, X509 *by, int what, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, by, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, what, value);
    WEFT_NEED(e && X509_add_ext(cert, e, -1));
    X509_EXTENSION_free(e);
}

/* Where a leak checker finds what lives until the end. */
static void *kept[20000];
static unsigned kept_count;

static void *keep(void *p) { return kept[kept_count++ % weft_count(kept)] = p; }

static char *text_of(BIO *b)
{
    char *bytes;
    long n = BIO_get_mem_data(b, &bytes);
    char *text = keep(calloc(1, (size_t)n + 1));
    memcpy(text, bytes, (size_t)n);
    BIO_free(b);
    return text;
}

static void write_pem(made_cert *c)
{
    BIO *cert = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
    WEFT_NEED(PEM_write_bio_X509(cert, c->cert) && PEM_write_bio_PrivateKey(key, c->key, NULL, NULL, 0, NULL, NULL));
    c->pem = text_of(cert);
    c->key_pem = text_of(key);
}

/* One DNS name with a NUL in the place of '|': no text of OpenSSL's can say that. */
static void extend_with_nul(X509 *cert, const char *name)
{
    char bytes[256];
    size_t n = strlen(name);
    WEFT_NEED(n < sizeof bytes);
    for (size_t i = 0; i < n; i++) bytes[i] = name[i] == '|' ? 0 : name[i];
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    ASN1_STRING_set(text, bytes, (int)n);
    GENERAL_NAME_set0_value(one, GEN_DNS, text);
    sk_GENERAL_NAME_push(all, one);
    WEFT_NEED(X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, 0) == 1);
    GENERAL_NAMES_free(all);
}

const made_cert *cert_make_with(const cert_opts *o)
{
    static long serial = 1000;
    char alt[256];
    made_cert *c = keep(calloc(1, sizeof *c));
    time_t now = (time_t)(o->now_s ? o->now_s : CERTS_NOW);
    X509 *cert = c->cert = X509_new(), *by = o->by ? o->by->cert : cert;
    EVP_PKEY *key = c->key = o->rsa || o->bits ? EVP_RSA_gen((unsigned)(o->bits ? o->bits : 2048)) : EVP_EC_gen("P-256");
    snprintf(alt, sizeof alt, "DNS:%s", o->name);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)o->name, -1, -1, 0);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    X509_set_version(cert, 2);
    X509_time_adj(X509_getm_notBefore(cert), (o->from_days ? o->from_days : -1) * (long)DAY_S, &now);
    X509_time_adj(X509_getm_notAfter(cert), (o->to_days ? o->to_days : 365) * (long)DAY_S, &now);
    X509_set_issuer_name(cert, X509_get_subject_name(by));
    X509_set_pubkey(cert, key);
    extend(cert, by, NID_basic_constraints, o->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (o->ca) extend(cert, by, NID_key_usage, "critical,keyCertSign,cRLSign");
    else extend(cert, by, NID_ext_key_usage, o->usage ? o->usage : "serverAuth,clientAuth");
    bool nul = o->alt && strchr(o->alt, '|');
    if (nul) extend_with_nul(cert, o->alt);
    else if (!o->ca) extend(cert, by, NID_subject_alt_name, o->alt ? o->alt : alt);
    WEFT_NEED(X509_sign(cert, o->by ? o->by->key : key, EVP_sha256()));
    write_pem(c);
    ERR_clear_error();
    return c;
}

char *cert_revoke(const made_cert *by, const made_cert *revoked)
{
    time_t now = (time_t)CERTS_NOW;
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *at = ASN1_TIME_adj(NULL, now, -1, 0), *until = ASN1_TIME_adj(NULL, now, 300, 0);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(by->cert));
    X509_CRL_set1_lastUpdate(crl, at);
    X509_CRL_set1_nextUpdate(crl, until);
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->cert));
    X509_REVOKED_set_revocationDate(entry, at);
    X509_CRL_add0_revoked(crl, entry);
    WEFT_NEED(X509_CRL_sign(crl, by->key, EVP_sha256()));
    BIO *out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509_CRL(out, crl);
    X509_CRL_free(crl);
    ASN1_TIME_free(at);
    ASN1_TIME_free(until);
    return text_of(out);
}

void cert_put(const char *path, const char *text) { WEFT_NEED(weft_file_save(path, weft_str_of(text), .mode = 0600) == 0); }

void cert_save(const char *prefix, const made_cert *c, const char *more)
{
    char path[64], all[16384];
    snprintf(path, sizeof path, "%s.pem", prefix);
    snprintf(all, sizeof all, "%s%s", c->pem, more ? more : "");
    cert_put(path, all);
    snprintf(path, sizeof path, "%s.key", prefix);
    cert_put(path, c->key_pem);
}
