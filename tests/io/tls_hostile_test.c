/* TLS with peers that are none, that lie, that leave, and with calls that fail. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "base/poison.h"
#include "io/tls_world.h"
#include "task/loop.h"

/* ---- who does not speak TLS ---- */

static int talk_plain(weft_listener *const *l)
{
    WEFT_CONN(c);
    weft_str got;
    WEFT_TRY(weft_accept(*l, &c));
    (void)!weft_conn_read(c, &got);
    return weft_conn_write(c, WEFT_S("HTTP/1.1 400 Bad Request\r\n\r\n"));
}

TLS_TEST(a_server_without_tls_is_told_from_one_that_refuses)
{
    weft_conn *c = NULL;
    tls_files();
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    WEFT_SCOPE(s);
    weft_spawn(s, talk_plain, &l);
    WEFT_CHECK_EQ(weft_connect(&c, "127.0.0.1", weft_listener_port(l), .tls = { .ca_file = "ca.pem" }), WEFT_ETLS_NONE);
    WEFT_CHECK(tls_says(WEFT_ETLS_NONE, "the server does not speak TLS on this port"));
    weft_cancel(s);
    (void)!weft_join(s);
    return 0;
}

TLS_TEST(a_client_without_tls_is_refused_by_its_first_byte)
{
    static const char *const said[] = { "GET / HTTP/1.1\r\n\r\n", "\x80\x2e\x01\x00\x02", "\x16\x02\x00\x00\x05hello", "\x15\x03\x03\x00\x02\x02\x28", "\n" };
    tls_files();
    for (size_t i = 0; i < weft_count(said); i++) {
        WEFT_LISTENER(l);
        weft_str got;
        WEFT_CONN(there);
        WEFT_CONN(here);
        WEFT_NEED(weft_listen(&l, "127.0.0.1", 0, .tls = { SERVER_CERT }) == 0);
        WEFT_NEED(weft_connect(&here, "127.0.0.1", weft_listener_port(l)) == 0 && weft_accept(l, &there) == 0);
        WEFT_NEED(weft_conn_write(here, (weft_str){ said[i], i == 1 || i == 2 || i == 3 ? 5 : strlen(said[i]) }) == 0);
        WEFT_CHECK_EQ(weft_conn_read(there, &got), WEFT_ETLS_NONE);
        WEFT_CHECK(tls_says(WEFT_ETLS_NONE, "what came is no TLS"));
    }
    return 0;
}

/* ---- records without data ---- */

/* OpenSSL with bytes in memory, over a plain connection. */
typedef struct raw { SSL_CTX *ctx; SSL *ssl; BIO *in, *out; weft_conn *c; } raw;

static int raw_send(raw *r)
{
    char bytes[16384];
    int rc = 0;
    for (int n; rc == 0 && (n = BIO_read(r->out, bytes, sizeof bytes)) > 0;) rc = weft_conn_write(r->c, (weft_str){ bytes, (size_t)n });
    return rc;
}

static void raw_shake(raw *r)
{
    weft_str got;
    r->ctx = SSL_CTX_new(TLS_client_method());
    r->ssl = SSL_new(r->ctx);
    r->in = BIO_new(BIO_s_mem());
    r->out = BIO_new(BIO_s_mem());
    SSL_set_bio(r->ssl, r->in, r->out);
    SSL_set_connect_state(r->ssl);
    while (SSL_do_handshake(r->ssl) != 1) {
        WEFT_NEED(raw_send(r) == 0 && weft_conn_read(r->c, &got) == 1);
        BIO_write(r->in, got.ptr, (int)got.len);
    }
    WEFT_NEED(raw_send(r) == 0);
}

static void raw_free(raw *r)
{
    SSL_free(r->ssl);
    SSL_CTX_free(r->ctx);
    ERR_clear_error();
}

typedef struct listening { weft_listener *l; size_t came; int rc; } listening;
static int hear_all(listening *const *in)
{
    listening *all = *in;
    weft_str got;
    WEFT_CONN(c);
    WEFT_TRY(weft_accept(all->l, &c));
    while ((all->rc = weft_conn_read(c, &got)) > 0) all->came += got.len;
    WEFT_CHECK(all->rc != WEFT_ETLS || tls_says(all->rc, "the peer sends records of TLS without any data, 64 in a row"));
    return 0;
}

static void change_keys(int between_data, int times, listening *all)
{
    tls_files();
    WEFT_LISTENER(l);
    WEFT_CONN(c);
    raw r = { 0 };
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0, .conn = { .read_ms = 5000 }, .tls = { SERVER_CERT }) == 0);
    *all = (listening){ .l = l };
    WEFT_SCOPE(s);
    weft_spawn(s, hear_all, (&(listening *const){ all }));
    WEFT_NEED(weft_connect(&c, "127.0.0.1", weft_listener_port(l), .read_ms = 5000) == 0);
    r.c = c;
    raw_shake(&r);
    for (int i = 1; i <= times; i++) {
        SSL_key_update(r.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
        (void)SSL_do_handshake(r.ssl);
        if (i % between_data == 0) SSL_write(r.ssl, "x", 1);
    }
    (void)SSL_shutdown(r.ssl);
    (void)raw_send(&r);
    (void)!weft_join(s);
    raw_free(&r);
}

TLS_TEST(records_that_hold_nothing_are_borne_a_while_and_then_end_the_connection)
{
    listening all;
    change_keys(10, 200, &all);
    WEFT_CHECK_EQ(all.rc, 0);
    WEFT_CHECK_EQ(all.came, 20);
    change_keys(1000, 200, &all);
    WEFT_CHECK_EQ(all.rc, WEFT_ETLS);
    return 0;
}

/* Bytes that are encrypted and were not told of are no hindrance to who only asks. */
TLS_TEST(who_the_peer_is_can_be_asked_behind_a_write_that_was_given_up)
{
    enum { N = 8 << 20 };
    ends e;
    tls_files();
    tls_meet_well(&e);
    char *all = calloc(1, N);
    {
        WEFT_SCOPE(s, .timeout_ms = 30);
        WEFT_CHECK_EQ(weft_conn_write(e.here, (weft_str){ all, N }), WEFT_ETIMEDOUT);
    }
    weft_str got;
    for (int i = 0; i < 200; i++) {
        WEFT_SCOPE(s, .timeout_ms = 20);
        if (weft_conn_read(e.there, &got) <= 0) break;
    }
    weft_tls_peer peer;
    WEFT_CHECK_EQ(weft_conn_tls(e.here, &peer), 1);
    free(all);
    tls_part(&e);
    return 0;
}

/* ---- who takes nothing and sends what is no record ---- */

typedef struct given { weft_conn *c; int rc; } given;
static int give_much(given *const *in)
{
    enum { N = 8 << 20 };
    char *all = calloc(1, N);
    WEFT_SCOPE(s, .timeout_ms = 300);
    (*in)->rc = weft_conn_write((*in)->c, (weft_str){ all, N });
    free(all);
    return 0;
}

/* Its reading has failed, and there is no room yet for what goes: whoever writes waits for that, and others go on meanwhile. */
TLS_TEST(whoever_writes_to_a_peer_that_lies_and_takes_nothing_waits_for_room)
{
    weft_str got;
    ends e;
    tls_files();
    tls_meet_well(&e);
    given g = { .c = e.here };
    WEFT_SCOPE(s);
    weft_spawn(s, give_much, (&(given *const){ &g }));
    WEFT_CHECK_EQ(weft_sleep_ms(20), 0);
    WEFT_CHECK(!e.here->stream.may_write);
    weft__os *os = world_now.os;
    static const char lie[] = "\x17\x03\x03\0\x20 these are not the bytes of it..";
    for (size_t i = 0; i < 37; i++) WEFT_CHECK_EQ(os->ops->send(os, e.there->stream.fd, &(struct iovec){ (char *)lie + i, 1 }, 1), 1);
    WEFT_CHECK_EQ(weft_conn_read(e.here, &got), WEFT_ETLS);
    WEFT_CHECK(!e.here->stream.may_write);
    WEFT_CHECK_EQ(weft_sleep_ms(20), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(g.rc, WEFT_ETIMEDOUT);
    tls_part(&e);
    return 0;
}

/* ---- bytes that somebody between takes or changes ---- */

/* Passes bytes between a client and a server, until `left` have gone in the direction that counts; then closes both, or
 * changes the byte. The bytes that went are counted. */
typedef struct middle { int port; weft_listener *l; bool to_server, changes; size_t at, went[2]; } middle;
typedef struct passing { middle *m; weft_conn *from, *to; bool to_server; } passing;

static int pass_on(const passing *p)
{
    char bytes[4096];
    middle *m = p->m;
    size_t *went = &m->went[p->to_server];
    int64_t n;
    bool cut = false;
    while (!cut && (n = weft_conn_read_into(p->from, bytes, sizeof bytes)) > 0) {
        bool counts = p->to_server == m->to_server && *went + (size_t)n > m->at;
        if (counts && m->changes) bytes[m->at - *went] ^= 0x20;
        cut = counts && !m->changes;
        if (cut) n = (int64_t)(m->at - *went);
        if (counts) m->at = SIZE_MAX;
        *went += (size_t)n;
        if (n && weft_conn_write(p->to, (weft_str){ bytes, (size_t)n }) < 0) break;
    }
    if (!cut && n == 0 && weft_conn_end(p->to) == 0) return 0;
    weft_conn_close(p->to);
    weft_conn_close(p->from);
    return 0;
}

static int stand_between(middle *const *in)
{
    middle *m = *in;
    WEFT_CONN(client);
    WEFT_CONN(server);
    WEFT_TRY(weft_accept(m->l, &client));
    WEFT_TRY(weft_connect(&server, "127.0.0.1", m->port));
    WEFT_SCOPE(s);
    weft_spawn(s, pass_on, (&(passing){ m, client, server, true }));
    weft_spawn(s, pass_on, (&(passing){ m, server, client, false }));
    return weft_join(s);
}

typedef struct hearing { weft_listener *l; int rc; size_t got; char says[512]; } hearing;

/* What the server makes of it: one line, which it answers, and the end. */
static int hear(hearing *const *in)
{
    hearing *h = *in;
    WEFT_CONN(c);
    weft_str line;
    WEFT_TRY(weft_accept(h->l, &c));
    h->rc = weft_conn_line(c, &line);
    if (h->rc == 1) h->rc = weft_conn_write(c, WEFT_S("answer\n"));
    if (h->rc == 0) h->rc = weft_conn_line(c, &line);
    if (h->rc < 0) snprintf(h->says, sizeof h->says, "%s", weft_error_of(h->rc)->text);
    return 0;
}

/* What became of the client: 1 when it has heard the whole answer and its end. */
static int ask(int port)
{
    WEFT_CONN(c);
    weft_str line;
    int rc = weft_connect(&c, "127.0.0.1", port, .read_ms = 20000, .tls = { .ca_file = "ca.pem" });
    if (rc == 0) rc = weft_conn_write(c, WEFT_S("question\n"));
    if (rc == 0) rc = weft_conn_line(c, &line);
    if (rc == 1) rc = weft_conn_end(c);
    if (rc == 0) rc = weft_conn_line(c, &line);
    return rc == 0 ? 1 : rc;
}

static int talk_through(middle *m, hearing *h)
{
    WEFT_LISTENER(server);
    WEFT_LISTENER(between);
    m->went[0] = m->went[1] = 0;
    WEFT_NEED(weft_listen(&server, "127.0.0.1", 0, .conn = { .read_ms = 20000 }, .tls = { SERVER_CERT }) == 0);
    WEFT_NEED(weft_listen(&between, "127.0.0.1", 0) == 0);
    m->port = weft_listener_port(server);
    m->l = between;
    *h = (hearing){ .l = server };
    WEFT_SCOPE(s);
    weft_spawn(s, stand_between, &m);
    weft_spawn(s, hear, &h);
    int rc = ask(weft_listener_port(between));
    weft_listener_close(server);
    (void)!weft_join(s);
    return rc;
}

static bool is_cut(int rc) { return rc == WEFT_ETLS_CUT || rc == WEFT_ECONNRESET || rc == WEFT_ECLOSED; }

/* In a soak at each byte. */
static size_t step_of(size_t usual)
{
    const char *soak = getenv("WEFT_SOAK");
    return soak && *soak && *soak != '0' ? 1 : usual;
}

TLS_CALM_TEST(a_conversation_cut_anywhere_is_never_whole)
{
    tls_files();
    middle m = { .at = SIZE_MAX };
    hearing h;
    WEFT_CHECK_EQ(talk_through(&m, &h), 1);
    WEFT_CHECK_EQ(h.rc, 0);
    size_t total[2] = { m.went[0], m.went[1] };
    WEFT_CHECK(total[0] > 1000 && total[1] > 300);
    for (int to_server = 0; to_server < 2; to_server++) {
        for (size_t at = 0; at + 80 < total[to_server]; at += step_of(61)) {
            m = (middle){ .to_server = to_server, .at = at };
            int rc = talk_through(&m, &h);
            if (!is_cut(rc)) weft__check_fail(__FILE__, __LINE__, "cut at %zu to %s: the client got %d: %s", at, to_server ? "server" : "client", rc, weft_error_of(rc)->text);
            if (!is_cut(h.rc)) weft__check_fail(__FILE__, __LINE__, "cut at %zu to %s: the server got %d: %s", at, to_server ? "server" : "client", h.rc, h.says);
        }
    }
    return 0;
}

TLS_CALM_TEST(a_byte_that_somebody_changed_never_passes_for_what_was_said)
{
    tls_files();
    middle m = { .at = SIZE_MAX };
    hearing h;
    WEFT_CHECK_EQ(talk_through(&m, &h), 1);
    size_t total[2] = { m.went[0], m.went[1] };
    for (int to_server = 0; to_server < 2; to_server++) {
        for (size_t at = 0; at + 80 < total[to_server]; at += step_of(53)) {
            m = (middle){ .to_server = to_server, .at = at, .changes = true };
            int rc = talk_through(&m, &h);
            /* A few bytes mean nothing (a record's version): all was heard as it was said then. Other than that both fail. */
            if (rc == 1 && h.rc == 0) continue;
            if (rc >= 0 || h.rc >= 0) weft__check_fail(__FILE__, __LINE__, "byte %zu to %s: %d and %d", at, to_server ? "server" : "client", rc, h.rc);
        }
    }
    return 0;
}

/* ---- ends ---- */

TLS_TEST(an_end_that_was_not_said_is_no_end)
{
    ends e;
    weft_str got;
    tls_files();
    tls_meet_well(&e);
    WEFT_CHECK_EQ(weft_conn_write(e.there, WEFT_S("half of it")), 0);
    weft__os *os = world_now.os;
    WEFT_CHECK_EQ(os->ops->shutdown(os, e.there->stream.fd), 0);      /* as whoever stands between would */
    WEFT_CHECK_EQ(weft_conn_exactly(e.here, 10, &got), 1);
    WEFT_CHECK_EQ(weft_conn_read(e.here, &got), WEFT_ECONNRESET);
    WEFT_CHECK(tls_says(WEFT_ECONNRESET, "it ended without the end that TLS asks for, so what came may not be all"));
    tls_part(&e);
    tls_meet_well(&e);
    WEFT_CHECK_EQ(weft_conn_write(e.there, WEFT_S("all of it")), 0);
    weft_conn_close(e.there);
    WEFT_CHECK_EQ(weft_conn_exactly(e.here, 9, &got), 1);
    WEFT_CHECK_EQ(weft_conn_read(e.here, &got), 0);
    tls_part(&e);
    return 0;
}

TLS_TEST(a_read_that_is_given_up_loses_nothing)
{
    ends e;
    weft_str got;
    tls_files();
    tls_meet_well(&e);
    for (int i = 0; i < 3; i++) {
        WEFT_SCOPE(s, .timeout_ms = 3);
        WEFT_CHECK_EQ(weft_conn_read(e.here, &got), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK_EQ(weft_conn_write(e.there, WEFT_S("late\n")), 0);
    WEFT_CHECK_EQ(weft_conn_line(e.here, &got), 1);
    WEFT_CHECK_STR(got, "late");
    tls_part(&e);
    return 0;
}

TLS_TEST(a_peer_that_says_nothing_is_given_up_in_time)
{
    weft_str got;
    weft_conn *c = NULL;
    tls_files();
    WEFT_LISTENER(silent);
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&silent, "127.0.0.1", 0) == 0);
    WEFT_CHECK_EQ(weft_connect(&c, "127.0.0.1", weft_listener_port(silent), .timeout_ms = 30, .tls = { .ca_file = "ca.pem" }), WEFT_ETIMEDOUT);
    WEFT_CHECK(tls_says(WEFT_ETIMEDOUT, "no answer within 30 ms"));
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0, .conn = { .read_ms = 30 }, .tls = { SERVER_CERT }) == 0);
    WEFT_CONN(here);
    WEFT_CONN(there);
    WEFT_NEED(weft_connect(&here, "127.0.0.1", weft_listener_port(l)) == 0 && weft_accept(l, &there) == 0);
    WEFT_CHECK_EQ(weft_conn_read(there, &got), WEFT_ETIMEDOUT);
    return 0;
}

/* ---- what is kept ---- */

/* Half a record costs its own bytes, and an idle connection none of ours. */
TLS_CALM_TEST(an_idle_connection_holds_no_buffers)
{
    ends e;
    weft_str line;
    tls_files();
    tls_meet_well(&e);
    char large[40000];
    memset(large, 'x', sizeof large);
    large[sizeof large - 1] = '\n';
    WEFT_CHECK_EQ(weft_conn_write(e.here, (weft_str){ large, sizeof large }), 0);
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), 1);
    for (int i = 0; i < 2; i++) {
        struct weft__stream *s = i ? &e.here->stream : &e.there->stream;
        char byte;
        (void)weft__stream_try_recv(s, &byte, 1);
        WEFT_CHECK(weft__tls_why(s)[0] == 0);
    }
    tls_part(&e);
    return 0;
}

/* ---- calls that fail ---- */

static int whole(void)
{
    WEFT_LISTENER(l);
    int rc = weft_listen(&l, "127.0.0.1", 0, .tls = { SERVER_CERT });
    if (rc < 0) return rc;
    hearing h = { .l = l }, *at = &h;
    WEFT_SCOPE(s);
    weft_spawn(s, hear, &at);
    rc = ask(weft_listener_port(l));
    weft_listener_close(l);
    weft_cancel(s);
    (void)!weft_join(s);
    return rc;
}

TLS_CALM_TEST(without_memory_anywhere_nothing_is_taken_for_whole_and_nothing_is_lost)
{
    tls_files();
    WEFT_CHECK_EQ(whole(), 1);
    for (long n = 0, failures = 1; failures && n < 500; n++) {
        long before = world_mem.failures;
        world_mem.fail_after = n;
        world_capture_begin();
        int rc = whole();
        world_mem.fail_after = -1;
        (void)world_capture_end();
        failures = world_mem.failures - before;
        if (rc != 1 && rc >= 0) weft__check_fail(__FILE__, __LINE__, "allocation %ld failed: %d", n, rc);
        WEFT_CHECK_EQ(whole(), 1);
    }
    return 0;
}

TLS_CALM_TEST(a_system_call_that_fails_is_told_and_nothing_is_lost)
{
    static const char *const calls[] = { "send", "recv", "connect", "accept", "watch" };
    static const int codes[] = { WEFT_ECONNRESET, -EAGAIN, -EPIPE };
    tls_files();
    for (size_t i = 0; i < weft_count(calls); i++) {
        for (unsigned nth = 1; nth < 14; nth++) {
            for (size_t k = 0; k < weft_count(codes); k++) {
                if (codes[k] == -EAGAIN && i > 1) continue;
                WEFT_CHECK_EQ(weft__sim_fail(world_now.os, calls[i], nth, codes[k]), 0);
                world_capture_begin();
                int rc = whole();
                (void)world_capture_end();
                if (rc != 1 && rc >= 0) weft__check_fail(__FILE__, __LINE__, "%s %u failed with %d: %d", calls[i], nth, codes[k], rc);
                if (codes[k] == -EAGAIN && rc != 1) weft__check_fail(__FILE__, __LINE__, "%s %u had to wait: %d", calls[i], nth, rc);
                for (int left = 0; left < 40 && whole() != 1; left++) continue;
            }
        }
    }
    return 0;
}

/* ---- OpenSSL's own memory ---- */

static long library_calls, library_fails_at = -1;

static bool library_fails(void) { return ++library_calls == library_fails_at; }

static void *library_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return library_fails() ? NULL : malloc(n);
}

static void *library_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return library_fails() ? NULL : realloc(p, n);
}

static void library_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

static int without_library_memory(void)
{
    tls_files();
    WEFT_CHECK_EQ(whole(), 1);                       /* what it keeps for ever is there now */
    long before = library_calls;
    WEFT_CHECK_EQ(whole(), 1);
    long calls = library_calls - before;
    long step = (long)step_of(41);
#ifdef WEFT__ASAN
    if (step == 1) step = 5;                         /* all of them take five minutes there, and one without */
#endif
    for (long n = 1; n <= calls; n += step) {
        library_calls = 0;
        library_fails_at = n;
        world_capture_begin();
        int rc = whole();
        library_fails_at = -1;
        (void)world_capture_end();
        if (rc != 1 && rc >= 0) weft__check_fail(__FILE__, __LINE__, "allocation %ld of %ld failed: %d", n, calls, rc);
        rc = whole();
        if (rc != 1) weft__check_fail(__FILE__, __LINE__, "after allocation %ld of %ld failed: %d, %s", n, calls, rc, weft_error_of(rc)->text);
    }
    return 0;
}

WEFT_TEST(when_openssl_has_no_memory_a_connection_fails_and_the_next_works__sim)
{
    if (!CRYPTO_set_mem_functions(library_malloc, library_realloc, library_free)) WEFT_SKIP("OpenSSL has allocated already");
    tls_calm(weft_call(without_library_memory));
}
