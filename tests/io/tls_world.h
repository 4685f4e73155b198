#ifndef WEFT_TESTS_IO_TLS_WORLD_H
#define WEFT_TESTS_IO_TLS_WORLD_H
/* Tests of TLS: a listener and a client over it, certificates of the test's own CA in the working directory ("ca.pem",
 * "server.pem", "server.key" for server.example and 127.0.0.1). On epoll, and in the simulator with bytes that come late and
 * short. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/conn.h"
#include "io/file_world.h"
#include "io/tls.h"
#include "support/certs.h"
#include "weft/net.h"

#define TLS_TEST(name) \
    static int name(void); \
    WEFT_TEST(name##__epoll) { tls_epoll(weft_call(name)); } \
    WEFT_TEST(name##__sim) { tls_sim(weft_call(name)); } \
    static int name(void)
#define TLS_SIM_TEST(name) static int name(void); WEFT_TEST(name##__sim) { tls_sim(weft_call(name)); } static int name(void)
#define TLS_CALM_TEST(name) static int name(void); WEFT_TEST(name##__sim) { tls_calm(weft_call(name)); } static int name(void)

void tls_epoll(weft_call body);
void tls_sim(weft_call body);
void tls_calm(weft_call body);                       /* in the simulator, nothing late and nothing short */

int64_t tls_now_s(void);                             /* the date of this world */
extern const made_cert *tls_ca, *tls_server_cert;    /* after tls_files */
void tls_files(void);

/* Two ends: `here` has called, `there` was called. Either is NULL when it failed, and the code says why. */
typedef struct ends { weft_conn *here, *there; int here_rc, there_rc; char there_says[512]; weft_tls_peer here_peer, there_peer; } ends;
typedef struct meet_opts { weft_tls_server server; weft_tls_client client; const char *host; bool silent; } meet_opts;
#define SERVER_CERT .certs = WEFT_TLS_CERTS({ .cert_file = "server.pem", .key_file = "server.key" })
/* Both make their handshakes; read_ms 5 000. */
void tls_meet_with(ends *e, const meet_opts *o);
#define SERVER(...) .server = { __VA_ARGS__ }
#define CLIENT(...) .client = { __VA_ARGS__ }
#define tls_meet(e, ...) tls_meet_with((e), &(meet_opts){ __VA_ARGS__ })
void tls_part(ends *e);
/* Who believes the test's CA and calls server.example. */
void tls_meet_well(ends *e);
void tls_settle(void);                               /* what was closed has had time to say so */
bool tls_says(int rc, const char *words);
bool tls_there_says(const ends *e, const char *words);
#endif
