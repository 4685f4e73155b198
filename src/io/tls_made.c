/* A certificate made on the spot, signed by itself. */
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include "io/tls_inside.h"
#include "os/jobs.h"

enum { DAYS_MAX = 825, NAMES_BYTES = 512, DAY_S = 24 * 3600, HOUR_S = 3600 };

static bool is_name(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = at[i];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && !strchr("-.:*_", c)) return false;
    }
    return n > 0;
}

static bool is_address(const char *at, size_t n)
{
    weft__addr a;
    return at[0] != '/' && weft__addr_parse((weft_str){ at, n }, 0, &a) == 0;
}

/* "localhost, ::1" as "DNS:localhost,IP:::1", and the first of them. */
static bool alternatives(const char *names, char *first, char *out, size_t room)
{
    size_t used = 0;
    for (const char *at = names;;) {
        at += strspn(at, " ");
        size_t n = strcspn(at, ","), last = n;
        while (last && at[last - 1] == ' ') last--;
        if (!is_name(at, last) || used + last + 6 > room || last > 63) return false;
        if (!used) snprintf(first, 64, "%.*s", (int)last, at);
        used += (size_t)snprintf(out + used, room - used, "%s%s:%.*s", used ? "," : "", is_address(at, last) ? "IP" : "DNS", (int)last, at);
        if (!at[n]) return true;
        at += n + 1;
    }
}

static bool extend(X509 *cert, int what, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, what, value);
    bool added = e && X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
    return added;
}

static bool describe(X509 *cert, EVP_PKEY *key, const char *first, const char *names, int days)
{
    X509_NAME *name = X509_get_subject_name(cert);
    time_t now = weft__os_wall_us() / 1000000;
    unsigned char serial[16];
    if (RAND_bytes(serial, sizeof serial) != 1) return false;
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 1);
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return good && X509_set_version(cert, 2) && X509_time_adj(X509_getm_notBefore(cert), -HOUR_S, &now) &&
           X509_time_adj(X509_getm_notAfter(cert), (long)days * DAY_S - HOUR_S, &now) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)first, -1, -1, 0) &&
           X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key) && extend(cert, NID_subject_alt_name, names) &&
           extend(cert, NID_basic_constraints, "critical,CA:FALSE") && extend(cert, NID_ext_key_usage, "serverAuth,clientAuth") &&
           X509_sign(cert, key, EVP_sha256());
}

static bool write_out(BIO *from, char *to, size_t room)
{
    char *bytes = NULL;
    long n = BIO_get_mem_data(from, &bytes);
    if (n <= 0 || (size_t)n >= room) return false;
    memcpy(to, bytes, (size_t)n);
    to[n] = 0;
    return true;
}

static bool write_pem(X509 *cert, EVP_PKEY *key, weft_tls_made *out)
{
    BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_secmem());
    bool good = c && k && PEM_write_bio_X509(c, cert) && PEM_write_bio_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) &&
                write_out(c, out->cert, sizeof out->cert) && write_out(k, out->key, sizeof out->key);
    BIO_free(c);
    BIO_free(k);
    return good;
}

int weft_tls_self_signed(weft_tls_made *out, const char *names, int days)
{
    char first[64], list[NAMES_BYTES];
    weft_tls_made made;
    if (!names || days < 1 || days > DAYS_MAX || !alternatives(names, first, list, sizeof list)) return WEFT_EINVAL;
    ERR_set_mark();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    bool good = key && cert && describe(cert, key, first, list, days) && write_pem(cert, key, &made);
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_pop_to_mark();
    if (good) *out = made;
    OPENSSL_cleanse(&made, sizeof made);
    return good ? 0 : WEFT_ENOMEM;
}
