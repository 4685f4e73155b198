#ifndef WEFT_TLS_H
#define WEFT_TLS_H
/* TLS: what servers and listeners show, whom clients believe, and who the peer of a connection is.
 *
 *     weft_serve(&app, .port = 443, .tls = { .certs = WEFT_TLS_CERTS({ .cert_file = "chain.pem", .key_file = "key.pem" }), .redirect_port = 80 })
 *     weft_listen(&l, "0.0.0.0", 6697, .tls = { .certs = WEFT_TLS_CERTS({ .cert_file = "chain.pem", .key_file = "key.pem" }) })
 *     weft_connect(&c, "irc.example", 6697, .tls = { .on = true })
 *     weft_fetch(Price, &price, "https://store.example/price/{}", sku)
 *
 * TLS 1.3 and 1.2 (RFC 8446, RFC 5246), the latter with forward secrecy and authenticated encryption alone; no compression,
 * no renegotiation, no early data. Sessions are taken up again, by tickets, whose key is made when a program starts and lives as long as it does: of TLS 1.2,
 * not of 1.3, what was said in sessions taken up again can be read by who gets hold of that key. OpenSSL does it; what it allocates for a connection (some
 * KiB) does not go through weft_set_allocator.
 *
 * A peer that ends its connection without saying so in TLS may have been cut off by somebody between: reading gives
 * WEFT_ECONNRESET then, and never an end.
 *
 * What fails has a code for each kind, so that programs can tell them apart, and a text that says which certificate, name,
 * date or version was expected and came:
 *
 *   WEFT_ECERT_EXPIRED, WEFT_ECERT_EARLY     its time is over, or has not come
 *   WEFT_ECERT_HOST                          it is for other names
 *   WEFT_ECERT_SELF                          it is signed by itself alone
 *   WEFT_ECERT_CA                            it is signed by somebody who is not believed
 *   WEFT_ECERT_REVOKED                       its signer has taken it back (ca_file has the list)
 *   WEFT_ECERT                               all else that makes it no proof: too weak a key, not for this use ...
 *   WEFT_ETLS_VERSION                        the peer speaks versions only that are too old
 *   WEFT_ETLS_CUT                            the peer ended the connection in the middle of the handshake
 *   WEFT_ETLS_NONE                           what answers does not speak TLS
 *   WEFT_ETLS                                the peer refused, or sent what is no TLS: "it refused: bad certificate"  */
#include "weft/base.h"

typedef enum weft_tls_version { WEFT_TLS_DEFAULT, WEFT_TLS_1_2, WEFT_TLS_1_3 } weft_tls_version;

/* ---- servers ---- */

/* A certificate with its key, in PEM: files, or texts in place of them. All is copied.
 * cert_file holds the certificate and behind it those of its signers, the root left out ("fullchain.pem"); key_file may be
 * the same file; it is not encrypted. names: those it is shown for, "example.com, *.example.com" (the star is one label);
 * NULL: the names in it. At most 1 MiB each. */
typedef struct weft_tls_cert {
    weft__named_options_only _;
    const char *cert_file, *key_file;
    const char *names;
    weft_str cert_pem, key_pem;
} weft_tls_cert;

/* The first is shown to who asks for a name that none has, or for none. Of several for one name the client's abilities
 * choose: one with an RSA key beside one with an ECDSA key. At most 64. */
#define WEFT_TLS_CERTS(...) (const weft_tls_cert[]){ __VA_ARGS__, { 0 } }

/* Of weft_serve and weft_listen. NULL in certs: no TLS. All files are read at the start, and what is wrong with them is
 * said then: a file that is not there, a key that is another certificate's, a certificate that has expired (a warning with
 * the date), a key that all users of the machine may read (a warning). */
typedef struct weft_tls_server {
    weft__named_options_only _;
    const weft_tls_cert *certs;       /* WEFT_TLS_CERTS(...) */
    const char *client_ca_file;       /* PEM: who signs clients' certificates; NULL: clients are not asked for any */
    bool client_required;             /* refuse who has none; else weft_tls_peer tells */
    weft_tls_version version_min;     /* WEFT_TLS_1_2 */
    const char *protocols;            /* ALPN of weft_listen, the most wanted first: "irc, xmpp"; who offers only others is refused. An HTTP server
                                         has its own. RFC 7301 */
    int redirect_port;                /* of weft_serve: another port, whose plain requests are answered 308 to the same URL with
                                         https. 0: none; -1: any free one */
} weft_tls_server;

/* Read the certificates, keys and CAs of all servers, listeners and clients of this loop again, and use them for the
 * connections that come; those there are keep theirs. weft_serve does it on SIGHUP. What cannot be read or does not fit is logged, and
 * the old ones stay: WEFT_EINVAL, recorded, and the others were taken. WEFT_ENOMEM. Files are read on the loop. Waits: never. */
int weft_tls_reload(void);

/* A certificate that nobody signed but itself, good for `days` (1 to 825) from an hour ago, for tests and for work at home: names is "localhost,
 * 127.0.0.1, ::1" or other names and addresses, the first of which is its subject. A P-256 key. 0; WEFT_EINVAL: names that are none, or too
 * many for the room there is; WEFT_ENOMEM. Waits: never.
 *
 *     weft_tls_made made;
 *     if (weft_tls_self_signed(&made, "localhost, 127.0.0.1", 30) < 0) return 1;
 *     int status = weft_serve(&app, .tls = { .certs = WEFT_TLS_CERTS({ .cert_pem = weft_str_of(made.cert), .key_pem = weft_str_of(made.key) }) });
 */
typedef struct weft_tls_made { char cert[2048], key[512]; } weft_tls_made;
int weft_tls_self_signed(weft_tls_made *out, const char *names, int days) WEFT_NODISCARD;

/* ---- clients ---- */

/* Of weft_connect, weft_exchange and weft_client_limits. The peer's certificate must be good, for the host that was asked
 * for, and signed by one whom the system (or ca_file) believes.
 * ca_file: PEM, with CRLs if you like: then each certificate must be in the time of its signer's, and not be in it. What is named here is
 * read once a loop, and again with weft_tls_reload; at most 64 different settings, WEFT_ELIMIT beyond. Texts need not stay. */
typedef struct weft_tls_client {
    weft__named_options_only _;
    bool on;                          /* of weft_connect: TLS from the first byte on. Of an https:// URL it is */
    bool unverified;                  /* believe whoever answers. For tests: who stands between can read and change all */
    const char *ca_file;              /* who is believed instead of whom the system believes */
    const char *cert_file, *key_file; /* shown to a server that asks */
    const char *name;                 /* whom the certificate must be for, and who is asked for; NULL: the host */
    weft_tls_version version_min;     /* WEFT_TLS_1_2 */
    const char *protocols;            /* ALPN of weft_connect: "irc, xmpp"; an HTTP client has its own */
} weft_tls_client;

/* ---- who the peer is ---- */

/* Texts live like weft_alloc's. */
typedef struct weft_tls_peer {
    weft_str version, cipher;         /* "TLSv1.3", "TLS_AES_256_GCM_SHA384" */
    weft_str protocol;                /* what ALPN agreed on; empty: nothing */
    weft_str server_name;             /* of a server: whom the client asked for; empty: nobody */
    bool resumed;                     /* an earlier session was taken up again */
    bool certified;                   /* the peer has shown a certificate, and it is good; of the following nothing is set if not */
    weft_str subject, issuer;         /* "CN=ada,O=Example", RFC 2253 */
    const weft_str *names; size_t name_count;      /* "DNS:a.example", "IP:192.0.2.1", "email:ada@example.com", "URI:spiffe://a/b"; one with a
                                         control character is left out */
    weft_str fingerprint;             /* SHA-256 of it, 64 hexadecimal digits */
    int64_t expires_s;                /* seconds since 1970 */
} weft_tls_peer;
#endif
