#include "http/front.h"
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "wire/forwarded.h"
#include "wire/proxy.h"

enum { LAG_MS = 50, SHED_MORE = 128, SHED_LESS = 48, SHED_MOST = 1024 - 32, PLACES_LEAST = 64, V6_BYTES = 8 };

/* ---- addresses ---- */

static weft__ip ip_of(const weft__peer *p)
{
    weft__ip ip = { .family = p->family == AF_INET ? WEFT__IP_4 : p->family == AF_INET6 ? WEFT__IP_6 : WEFT__IP_NONE };
    if (ip.family) memcpy(ip.bytes, p->bytes, sizeof ip.bytes);
    return weft__ip_plain(ip);
}

static weft__peer peer_of(const weft__ip *ip)
{
    weft__peer p = { .family = ip->family == WEFT__IP_4 ? AF_INET : ip->family == WEFT__IP_6 ? AF_INET6 : AF_UNIX };
    memcpy(p.bytes, ip->bytes, ip->family == WEFT__IP_4 ? 4 : ip->family == WEFT__IP_6 ? 16 : 0);
    return p;
}

static bool is_trusted(const weft__front *f, const weft__peer *p)
{
    weft__ip ip = ip_of(p);
    return weft__networks_have(f->trusted, f->trusted_count, &ip);
}

/* Of IPv6 the first half, which is what one customer has. Keyed, so that nobody chooses who shares his place. Never 0. */
static uint64_t key_of(const weft__front *f, const weft__peer *p)
{
    size_t n = p->family == AF_INET ? 4 : V6_BYTES;
    uint64_t h = f->seed ^ p->family, word = 0;
    memcpy(&word, p->bytes, n);
    for (int i = 0; i < 3; i++) {
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
        word = f->seed >> 17;
    }
    return h ? h : 1;
}

static weft__address_count *place_of(const weft__front *f, uint64_t key)
{
    uint32_t i = (uint32_t)key & (f->places - 1);
    while (f->addresses[i].key && f->addresses[i].key != key) i = (i + 1) & (f->places - 1);
    return &f->addresses[i];
}

/* Those behind the one that goes move up to where they are looked for. */
static void forget(const weft__front *f, uint32_t hole)
{
    uint32_t mask = f->places - 1;
    for (uint32_t i = (hole + 1) & mask; f->addresses[i].key; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)f->addresses[i].key & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        f->addresses[hole] = f->addresses[i];
        hole = i;
    }
    f->addresses[hole] = (weft__address_count){ 0 };
}

static bool is_counted(const weft__front *f, const connection *c)
{
    bool has_address = c->peer.family == AF_INET || c->peer.family == AF_INET6;
    return f->addresses && has_address && !is_trusted(f, &c->peer);
}

static bool count_in(weft__front *f, connection *c)
{
    if (!is_counted(f, c)) return true;
    weft__address_count *a = place_of(f, key_of(f, &c->peer));
    if (a->count >= (uint32_t)f->server->opts.connections_per_address_max) return false;
    a->key = key_of(f, &c->peer);
    a->count++;
    c->counted = true;
    return true;
}

bool weft__front_has_proxy(const weft__front *f, const weft__peer *p) { return f->server->opts.proxy_protocol && is_trusted(f, p); }

bool weft__front_came(weft__front *f, connection *c) { return count_in(f, c); }

void weft__front_left(weft__front *f, connection *c)
{
    if (!c->counted) return;
    weft__address_count *a = place_of(f, key_of(f, &c->peer));
    c->counted = false;
    if (a->key && --a->count == 0) forget(f, (uint32_t)(a - f->addresses));
}

/* ---- what proxies say ---- */

int weft__front_take_proxy(weft__front *f, connection *c)
{
    weft__proxied p;
    inbuf *in = c->in;
    int n = weft__proxy_parse(in->bytes + in->at, in->have - in->at, &p);
    if (n <= 0) return n;
    in->at += (size_t)n;
    c->proxied = false;
    if (!p.client.family) return 1;
    weft__front_left(f, c);
    c->peer = peer_of(&p.client);
    return count_in(f, c) ? 1 : WEFT_ELIMIT;
}

void weft__front_forwarded(const weft__front *f, struct request *r)
{
    weft__ip peer = ip_of(&r->c->peer);
    if (!weft__networks_have(f->trusted, f->trusted_count, &peer)) return;
    weft__forwarded told = weft__forwarded_read(r->x.head, peer, f->trusted, f->trusted_count, f->server->opts.forwarded);
    if (told.told) {
        r->peer = peer_of(&told.client);
        r->has_peer = true;
    }
    if (told.https || told.http) r->x.forwarded_scheme = told.https ? "https" : "http";
    if (told.host.len) ((weft__http_head *)(uintptr_t)r->x.head)->host = told.host;       /* the server's own, of either version */
}

/* ---- too much to do ---- */

/* How late the loop is, and by that how many requests are left undone: more at each look that is late, fewer at each that is not. That other timers come before this one makes nobody else wait. */
static void lag_timer(weft__timer *t)
{
    weft__front *f = (weft__front *)((char *)t - offsetof(weft__front, timer));
    weft__loop *loop = f->server->loop;
    int64_t now = weft__loop_clock(loop), late = now - f->due_ns, turn_ns = weft__loop_turn_ns(loop);
    if (late > turn_ns) late = turn_ns;
    bool too_late = late > f->server->opts.shed_lag_ms * INT64_C(1000000);
    if (too_late) f->shed_of_1024 = f->shed_of_1024 + SHED_MORE > SHED_MOST ? SHED_MOST : f->shed_of_1024 + SHED_MORE;
    else f->shed_of_1024 = f->shed_of_1024 > SHED_LESS ? f->shed_of_1024 - SHED_LESS : 0;
    f->due_ns = now + LAG_MS * INT64_C(1000000);
    (void)weft__timer_start(loop, &f->timer, f->due_ns);
}

const char *weft__front_refuses(weft__front *f)
{
    const weft_serve_opts *o = &f->server->opts;
    if (o->concurrency_max && f->running >= (unsigned)o->concurrency_max) return "the server works on concurrency_max requests already";
    if (!f->shed_of_1024) return NULL;
    weft__os *os = weft__loop_os(f->server->loop);
    return os->ops->random(os) % 1024 < f->shed_of_1024 ? "the server is behind by shed_lag_ms and more" : NULL;
}

/* ---- life ---- */

static int read_networks(weft__front *f, const char *list, char *why)
{
    weft_str wrong = { "", 0 };
    int n = weft__networks_parse(weft_str_of(list), f->trusted, &wrong);
    if (n == WEFT_ELIMIT) snprintf(why, 256, "trusted_proxies has more than %d networks", WEFT__NETWORKS_MAX);
    else if (n < 0) snprintf(why, 256, "trusted_proxies: '%.*s' is no network; expected some like \"10.0.0.0/8, 2001:db8::1, unix\"", WEFT_FMT(wrong));
    f->trusted_count = n < 0 ? 0 : n;
    return n < 0 ? WEFT_EINVAL : 0;
}

static int open_parts(weft__front *f, char *why)
{
    const weft_serve_opts *o = &f->server->opts;
    weft__os *os = weft__loop_os(f->server->loop);
    int rc = read_networks(f, o->trusted_proxies, why);
    if (rc < 0) return rc;
    f->seed = os->ops->random(os);
    for (f->places = PLACES_LEAST; f->places < 2 * (uint64_t)o->connections_max && f->places < 1u << 30;) f->places *= 2;
    if (o->connections_per_address_max && !(f->addresses = weft__calloc(f->places * sizeof *f->addresses))) return WEFT_ENOMEM;
    if (!o->shed_lag_ms) return 0;
    f->timer.fire = lag_timer;
    f->due_ns = weft__loop_clock(f->server->loop) + LAG_MS * INT64_C(1000000);
    return weft__timer_start(f->server->loop, &f->timer, f->due_ns);
}

int weft__front_check(const weft_serve_opts *o, char *why)
{
    weft__front f = { .trusted_count = 0 };
    if (!o->proxy_protocol || weft_str_of(o->trusted_proxies).len) return read_networks(&f, o->trusted_proxies, why);
    snprintf(why, 256, "proxy_protocol without trusted_proxies: nobody is believed to be a proxy");
    return WEFT_EINVAL;
}

int weft__front_open(weft__server *s, char *why)
{
    const weft_serve_opts *o = &s->opts;
    if (!o->trusted_proxies && !o->proxy_protocol && !o->connections_per_address_max && !o->concurrency_max && !o->shed_lag_ms) return 0;
    if (weft__front_check(o, why) < 0) return WEFT_EINVAL;
    s->front = weft__calloc(sizeof *s->front);
    if (s->front) s->front->server = s;
    int rc = s->front ? open_parts(s->front, why) : WEFT_ENOMEM;
    if (rc == WEFT_ENOMEM) snprintf(why, 256, "no memory for a server");
    return rc;
}

void weft__front_close(weft__server *s)
{
    if (!s->front) return;
    weft__timer_stop(s->loop, &s->front->timer);
    weft__free(s->front->addresses);
    weft__free(s->front);
    s->front = NULL;
}
