/* What contexts are made of: certificates, keys, and who is believed, from files or texts in PEM. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include "base/mem.h"
#include "io/log.h"
#include "io/tls_inside.h"
#include "os/file.h"
#include "task/error.h"

enum { CHAIN_MAX = 32, READABLE_BY_ALL = 04, SOON_S = 14 * 24 * 3600 };

static int say(char why[WEFT__TLS_WHY], int code, const char *fmt, ...) WEFT_PRINTF(3, 4);
static int say(char why[WEFT__TLS_WHY], int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, WEFT__TLS_WHY, fmt, args);
    va_end(args);
    return code;
}

/* ---- files ---- */

static int64_t file_op(weft__loop *loop, weft__file_op op)
{
    weft__os *os = weft__loop_os(loop);
    os->ops->files->file_do(os, &op);
    return op.result;
}

/* As much as there is room for: bytes, or a code. */
static int64_t read_open(weft__loop *loop, int fd, char *to, size_t room)
{
    size_t have = 0;
    while (have < room) {
        struct iovec iov = { to + have, room - have };
        int64_t n = file_op(loop, (weft__file_op){ .kind = WEFT__FILE_READ, .fd = fd, .iov = &iov, .iov_count = 1, .offset = -1 });
        if (n < 0) return n;
        if (!n) break;
        have += (size_t)n;
    }
    return (int64_t)have;
}

/* The whole file, to be freed; its mode. */
static int read_file(weft__loop *loop, const char *path, weft_str *out, unsigned *mode, char why[WEFT__TLS_WHY])
{
    struct stat st = { 0 };
    char *bytes = weft__malloc(WEFT__TLS_FILE_MAX + 1);
    if (!bytes) return say(why, WEFT_ENOMEM, "no memory to read '%s'", path);
    int64_t fd = file_op(loop, (weft__file_op){ .kind = WEFT__FILE_OPEN, .fd = -1, .path = path, .flags = O_RDONLY });
    int64_t n = fd;
    if (fd >= 0) {
        n = file_op(loop, (weft__file_op){ .kind = WEFT__FILE_STAT, .fd = (int)fd, .stat = &st });
        if (n >= 0) n = read_open(loop, (int)fd, bytes, WEFT__TLS_FILE_MAX + 1);
        (void)file_op(loop, (weft__file_op){ .kind = WEFT__FILE_CLOSE, .fd = (int)fd });
    }
    if (n >= 0 && n <= WEFT__TLS_FILE_MAX) {
        *out = (weft_str){ bytes, (size_t)n };
        if (mode) *mode = st.st_mode;
        return 0;
    }
    weft__free(bytes);
    if (n > WEFT__TLS_FILE_MAX) return say(why, WEFT_EINVAL, "'%s' has more than 1 MiB", path);
    return say(why, n == WEFT_ENOMEM ? WEFT_ENOMEM : WEFT_EINVAL, "cannot read '%s': %s", path, weft__code_text((int)n));
}

/* Of a file, or of the text in its place. */
typedef struct source { weft_str text; char *own; unsigned mode; const char *name; } source;

static int source_open(weft__loop *loop, const char *file, weft_str text, const char *what, source *out, char why[WEFT__TLS_WHY])
{
    *out = (source){ .text = text, .name = file ? file : what };
    if (!file) return text.len && text.len <= WEFT__TLS_FILE_MAX ? 0 : say(why, WEFT_EINVAL, "%s is missing, or has more than 1 MiB", what);
    int rc = read_file(loop, file, &out->text, &out->mode, why);
    if (rc == 0) out->own = (char *)(uintptr_t)out->text.ptr;
    return rc;
}

static void source_close(source *s)
{
    if (s->own) OPENSSL_cleanse(s->own, s->text.len);
    weft__free(s->own);
}

static BIO *bio_of(weft_str text) { return BIO_new_mem_buf(text.ptr, (int)text.len); }

/* ---- a certificate and its key ---- */

static int no_password(char *to, int room, int writes, void *ctx)
{
    (void)to;
    (void)room;
    (void)writes;
    (void)ctx;
    return -1;
}

static int read_certs(const source *s, weft__tls_pair *out, char why[WEFT__TLS_WHY])
{
    char says[128];
    BIO *in = bio_of(s->text);
    out->chain = sk_X509_new_null();
    if (!in || !out->chain) {
        BIO_free(in);
        return say(why, WEFT_ENOMEM, "no memory for a certificate");
    }
    out->cert = PEM_read_bio_X509(in, NULL, no_password, NULL);
    bool good = out->cert != NULL;
    for (X509 *more; good && (more = PEM_read_bio_X509(in, NULL, no_password, NULL));) {
        good = sk_X509_num(out->chain) < CHAIN_MAX && sk_X509_push(out->chain, more) > 0;
        if (!good) X509_free(more);
    }
    BIO_free(in);
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (out->cert && good && at_end) return 0;
    if (!out->cert && at_end) return say(why, WEFT_EINVAL, "'%s' holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", s->name);
    return say(why, WEFT_EINVAL, "a certificate in '%s' cannot be read: %s", s->name, weft__tls_library_says(says, sizeof says));
}

static bool holds(weft_str text, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= text.len; i++)
        if (memcmp(text.ptr + i, part, n) == 0) return true;
    return false;
}

static int read_key(const source *s, weft__tls_pair *out, char why[WEFT__TLS_WHY])
{
    char says[128];
    BIO *in = bio_of(s->text);
    ERR_clear_error();
    out->key = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
    BIO_free(in);
    if (out->key) return 0;
    if (!in) return say(why, WEFT_ENOMEM, "no memory for a key");
    if (holds(s->text, "ENCRYPTED")) return say(why, WEFT_EINVAL, "the key in '%s' is encrypted: take the password off (openssl pkey -in FILE -out FILE)", s->name);
    if (!holds(s->text, "PRIVATE KEY-----")) return say(why, WEFT_EINVAL, "'%s' holds no key in PEM (-----BEGIN PRIVATE KEY-----)", s->name);
    return say(why, WEFT_EINVAL, "the key in '%s' cannot be read: %s", s->name, weft__tls_library_says(says, sizeof says));
}

/* What works, but not for long, or not as its owner believes. */
static void warn(weft__loop *loop, const weft__tls_pair *p, const source *cert, const source *key)
{
    weft__os *os = weft__loop_os(loop);
    time_t now = os->ops->wall_us(os) / 1000000, soon = now + SOON_S;
    const ASN1_TIME *begins = X509_get0_notBefore(p->cert), *ends = X509_get0_notAfter(p->cert);
    if (X509_cmp_time(ends, &now) < 0) weft__log(WEFT_LOG_WARNING, "TLS: the certificate in '%s' expired on %s", cert->name, weft__tls_date_of(ends).text);
    else if (cert->own && X509_cmp_time(ends, &soon) < 0)
        weft__log(WEFT_LOG_WARNING, "TLS: the certificate in '%s' expires on %s", cert->name, weft__tls_date_of(ends).text);
    if (cert->own && X509_cmp_time(begins, &now) > 0) weft__log(WEFT_LOG_WARNING, "TLS: the certificate in '%s' is not valid before %s", cert->name, weft__tls_date_of(begins).text);
    if (key->mode & READABLE_BY_ALL)
        weft__log(WEFT_LOG_WARNING, "TLS: all users of this machine may read the key in '%s': chmod 600", key->name);
}

static int read_pair(weft__loop *loop, source *cert, source *key, weft__tls_pair *out, char why[WEFT__TLS_WHY])
{
    ERR_clear_error();
    int rc = read_certs(cert, out, why);
    if (rc == 0) rc = read_key(key, out, why);
    if (rc == 0 && !X509_check_private_key(out->cert, out->key))
        rc = say(why, WEFT_EINVAL, "the key in '%s' is not that of the certificate in '%s'", key->name, cert->name);
    if (rc == 0) warn(loop, out, cert, key);
    ERR_clear_error();
    return rc;
}

int weft__tls_pair_read(weft__loop *loop, const weft_tls_cert *from, weft__tls_pair *out, char why[WEFT__TLS_WHY])
{
    source cert, key = { .own = NULL };
    *out = (weft__tls_pair){ .cert = NULL };
    int rc = source_open(loop, from->cert_file, from->cert_pem, "cert_pem of a certificate", &cert, why);
    if (rc < 0) return rc;
    rc = source_open(loop, from->key_file, from->key_pem, "key_file of a certificate", &key, why);
    if (rc == 0) rc = read_pair(loop, &cert, &key, out, why);
    if (rc == 0 && from->names) {
        size_t n = strlen(from->names) + 1;
        out->names = weft__malloc(n);
        if (out->names) memcpy(out->names, from->names, n);
        else rc = say(why, WEFT_ENOMEM, "no memory for a certificate's names");
    }
    source_close(&cert);
    source_close(&key);
    if (rc < 0) weft__tls_pair_free(out);
    return rc;
}

void weft__tls_pair_free(weft__tls_pair *pair)
{
    X509_free(pair->cert);
    EVP_PKEY_free(pair->key);
    sk_X509_pop_free(pair->chain, X509_free);
    weft__free(pair->names);
    *pair = (weft__tls_pair){ .cert = NULL };
}

/* ---- who is believed ---- */

static bool add_one(X509_STORE *store, X509_INFO *info, STACK_OF(X509_NAME) *names, bool *lists)
{
    if (info->crl) {
        *lists = true;
        if (!X509_STORE_add_crl(store, info->crl)) return false;
    }
    if (!info->x509) return true;
    if (!X509_STORE_add_cert(store, info->x509)) return false;
    X509_NAME *name = names ? X509_NAME_dup(X509_get_subject_name(info->x509)) : NULL;
    return !names || (name && sk_X509_NAME_push(names, name) > 0);
}

static int believe(SSL_CTX *ctx, const source *s, STACK_OF(X509_NAME) *names, char why[WEFT__TLS_WHY])
{
    BIO *in = bio_of(s->text);
    STACK_OF(X509_INFO) *all = in ? PEM_X509_INFO_read_bio(in, NULL, no_password, NULL) : NULL;
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    int certs = 0;
    bool lists = false, good = all != NULL;
    for (int i = 0; good && i < sk_X509_INFO_num(all); i++) {
        X509_INFO *info = sk_X509_INFO_value(all, i);
        certs += info->x509 != NULL;
        good = add_one(store, info, names, &lists);
    }
    if (lists) X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    sk_X509_INFO_pop_free(all, X509_INFO_free);
    BIO_free(in);
    ERR_clear_error();
    if (!good) return say(why, WEFT_EINVAL, "a certificate in '%s' cannot be read, or there is no memory for it", s->name);
    return certs ? 0 : say(why, WEFT_EINVAL, "'%s' holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", s->name);
}

int weft__tls_believe(weft__loop *loop, SSL_CTX *ctx, const char *ca_file, STACK_OF(X509_NAME) *names, char why[WEFT__TLS_WHY])
{
    source s;
    int rc = source_open(loop, ca_file, (weft_str){ 0 }, "a CA file", &s, why);
    if (rc == 0) rc = believe(ctx, &s, names, why);
    if (rc == 0 || s.own) source_close(&s);
    return rc;
}
