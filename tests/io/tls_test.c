/* TLS over connections for users: what goes through it, and what is refused. */
#include "io/tls_world.h"

/* ---- what goes through ---- */

TLS_TEST(both_ends_know_who_the_other_is_and_how_they_speak)
{
    ends e;
    tls_files();
    tls_meet(&e, SERVER(SERVER_CERT, .protocols = "irc, xmpp"), CLIENT(.ca_file = "ca.pem", .name = "server.example", .protocols = "xmpp, irc"));
    WEFT_NEED(e.here_rc == 1 && e.there_rc == 1);
    WEFT_CHECK_STR(e.here_peer.version, "TLSv1.3");
    WEFT_CHECK_STR(e.here_peer.subject, "CN=server.example");
    WEFT_CHECK_STR(e.here_peer.issuer, "CN=Test CA");
    WEFT_CHECK_STR(e.here_peer.protocol, "irc");     /* the server's order counts */
    WEFT_CHECK_EQ(e.here_peer.name_count, 3);
    WEFT_CHECK_STR(e.here_peer.names[1], "DNS:*.server.example");
    WEFT_CHECK_STR(e.here_peer.names[2], "IP:127.0.0.1");
    WEFT_CHECK_EQ(e.here_peer.fingerprint.len, 64);
    int64_t left_s = e.here_peer.expires_s - tls_now_s();
    WEFT_CHECK(left_s > 365 * 24 * 3600 - 60 && left_s <= 365 * 24 * 3600);
    WEFT_CHECK(e.here_peer.certified && !e.here_peer.resumed);
    WEFT_CHECK_STR(e.there_peer.server_name, "server.example");
    WEFT_CHECK_STR(e.there_peer.protocol, "irc");
    WEFT_CHECK(!e.there_peer.certified);
    tls_part(&e);
    return 0;
}

/* The byte at place i of what is sent. */
static char byte_at(size_t i) { return (char)(i * 31 + i / 251); }

typedef struct pour_in { weft_conn *c; size_t n; } pour_in;
static int pour(const pour_in *in)
{
    char *all = malloc(in->n);
    for (size_t i = 0; i < in->n; i++) all[i] = byte_at(i);
    int rc = weft_conn_write(in->c, (weft_str){ all, in->n });
    free(all);
    return rc < 0 ? rc : weft_conn_end(in->c);
}

static void drink(weft_conn *c, size_t n)
{
    weft_str piece;
    size_t have = 0, wrong = 0;
    int rc;
    while ((rc = weft_conn_read(c, &piece)) > 0) {
        for (size_t i = 0; i < piece.len; i++) wrong += piece.ptr[i] != byte_at(have + i);
        have += piece.len;
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(have, n);
    WEFT_CHECK_EQ(wrong, 0);
}

TLS_TEST(bytes_of_any_number_arrive_in_order_and_end)
{
    static const size_t sizes[] = { 1, 16383, 16384, 16385, 100000 };
    tls_files();
    for (size_t i = 0; i < weft_count(sizes); i++) {
        ends e;
        tls_meet_well(&e);
        WEFT_SCOPE(s);
        weft_spawn(s, pour, (&(pour_in){ e.here, sizes[i] }));
        drink(e.there, sizes[i]);
        WEFT_CHECK_EQ(weft_join(s), 0);
        weft_spawn(s, pour, (&(pour_in){ e.there, sizes[i] }));      /* our side has ended, and reading goes on */
        drink(e.here, sizes[i]);
        WEFT_CHECK_EQ(weft_join(s), 0);
        tls_part(&e);
    }
    return 0;
}

TLS_TEST(both_ends_send_more_than_fits_at_the_same_time)
{
    ends e;
    enum { N = 400000 };
    tls_files();
    tls_meet_well(&e);
    WEFT_SCOPE(s, .timeout_ms = 2500);               /* for one whose peer does not read any more */
    weft_spawn(s, pour, (&(pour_in){ e.here, N }));
    weft_spawn(s, pour, (&(pour_in){ e.there, N }));
    drink(e.there, N);
    drink(e.here, N);
    WEFT_CHECK_EQ(weft_join(s), 0);
    tls_part(&e);
    return 0;
}

typedef struct writing_in { weft_conn *c; const weft_str *pieces; size_t n; } writing_in;
static int write_pieces(const writing_in *in) { return weft_conn_write_n(in->c, in->pieces, in->n); }

TLS_TEST(pieces_of_any_size_are_one_text)
{
    ends e;
    weft_str line;
    tls_files();
    tls_meet_well(&e);
    char large[20000];
    memset(large, 'x', sizeof large);
    weft_str pieces[] = { WEFT_S("a"), WEFT_S(""), WEFT_S("bc"), { large, sizeof large }, WEFT_S("d"), WEFT_S("\n") };
    WEFT_SCOPE(s);
    weft_spawn(s, write_pieces, (&(writing_in){ e.here, pieces, weft_count(pieces) }));
    WEFT_NEED(weft_conn_line(e.there, &line) == 1);
    WEFT_CHECK_EQ(line.len, 3 + sizeof large + 1);
    WEFT_CHECK(!memcmp(line.ptr, "abcx", 4) && line.ptr[line.len - 1] == 'd');
    WEFT_CHECK_EQ(weft_join(s), 0);
    tls_part(&e);
    return 0;
}

/* Who speaks first is of no concern to the handshake. */
static int greet(weft_listener *const *l)
{
    WEFT_CONN(c);
    WEFT_TRY(weft_accept(*l, &c));
    return weft_conn_write(c, WEFT_S("220 welcome\r\n"));
}

TLS_TEST(a_server_that_speaks_first_is_heard)
{
    weft_str line;
    tls_files();
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0, .tls = { SERVER_CERT }) == 0);
    WEFT_SCOPE(s);
    weft_spawn(s, greet, &l);
    WEFT_CONN(c);
    WEFT_NEED(weft_connect(&c, "127.0.0.1", weft_listener_port(l), .tls = { .ca_file = "ca.pem" }) == 0);
    WEFT_CHECK_EQ(weft_conn_line(c, &line), 1);
    WEFT_CHECK_STR(line, "220 welcome");
    WEFT_CHECK_EQ(weft_conn_line(c, &line), 0);
    return weft_join(s);
}

/* ---- certificates that are refused ---- */

typedef struct bad {
    cert_opts cert;
    bool stranger;                   /* signed by a CA that is not believed */
    int code;
    const char *says;
} bad;

TLS_TEST(each_fault_of_a_certificate_is_an_error_of_its_own)
{
    static const bad all[] = {
        { { .name = "server.example", .from_days = -30, .to_days = -2 }, false, WEFT_ECERT_EXPIRED, "the certificate of 'server.example' expired on 20" },
        { { .name = "server.example", .from_days = 3 }, false, WEFT_ECERT_EARLY, "the certificate of 'server.example' is not valid before 20" },
        { { .name = "server.example", .alt = "DNS:other.example,DNS:*.sub.example,IP:10.1.2.3,IP:::1" }, false, WEFT_ECERT_HOST,
            "the certificate is for other.example, *.sub.example, 10.1.2.3, 0:0:0:0:0:0:0:1, and not for server.example" },
        { { .name = "server.example" }, true, WEFT_ECERT_CA, "the certificate of 'server.example' is signed by 'Stranger', who is not believed here" },
        { { .name = "server.example", .usage = "clientAuth" }, false, WEFT_ECERT, "the certificate of 'server.example' is not for this use" },
    };
    tls_files();
    const made_cert *stranger = cert_make(.name = "Stranger", .ca = true, .now_s = tls_now_s());
    for (size_t i = 0; i < weft_count(all); i++) {
        ends e;
        cert_opts o = all[i].cert;
        o.by = all[i].stranger ? stranger : tls_ca;
        o.now_s = tls_now_s();
        cert_save("bad", cert_make_with(&o), NULL);
        world_capture_begin();
        tls_meet(&e, SERVER(.certs = WEFT_TLS_CERTS({ .cert_file = "bad.pem", .key_file = "bad.key" })), CLIENT(.ca_file = "ca.pem", .name = "server.example"));
        (void)world_capture_end();
        WEFT_CHECK_EQ(e.here_rc, all[i].code);
        WEFT_CHECK(tls_says(e.here_rc, all[i].says));
        WEFT_CHECK_EQ(e.there_rc, WEFT_ETLS);
        WEFT_CHECK(tls_there_says(&e, "the peer refused: "));
        tls_part(&e);
    }
    return 0;
}

TLS_TEST(a_certificate_signed_by_itself_or_revoked_is_refused)
{
    ends e;
    tls_files();
    cert_save("self", cert_make(.name = "server.example", .now_s = tls_now_s()), NULL);
    tls_meet(&e, SERVER(.certs = WEFT_TLS_CERTS({ .cert_file = "self.pem", .key_file = "self.key" })), CLIENT(.ca_file = "ca.pem", .name = "server.example"));
    WEFT_CHECK_EQ(e.here_rc, WEFT_ECERT_SELF);
    WEFT_CHECK(tls_says(e.here_rc, "the certificate of 'server.example' is signed by itself alone"));
    tls_part(&e);
    tls_meet(&e, SERVER(.certs = WEFT_TLS_CERTS({ .cert_file = "self.pem", .key_file = "self.key" })), CLIENT(.unverified = true));
    WEFT_CHECK_EQ(e.here_rc, 1);
    WEFT_CHECK(!e.here_peer.certified);
    tls_part(&e);
    return 0;
}

TLS_CALM_TEST(a_certificate_that_its_signer_took_back_is_refused)
{
    ends e;
    char all[16384];
    tls_files();
    snprintf(all, sizeof all, "%s%s", tls_ca->pem, cert_revoke(tls_ca, tls_server_cert));
    cert_put("list.pem", all);
    tls_meet(&e, SERVER(SERVER_CERT), CLIENT(.ca_file = "list.pem", .name = "server.example"));
    WEFT_CHECK_EQ(e.here_rc, WEFT_ECERT_REVOKED);
    WEFT_CHECK(tls_says(e.here_rc, "'server.example' was revoked"));
    tls_part(&e);
    return 0;
}

TLS_TEST(an_address_must_be_in_the_certificate_too)
{
    ends e;
    tls_files();
    tls_meet(&e, SERVER(SERVER_CERT), CLIENT(.ca_file = "ca.pem"));
    WEFT_CHECK_EQ(e.here_rc, 1);
    WEFT_CHECK_STR(e.there_peer.server_name, "");    /* an address is not asked for by name: RFC 6066, 3 */
    tls_part(&e);
    cert_save("named", cert_make(.name = "127.0.0.1", .by = tls_ca, .now_s = tls_now_s()), NULL);
    tls_meet(&e, SERVER(.certs = WEFT_TLS_CERTS({ .cert_file = "named.pem", .key_file = "named.key" })), CLIENT(.ca_file = "ca.pem"));
    WEFT_CHECK_EQ(e.here_rc, WEFT_ECERT_HOST);
    tls_part(&e);
    return 0;
}

/* ---- whose certificate is shown ---- */

static const char *shown_for(const weft_tls_server *server, const char *name)
{
    static char subject[512];
    ends e;
    tls_meet(&e, .server = *server, CLIENT(.ca_file = "ca.pem", .name = name));
    snprintf(subject, sizeof subject, "%s", e.here_rc == 1 ? e.here_peer.subject.ptr : weft_error_of(e.here_rc)->text);
    tls_part(&e);
    return subject;
}

TLS_TEST(the_name_that_is_asked_for_chooses_the_certificate)
{
    tls_files();
    cert_save("b", cert_make(.name = "b.example", .alt = "DNS:b.example,DNS:*.b.example", .by = tls_ca, .now_s = tls_now_s(), .rsa = true), NULL);
    cert_save("c", cert_make(.name = "c", .alt = "DNS:x.c.example,DNS:y.c.example,DNS:c.example", .by = tls_ca, .now_s = tls_now_s()), NULL);
    const weft_tls_server server = { .certs = WEFT_TLS_CERTS({ .cert_file = "server.pem", .key_file = "server.key" }, { .cert_file = "b.pem", .key_file = "b.key" },
        { .cert_file = "c.pem", .key_file = "c.key", .names = "c.example, *.c.example" }) };
    WEFT_CHECK_STR(weft_str_of(shown_for(&server, "server.example")), "CN=server.example");
    WEFT_CHECK_STR(weft_str_of(shown_for(&server, "b.example")), "CN=b.example");
    WEFT_CHECK_STR(weft_str_of(shown_for(&server, "X.B.example")), "CN=b.example");
    WEFT_CHECK_STR(weft_str_of(shown_for(&server, "c.example")), "CN=c");
    WEFT_CHECK_STR(weft_str_of(shown_for(&server, "y.c.example")), "CN=c");
    WEFT_CHECK(strstr(shown_for(&server, "d.example"), "the certificate is for server.example, ") != NULL);
    WEFT_CHECK(strstr(shown_for(&server, "x.y.b.example"), "is for server.example") != NULL);     /* the star is one label */
    return 0;
}

/* ---- clients' certificates ---- */

TLS_TEST(a_client_shows_a_certificate_where_one_is_asked_for)
{
    ends e;
    weft_str got;
    tls_files();
    cert_save("ada", cert_make(.name = "ada", .alt = "email:ada@example.com,URI:spiffe://example/ada", .by = tls_ca, .now_s = tls_now_s()), NULL);
    tls_meet(&e, SERVER(SERVER_CERT, .client_ca_file = "ca.pem", .client_required = true), CLIENT(.ca_file = "ca.pem", .cert_file = "ada.pem", .key_file = "ada.key"));
    WEFT_NEED(e.here_rc == 1 && e.there_rc == 1);
    WEFT_CHECK(e.there_peer.certified);
    WEFT_CHECK_STR(e.there_peer.subject, "CN=ada");
    WEFT_CHECK_EQ(e.there_peer.name_count, 2);
    WEFT_CHECK_STR(e.there_peer.names[0], "email:ada@example.com");
    WEFT_CHECK_STR(e.there_peer.names[1], "URI:spiffe://example/ada");
    tls_part(&e);
    /* Without one: may it be so, or not. The client learns of it with its first read (RFC 8446, 4.4.2.4). */
    tls_meet(&e, SERVER(SERVER_CERT, .client_ca_file = "ca.pem"), CLIENT(.ca_file = "ca.pem"));
    WEFT_CHECK(e.there_rc == 1 && !e.there_peer.certified);
    tls_part(&e);
    tls_meet(&e, SERVER(SERVER_CERT, .client_ca_file = "ca.pem", .client_required = true), CLIENT(.ca_file = "ca.pem"));
    WEFT_CHECK_EQ(e.there_rc, WEFT_ETLS);
    WEFT_CHECK(tls_there_says(&e, "the client has shown no certificate, and must"));
    WEFT_NEED(e.here != NULL);
    WEFT_CHECK_EQ(weft_conn_read(e.here, &got), WEFT_ETLS);
    WEFT_CHECK(tls_says(WEFT_ETLS, "the peer refused: it asks for a certificate (cert_file), and none was shown"));
    tls_part(&e);
    return 0;
}

/* Whoever compares texts would read the name up to the NUL. */
TLS_TEST(a_name_with_a_nul_in_it_is_no_name)
{
    ends e;
    tls_files();
    cert_save("ada", cert_make(.name = "ada", .alt = "admin.example|.evil.example", .by = tls_ca, .now_s = tls_now_s()), NULL);
    tls_meet(&e, SERVER(SERVER_CERT, .client_ca_file = "ca.pem"), CLIENT(.ca_file = "ca.pem", .cert_file = "ada.pem", .key_file = "ada.key"));
    WEFT_NEED(e.there_rc == 1 && e.there_peer.certified);
    WEFT_CHECK_EQ(e.there_peer.name_count, 0);
    tls_part(&e);
    tls_settle();
    return 0;
}

/* ---- sessions of another server ---- */

typedef struct taking { weft_listener *l; bool resumed, certified; int rc; } taking;
static int take_one(taking *const *in)
{
    taking *t = *in;
    weft_tls_peer peer;
    weft_str got;
    WEFT_CONN(c);
    WEFT_TRY(weft_accept(t->l, &c));
    t->rc = weft_conn_tls(c, &peer);
    t->resumed = t->rc == 1 && peer.resumed;
    t->certified = t->rc == 1 && peer.certified;
    if (t->rc == 1) (void)!weft_conn_write(c, WEFT_S("x"));
    (void)!weft_conn_read(c, &got);
    return 0;
}

/* With a certificate if `own`, taking `session` up again, and keeping the new one. */
static void come(weft_tls_server tls, bool own, weft__tls_session *session, taking *t)
{
    char why[WEFT__TLS_WHY], byte;
    const char *says = NULL;
    weft__stream s;
    weft__addr at;
    weft__tls_client *client;
    const weft_tls_client with = { .ca_file = "ca.pem", .cert_file = "ada.pem", .key_file = "ada.key" }, without = { .ca_file = "ca.pem" };
    int64_t until_ns = weft__loop_clock(world_now.loop) + INT64_C(5000000000);
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0, .conn = { .read_ms = 5000 }, .tls = tls) == 0);
    *t = (taking){ .l = l };
    WEFT_SCOPE(scope);
    weft_spawn(scope, take_one, (&(taking *const){ t }));
    WEFT_NEED(weft__addr_parse(WEFT_S("127.0.0.1"), weft_listener_port(l), &at) == 0);
    WEFT_NEED(weft__tls_client_of(world_now.loop, own ? &with : &without, NULL, &client, why) == 0);
    WEFT_NEED(weft__stream_connect(&s, world_now.loop, &at, until_ns) == 0);
    if (weft__tls_connect(&s, client, "127.0.0.1", session, until_ns, &says) == 0) (void)weft__stream_recv(&s, &byte, 1, until_ns);
    weft__stream_close(&s);
    (void)!weft_join(scope);
}

/* All servers of a process's workers have the same keys for tickets, and one of them may let in whom the other must not. */
TLS_TEST(a_session_is_taken_up_again_only_where_its_client_would_be_believed)
{
    weft__tls_session session = { 0 };
    taking t;
    tls_files();
    cert_save("ada", cert_make(.name = "ada", .by = tls_ca, .now_s = tls_now_s()), NULL);
    weft__tls_share_tickets();
    const weft_tls_server open = { SERVER_CERT }, asks = { SERVER_CERT, .client_ca_file = "ca.pem", .client_required = true };
    come(open, false, &session, &t);
    WEFT_CHECK(t.rc == 1 && !t.resumed);
    come(open, false, &session, &t);
    WEFT_CHECK(t.rc == 1 && t.resumed);
    come(asks, false, &session, &t);
    WEFT_CHECK_EQ(t.rc, WEFT_ETLS);
    weft__tls_session_drop(&session);
    come(asks, true, &session, &t);
    WEFT_CHECK(t.rc == 1 && t.certified && !t.resumed);
    come(asks, true, &session, &t);
    WEFT_CHECK(t.rc == 1 && t.certified && t.resumed);
    weft__tls_session_drop(&session);
    return 0;
}

/* Whoever is believed no longer must not be let in by what was agreed on before. */
TLS_TEST(a_session_from_before_a_client_read_again_whom_it_believes_is_not_taken_up)
{
    weft__tls_session session = { 0 };
    taking t;
    tls_files();
    weft__tls_share_tickets();
    const weft_tls_server open = { SERVER_CERT };
    come(open, false, &session, &t);
    come(open, false, &session, &t);
    WEFT_CHECK(t.rc == 1 && t.resumed);
    WEFT_CHECK_EQ(weft_tls_reload(), 0);
    come(open, false, &session, &t);
    WEFT_CHECK(t.rc == 1 && !t.resumed);
    weft__tls_session_drop(&session);
    return 0;
}

TLS_TEST(a_clients_certificate_of_a_stranger_is_refused)
{
    ends e;
    weft_str got;
    tls_files();
    const made_cert *stranger = cert_make(.name = "Stranger", .ca = true, .now_s = tls_now_s());
    cert_save("eve", cert_make(.name = "eve", .by = stranger, .now_s = tls_now_s()), NULL);
    tls_meet(&e, SERVER(SERVER_CERT, .client_ca_file = "ca.pem"), CLIENT(.ca_file = "ca.pem", .cert_file = "eve.pem", .key_file = "eve.key"));
    WEFT_CHECK_EQ(e.there_rc, WEFT_ECERT_CA);
    WEFT_CHECK(tls_there_says(&e, "the certificate of 'eve' is signed by 'Stranger', who is not believed here"));
    WEFT_NEED(e.here != NULL);
    WEFT_CHECK_EQ(weft_conn_read(e.here, &got), WEFT_ETLS);
    WEFT_CHECK(tls_says(WEFT_ETLS, "the peer refused: unknown CA"));
    tls_part(&e);
    return 0;
}

/* ---- what is wrong with settings ---- */

static void refused(const weft_tls_server *server, int code, const char *says)
{
    WEFT_LISTENER(l);
    int rc = weft_listen(&l, "127.0.0.1", 0, .tls = *server);
    WEFT_CHECK_EQ(rc, code);
    WEFT_CHECK(rc < 0 && tls_says(rc, says));
}

TLS_TEST(what_is_wrong_with_certificates_is_said_at_the_start)
{
    tls_files();
    cert_save("other", cert_make(.name = "other", .now_s = tls_now_s()), NULL);
    cert_put("empty.pem", "");
    cert_put("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    cert_put("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    refused(&(weft_tls_server){ .certs = WEFT_TLS_CERTS({ .cert_file = "none.pem", .key_file = "server.key" }) }, WEFT_EINVAL, "cannot read 'none.pem': no such thing");
    refused(&(weft_tls_server){ .certs = WEFT_TLS_CERTS({ .cert_file = "server.pem", .key_file = "none.key" }) }, WEFT_EINVAL, "cannot read 'none.key'");
    refused(&(weft_tls_server){ .certs = WEFT_TLS_CERTS({ .cert_file = "server.pem", .key_file = "other.key" }) }, WEFT_EINVAL, "the key in 'other.key' is not that of the certificate in 'server.pem'");
    refused(&(weft_tls_server){ .certs = WEFT_TLS_CERTS({ .cert_file = "server.pem" }) }, WEFT_EINVAL, "key_file of a certificate is missing");
    refused(&(weft_tls_server){ .certs = WEFT_TLS_CERTS({ .cert_file = "empty.pem", .key_file = "server.key" }) }, WEFT_EINVAL, "'empty.pem' holds no certificate in PEM");
    refused(&(weft_tls_server){ .certs = WEFT_TLS_CERTS({ .cert_file = "server.key", .key_file = "server.pem" }) }, WEFT_EINVAL, "'server.key' holds no certificate in PEM");
    refused(&(weft_tls_server){ .certs = WEFT_TLS_CERTS({ .cert_file = "server.pem", .key_file = "server.pem" }) }, WEFT_EINVAL, "'server.pem' holds no key in PEM");
    refused(&(weft_tls_server){ .certs = WEFT_TLS_CERTS({ .cert_file = "cut.pem", .key_file = "server.key" }) }, WEFT_EINVAL, "a certificate in 'cut.pem' cannot be read");
    refused(&(weft_tls_server){ .certs = WEFT_TLS_CERTS({ .cert_file = "server.pem", .key_file = "locked.key" }) }, WEFT_EINVAL, "the key in 'locked.key' is encrypted");
    refused(&(weft_tls_server){ SERVER_CERT, .client_ca_file = "none.pem" }, WEFT_EINVAL, "cannot read 'none.pem'");
    refused(&(weft_tls_server){ SERVER_CERT, .client_required = true }, WEFT_EINVAL, "tls.client_required without client_ca_file");
    refused(&(weft_tls_server){ SERVER_CERT, .protocols = "a,,b" }, WEFT_EINVAL, "protocols \"a,,b\"");
    refused(&(weft_tls_server){ SERVER_CERT, .version_min = 7 }, WEFT_EINVAL, "tls.version_min");
    return 0;
}

TLS_TEST(what_works_but_not_for_long_is_warned_of)
{
    tls_files();
    cert_save("old", cert_make(.name = "old", .now_s = tls_now_s(), .from_days = -30, .to_days = -1), NULL);
    cert_save("soon", cert_make(.name = "soon", .now_s = tls_now_s(), .to_days = 3), NULL);
    WEFT_NEED(weft_file_save("open.key", weft_str_of(tls_server_cert->key_pem), .mode = 0644) == 0);
    world_capture_begin();
    {
        WEFT_LISTENER(l);
        WEFT_CHECK_EQ(weft_listen(&l, "127.0.0.1", 0, .tls = { .certs = WEFT_TLS_CERTS({ .cert_file = "old.pem", .key_file = "old.key" }, { .cert_file = "soon.pem", .key_file = "soon.key" },
            { .cert_file = "server.pem", .key_file = "open.key" }, { .cert_file = "server.pem", .key_file = "server.key" }) }), 0);
    }
    const char *said = world_capture_end();
    WEFT_CHECK(strstr(said, "TLS: the certificate in 'old.pem' expired on 20") != NULL);
    WEFT_CHECK(strstr(said, "TLS: the certificate in 'soon.pem' expires on 20") != NULL);
    WEFT_CHECK(strstr(said, "TLS: all users of this machine may read the key in 'open.key': chmod 600") != NULL);
    WEFT_CHECK(strstr(said, "'server.") == NULL);
    return 0;
}

TLS_TEST(a_client_whose_settings_cannot_be_is_told_so)
{
    tls_files();
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0, .tls = { SERVER_CERT }) == 0);
    weft_conn *c = NULL;
    int port = weft_listener_port(l);
    WEFT_CHECK_EQ(weft_connect(&c, "127.0.0.1", port, .tls = { .ca_file = "none.pem" }), WEFT_EINVAL);
    WEFT_CHECK(tls_says(WEFT_EINVAL, "cannot read 'none.pem'"));
    WEFT_CHECK_EQ(weft_connect(&c, "127.0.0.1", port, .tls = { .cert_file = "server.pem" }), WEFT_EINVAL);
    WEFT_CHECK(tls_says(WEFT_EINVAL, "belong together"));
    WEFT_CHECK_EQ(weft_connect(&c, "127.0.0.1", port, .tls = { .unverified = true, .ca_file = "ca.pem" }), WEFT_EINVAL);
    WEFT_CHECK(c == NULL);
    return 0;
}

/* ---- reading certificates again ---- */

TLS_TEST(certificates_are_read_again_and_a_fault_leaves_the_old_ones)
{
    ends e;
    weft_str line;
    tls_files();
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0, .tls = { SERVER_CERT }) == 0);
    const weft_tls_server server = { SERVER_CERT };
    tls_meet(&e, .server = server, CLIENT(.ca_file = "ca.pem"));
    cert_save("server", cert_make(.name = "second", .alt = "IP:127.0.0.1", .by = tls_ca, .now_s = tls_now_s()), NULL);
    world_capture_begin();
    int good = weft_tls_reload();
    cert_put("server.key", "nonsense");
    int bad_one = weft_tls_reload();
    const char *said = world_capture_end();
    WEFT_CHECK_EQ(good, 0);
    WEFT_CHECK_EQ(bad_one, WEFT_EINVAL);
    WEFT_CHECK(tls_says(WEFT_EINVAL, "TLS: what was there stays: 'server.key' holds no key"));
    WEFT_CHECK(strstr(said, "TLS: the certificates there are stay: 'server.key' holds no key in PEM") != NULL);
    WEFT_NEED(e.here && e.there);
    /* The connection that there is goes on, and those that come get the second certificate. */
    WEFT_CHECK_EQ(weft_conn_write(e.here, WEFT_S("still\n")), 0);
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), 1);
    WEFT_SCOPE(s);
    weft_spawn(s, greet, &l);
    WEFT_CONN(c);
    weft_tls_peer peer = { 0 };
    WEFT_NEED(weft_connect(&c, "127.0.0.1", weft_listener_port(l), .tls = { .ca_file = "ca.pem" }) == 0);
    WEFT_CHECK_EQ(weft_conn_tls(c, &peer), 1);
    WEFT_CHECK_STR(peer.subject, "CN=second");
    WEFT_CHECK_EQ(weft_join(s), 0);
    tls_part(&e);
    return 0;
}

/* ---- certificates made on the spot ---- */

EPOLL_TEST(a_certificate_made_on_the_spot_is_good_for_its_names)
{
    weft_tls_made made;
    ends e;
    WEFT_NEED(weft_tls_self_signed(&made, "localhost, 127.0.0.1, ::1, *.test", 30) == 0);
    tls_meet(&e, SERVER(.certs = WEFT_TLS_CERTS({ .cert_pem = weft_str_of(made.cert), .key_pem = weft_str_of(made.key) })), CLIENT(.unverified = true));
    WEFT_CHECK_EQ(e.here_rc, 1);
    tls_part(&e);
    WEFT_CHECK_EQ(weft_tls_self_signed(&made, "", 30), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_tls_self_signed(&made, "a,,b", 30), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_tls_self_signed(&made, "a b", 30), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_tls_self_signed(&made, "a", 0), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_tls_self_signed(&made, "a", 826), WEFT_EINVAL);
    return 0;
}
