/* Peers of the server under test: the client's side, byte by byte. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/server_world.h"

enum { PIECE = 16 * 1024 };

static int64_t patience_end(void)
{
    return weft__loop_clock(server_loop) + server_patience_ms() * 1000000;
}

const char *server_alpn;

static int speak_tls(peer *p)
{
    weft__tls_client *client;
    char text[WEFT__TLS_WHY];
    const char *why;
    int rc = weft__tls_client_of(server_loop, &(weft_tls_client){ .unverified = true }, server_alpn, &client, text);
    if (rc == 0) return weft__tls_connect(&p->stream, client, "127.0.0.1", NULL, patience_end(), &why);
    weft__stream_close(&p->stream);
    return rc;
}

static peer *connected(const served *s)
{
    weft__addr at;
    peer *p = calloc(1, sizeof *p);
    const char *host = s->opts.host ? s->opts.host : "127.0.0.1";
    WEFT_NEED(weft__addr_parse(weft_str_of(host), s->port, &at) == 0);
    p->rc = weft__stream_connect(&p->stream, server_loop, &at, patience_end());
    p->got = calloc(1, p->room = PIECE);
    return p;
}

peer *peer_open(const served *s)
{
    peer *p = connected(s);
    if (p->rc == 0 && server_tls) p->rc = speak_tls(p);
    if (p->rc < 0) p->stream.fd = -1;
    return p;
}

peer *peer_open_behind(const served *s, const void *before, size_t n, bool apart)
{
    peer *p = connected(s);
    for (size_t i = 0; p->rc == 0 && i < n; i += apart ? 1 : n) {
        p->rc = peer_send_blindly(p, (const char *)before + i, apart ? 1 : n);
        if (apart) server_settle();
    }
    if (p->rc == 0) p->rc = speak_tls(p);
    if (p->rc < 0) p->stream.fd = -1;
    return p;
}

void peer_close(peer *p)
{
    weft__stream_close(&p->stream);
    free(p->got);
    free(p);
}

int peer_send_blindly(peer *p, const void *bytes, size_t n)
{
    struct iovec v = { (void *)bytes, n };
    return n ? weft__stream_send(&p->stream, &v, 1, server_patience_ms() * 1000000) : 0;
}

/* With small windows, who only writes may wait for one who waits for them to read. */
int peer_send(peer *p, const void *bytes, size_t n)
{
    int64_t end = server_ms() + server_patience_ms();
    for (size_t at = 0; at < n && server_ms() < end;) {
        struct iovec v = { (char *)bytes + at, n - at };
        ssize_t went = weft__stream_try_send(&p->stream, &v, 1);
        if (went < 0) return (int)went;
        at += (size_t)went;
        if (at == n) return 0;
        if (!peer_more(p, 1) && (p->ended || p->rc < 0)) server_sleep(1);
    }
    return n ? WEFT_ETIMEDOUT : 0;
}

void peer_say(peer *p, const char *text) { WEFT_CHECK_EQ(peer_send(p, text, strlen(text)), 0); }

void peer_say_end(peer *p, const char *text)
{
    peer_say(p, text);
    WEFT_CHECK_EQ(weft__stream_shutdown(&p->stream), 0);
}

bool peer_more(peer *p, int ms)
{
    if (p->ended || p->rc < 0) return false;
    if (p->have + PIECE + 1 > p->room) p->got = realloc(p->got, p->room = 2 * p->room + PIECE);
    ssize_t n = weft__stream_recv(
        &p->stream, p->got + p->have, PIECE, weft__loop_clock(server_loop) + (int64_t)ms * 1000000);
    if (n == WEFT_ETIMEDOUT) return false;
    if (n <= 0) {
        p->ended = n == 0;
        p->rc = (int)n;
        return false;
    }
    p->have += (size_t)n;
    p->got[p->have] = 0;
    return true;
}

weft_str answer_header(const answer *a, const char *name)
{
    char line[64];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    char *at = memmem(a->head.ptr, a->head.len, line, strlen(line));
    if (!at) return (weft_str){ "", 0 };
    at += strlen(line);
    return (weft_str){ at, (size_t)(strstr(at, "\r\n") - at) };
}

static bool next_answer(peer *p, answer *a, bool to_head)
{
    char *end;
    *a = (answer){ 0 };
    while (!(end = strstr(p->got + p->at, "\r\n\r\n")))
        if (!peer_more(p, (int)server_patience_ms())) return false;
    size_t head = (size_t)(end - p->got) + 4 - p->at;
    a->head = (weft_str){ p->got + p->at, head };
    size_t length = strtoul(answer_header(a, "Content-Length").ptr, NULL, 10);
    if (to_head) length = 0;
    while (p->have - p->at < head + length)
        if (!peer_more(p, (int)server_patience_ms())) return false;
    a->head = (weft_str){ p->got + p->at, head };
    a->body = (weft_str){ p->got + p->at + head, length };
    if (sscanf(a->head.ptr, "HTTP/1.1 %d ", &a->status) != 1) return false;
    p->at += head + length;
    return true;
}

bool peer_answer(peer *p, answer *a) { return next_answer(p, a, false); }
bool peer_answer_to_head(peer *p, answer *a) { return next_answer(p, a, true); }

static void mask_dates(char *text)
{
    char *to = text, *at = text;
    for (char *date; (date = strstr(at, "\r\nDate: ")); at = date + 8 + 29) {
        size_t n = (size_t)(date - at) + 8;
        memmove(to, at, n);
        to += n;
        *to++ = '#';
    }
    memmove(to, at, strlen(at) + 1);
}

const char *peer_rest(peer *p)
{
    static char text[64 * 1024];
    while (peer_more(p, (int)server_patience_ms())) continue;
    snprintf(text, sizeof text, "%s", p->got + p->at);
    mask_dates(text);
    return text;
}

int ask(const served *s, const char *request, const char **body)
{
    static char text[1024];
    answer a;
    peer *p = peer_open(s);
    int status = 0;
    text[0] = 0;
    if (p->rc == 0 && peer_send(p, request, strlen(request)) == 0 && peer_answer(p, &a)) {
        status = a.status;
        snprintf(text, sizeof text, "%.*s", WEFT_FMT(a.body));
    }
    peer_close(p);
    if (body) *body = text;
    return status;
}
