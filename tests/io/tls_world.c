#include "io/tls_world.h"

const made_cert *tls_ca, *tls_server_cert;

int64_t tls_now_s(void)
{
    weft__os *os = world_now.os;
    return os->ops->wall_us(os) / 1000000;
}

void tls_epoll(weft_call body) { file_epoll(body); }
void tls_calm(weft_call body) { file_sim_with(&(weft__sim_opts){ .wall_us = CERTS_NOW * 1000000 }, body); }

void tls_sim(weft_call body)
{
    tls_calm(body);
    for (uint64_t seed = 1; seed <= 4; seed++)
        file_sim_with(&(weft__sim_opts){ .seed = seed, .wall_us = CERTS_NOW * 1000000, .short_io_percent = (unsigned)(seed % 4 * 30),
            .delay_max_ns = seed % 3 ? 400 * 1000 : 0, .window = seed % 2 ? 0 : 700 }, body);
}

void tls_files(void)
{
    tls_ca = cert_make(.name = "Test CA", .ca = true, .now_s = tls_now_s());
    tls_server_cert = cert_make(.name = "server.example", .alt = "DNS:server.example,DNS:*.server.example,IP:127.0.0.1", .by = tls_ca, .now_s = tls_now_s());
    cert_save("server", tls_server_cert, NULL);
    cert_put("ca.pem", tls_ca->pem);
}

typedef struct serving { weft_listener *l; ends *e; bool silent; } serving;

/* Who could not connect does not come. */
static int take(const serving *in)
{
    WEFT_SCOPE(patience, .timeout_ms = 3000);
    return weft_accept(in->l, &in->e->there);
}

static int serve_one(const serving *in)
{
    ends *e = in->e;
    int rc = take(in);
    if (rc < 0) return rc;
    if (in->silent) return 0;
    e->there_rc = weft_conn_tls(e->there, &e->there_peer);
    if (e->there_rc >= 0) return 0;
    snprintf(e->there_says, sizeof e->there_says, "%s", weft_error_of(e->there_rc)->text);
    weft_conn_close(e->there);
    return 0;
}

void tls_meet_with(ends *e, const meet_opts *o)
{
    *e = (ends){ .here = NULL };
    WEFT_LISTENER(l);
    int rc = weft_listen(&l, "127.0.0.1", 0, .conn = { .read_ms = 5000 }, .tls = o->server);
    if (rc < 0) fprintf(stderr, "  %s\n", weft_error_of(rc)->text);
    WEFT_NEED(rc == 0);
    WEFT_SCOPE(s);
    serving in = { l, e, o->silent };
    weft_task *accepting = weft_spawn(s, serve_one, &in);
    e->here_rc = weft_connect(&e->here, o->host ? o->host : "127.0.0.1", weft_listener_port(l), .read_ms = 5000, .tls = o->client);
    if (e->here_rc == 0) e->here_rc = weft_conn_tls(e->here, &e->here_peer);
    WEFT_CHECK_EQ(weft_await(accepting), 0);
}

void tls_meet_well(ends *e)
{
    tls_meet(e, SERVER(SERVER_CERT), CLIENT(.ca_file = "ca.pem", .name = "server.example"));
    if (e->here_rc < 0) fprintf(stderr, "  here: %s\n", weft_error_of(e->here_rc)->text);
    WEFT_NEED(e->here_rc == 1 && e->there_rc == 1);
}

void tls_part(ends *e)
{
    weft_conn_free(e->here);
    weft_conn_free(e->there);
    *e = (ends){ .here = NULL };
}

bool tls_says(int rc, const char *words)
{
    bool found = strstr(weft_error_of(rc)->text, words) != NULL;
    if (!found) fprintf(stderr, "  the text is: %s\n", weft_error_of(rc)->text);
    return found;
}

bool tls_there_says(const ends *e, const char *words)
{
    bool found = strstr(e->there_says, words) != NULL;
    if (!found) fprintf(stderr, "  the text there is: %s\n", e->there_says);
    return found;
}

void tls_settle(void)
{
    WEFT_SCOPE(s, .shield = true);
    WEFT_CHECK_EQ(weft_sleep_ms(world_now.virtual_time ? 2500 : 20), 0);
}
