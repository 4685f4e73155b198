/* https:// of the client: what it believes, what it tells of what it does not, and what it keeps. */
#include "io/tls_world.h"
#include "weft/client.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

typedef struct upstream {
    weft_listener *l;
    const char *answer;
    int close_after, resumed, accepted;              /* close_after: so many answers; 0: never */
    bool rude;                                       /* ends without saying so in TLS */
    weft_scope *scope;
} upstream;

static int talk(weft_conn *c, void *ctx)
{
    upstream *u = ctx;
    weft_str line;
    weft_tls_peer peer;
    u->accepted++;
    if (weft_conn_tls(c, &peer) != 1) return 0;
    u->resumed += peer.resumed;
    for (int n = 1;; n++) {
        int rc;
        while ((rc = weft_conn_line(c, &line)) == 1 && line.len) continue;
        if (rc <= 0 || weft_conn_write(c, weft_str_of(u->answer ? u->answer : OK)) < 0) return 0;
        if (n == u->close_after) break;
    }
    weft__os *os = world_now.os;
    if (u->rude) (void)os->ops->shutdown(os, c->stream.fd);
    return 0;
}

static int serve(upstream *const *u) { return weft_listener_serve((*u)->l, talk, .ctx = *u); }

static void start(upstream *u, weft_scope *s, weft_tls_server tls)
{
    WEFT_NEED(weft_listen(&u->l, "127.0.0.1", 0, .conn = { .read_ms = 5000 }, .tls = tls) == 0);
    u->scope = s;
    weft_spawn(s, serve, (&(upstream *const){ u }));
}

static const char *base_of(const weft_listener *l)
{
    static char base[64];
    snprintf(base, sizeof base, "https://127.0.0.1:%d", weft_listener_port(l));
    return base;
}

static int get(const upstream *u, const weft_tls_client *tls, weft_response *a)
{
    return weft_exchange(a, (.tls = *tls), "{+}/x", base_of(u->l));
}

#define UPSTREAM(u, ...) \
    upstream u = { .l = NULL, __VA_ARGS__ }; \
    WEFT_SCOPE(scope); \
    start(&u, scope, (weft_tls_server){ SERVER_CERT })
#define UPSTREAM_END(u) do { weft_cancel(scope); (void)!weft_join(scope); weft_listener_free(u.l); tls_settle(); } while (0)

static const weft_tls_client good = { .ca_file = "ca.pem" };

TLS_TEST(a_connection_is_kept_by_its_settings_and_a_session_taken_up_again)
{
    weft_response a;
    tls_files();
    UPSTREAM(u, .close_after = 3);
    for (int i = 0; i < 9; i++) {
        int rc = get(&u, &good, &a);
        if (rc < 0) fprintf(stderr, "  %s\n", weft_error_of(rc)->text);
        WEFT_NEED(rc == 0);
        WEFT_CHECK_STR(a.body, "ok");
        WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    }
    WEFT_CHECK_EQ(u.accepted, 3);
    WEFT_CHECK_EQ(u.resumed, 2);
    WEFT_NEED(get(&u, &(weft_tls_client){ .ca_file = "ca.pem", .name = "server.example" }, &a) == 0);
    WEFT_CHECK_EQ(u.accepted, 4);                    /* other settings, another connection and no session */
    WEFT_CHECK_EQ(u.resumed, 2);
    WEFT_CHECK_EQ(weft_tls_reload(), 0);
    for (int i = 0; i < 3; i++) WEFT_NEED(get(&u, &good, &a) == 0);
    WEFT_CHECK_EQ(u.resumed, 2);                     /* whoever is believed now is looked at anew */
    WEFT_NEED(get(&u, &good, &a) == 0);
    WEFT_CHECK_EQ(u.resumed, 3);
    UPSTREAM_END(u);
    return 0;
}

TLS_TEST(who_is_not_believed_is_named_in_the_failure)
{
    weft_response a;
    char expected[256];
    tls_files();
    UPSTREAM(u);
    int rc = get(&u, &(weft_tls_client){ .ca_file = "ca.pem", .name = "other.example" }, &a);
    WEFT_CHECK_EQ(rc, WEFT_ECERT_HOST);
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 502);
    snprintf(expected, sizeof expected, "GET https://127.0.0.1:%d/x: no connection after ", weft_listener_port(u.l));
    WEFT_CHECK(tls_says(rc, expected));
    WEFT_CHECK(tls_says(rc, " ms: TLS: the certificate is for server.example, *.server.example, 127.0.0.1, and not for other.example"));
    rc = get(&u, &(weft_tls_client){ .ca_file = "none.pem" }, &a);
    WEFT_CHECK_EQ(rc, WEFT_EINVAL);
    WEFT_CHECK(tls_says(rc, "cannot read 'none.pem': no such thing"));
    UPSTREAM_END(u);
    return 0;
}

/* Without a length the end is the end of the connection: somebody who cuts it must not make a shorter body of it. */
TLS_TEST(a_body_that_ends_with_the_connection_is_whole_only_if_tls_says_so)
{
    weft_response a;
    tls_files();
    UPSTREAM(u, .answer = "HTTP/1.1 200 OK\r\n\r\nall of it", .close_after = 1);
    WEFT_CHECK_EQ(get(&u, &good, &a), 0);
    WEFT_CHECK_STR(a.body, "all of it");
    u.rude = true;
    WEFT_CHECK_EQ(get(&u, &good, &a), WEFT_ECONNRESET);
    WEFT_CHECK(tls_says(WEFT_ECONNRESET, "cut off, without the end that TLS asks for, after 9 bytes of the body"));
    u.answer = OK;                                   /* a length is an end, too */
    WEFT_CHECK_EQ(get(&u, &good, &a), 0);
    UPSTREAM_END(u);
    return 0;
}

TLS_TEST(a_call_that_is_called_off_in_a_handshake_leaves_nothing)
{
    weft_response a;
    tls_files();
    WEFT_LISTENER(silent);
    WEFT_NEED(weft_listen(&silent, "127.0.0.1", 0) == 0);
    {
        WEFT_SCOPE(s, .timeout_ms = 20);
        WEFT_CHECK_EQ(weft_exchange(&a, (.tls = good), "{+}/", base_of(silent)), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK_EQ(weft_exchange(&a, (.tls = good, .connect_ms = 20), "{+}/", base_of(silent)), WEFT_ETIMEDOUT);
    WEFT_CHECK(tls_says(WEFT_ETIMEDOUT, "(connect deadline)"));
    return 0;
}

TLS_TEST(more_settings_than_a_loop_keeps_are_refused_while_all_are_in_use)
{
    weft__tls_client *all[WEFT__TLS_CLIENTS_MAX], *one;
    char why[WEFT__TLS_WHY], name[32];
    tls_files();
    for (int i = 0; i < WEFT__TLS_CLIENTS_MAX; i++) {
        snprintf(name, sizeof name, "n%d.example", i);
        WEFT_NEED(weft__tls_client_of(world_now.loop, &(weft_tls_client){ .ca_file = "ca.pem", .name = name }, NULL, &all[i], why) == 0);
        weft__tls_client_keep(all[i]);
    }
    WEFT_CHECK_EQ(weft__tls_client_of(world_now.loop, &good, NULL, &one, why), WEFT_ELIMIT);
    WEFT_CHECK_STR(weft_str_of(why), "64 different TLS settings are in use (limit)");
    weft__tls_client_drop(all[7]);
    WEFT_CHECK_EQ(weft__tls_client_of(world_now.loop, &good, NULL, &one, why), 0);
    WEFT_CHECK_EQ(weft__tls_client_of(world_now.loop, &(weft_tls_client){ .ca_file = "ca.pem", .name = "n3.example" }, NULL, &one, why), 0);
    WEFT_CHECK(one == all[3]);
    for (int i = 0; i < WEFT__TLS_CLIENTS_MAX; i++)
        if (i != 7) weft__tls_client_drop(all[i]);
    return 0;
}

TLS_TEST(settings_of_the_program_are_copied_and_looked_at)
{
    char ca[] = "ca.pem";
    weft_response a;
    tls_files();
    UPSTREAM(u);
    WEFT_CHECK_EQ(weft_client_limits(.tls = { .unverified = true, .ca_file = ca }), WEFT_EINVAL);
    WEFT_CHECK(tls_says(WEFT_EINVAL, "weft_client_limits: tls.unverified and tls.ca_file"));
    WEFT_CHECK_EQ(weft_client_limits(.tls = { .cert_file = "ada.pem" }), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_client_limits(.tls = { .ca_file = ca }), 0);
    memset(ca, 'x', sizeof ca - 1);
    WEFT_CHECK_EQ(get(&u, &(weft_tls_client){ 0 }, &a), 0);
    UPSTREAM_END(u);
    return 0;
}
