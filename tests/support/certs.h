#ifndef WEFT_TESTS_CERTS_H
#define WEFT_TESTS_CERTS_H
/* Certificates made for a test: by a CA of its own, good or with one fault. Days count from CERTS_NOW, which simulated worlds
 * have as their date. What is made lives until the process ends. */
#include <stdbool.h>
#include <stdint.h>

#define CERTS_NOW INT64_C(1800000000)                /* 2027-01-15 08:00:00 UTC */

typedef struct made_cert made_cert;
typedef struct cert_opts {
    const char *name;                /* its subject */
    const char *alt;                 /* "DNS:a.example,IP:127.0.0.1"; NULL: "DNS:" and the name; with a '|', which stands for NUL: one DNS name */
    const made_cert *by;             /* who signs; NULL: itself */
    int64_t now_s;                   /* CERTS_NOW */
    int from_days, to_days;          /* -1 and 365 */
    bool ca, rsa;                    /* an RSA key of 2048 bits, else P-256 */
    int bits;                        /* of an RSA key */
    const char *usage;               /* "serverAuth,clientAuth" */
} cert_opts;
struct made_cert { void *cert, *key; char *pem, *key_pem; };

const made_cert *cert_make_with(const cert_opts *o);
#define cert_make(...) cert_make_with(&(cert_opts){ __VA_ARGS__ })
/* A list of what `by` has revoked: that one. PEM. */
char *cert_revoke(const made_cert *by, const made_cert *revoked);
/* Saves PREFIX.pem, with `more` behind it unless NULL, and PREFIX.key (mode 0600), in the world of the running task. */
void cert_save(const char *prefix, const made_cert *c, const char *more);
void cert_put(const char *path, const char *text);
#endif
