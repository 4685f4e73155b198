#include <netdb.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "os/sim_world.h"

/* What the program holds as a weft__resolve. */
struct weft__sim_resolve {
    weft__sim_resolve *next;
    uint64_t serial;
    void *cookie;
    bool ended, told;
    int port, result;
    const char *why;
    weft__addr addrs[WEFT__ADDRS_MAX];
    char host[WEFT__HOST_MAX + 1];
};

int weft__sim_name(weft__os *sim, const char *host, const char *address)
{
    weft__sim *s = weft__sim_of(sim);
    weft__addr addr;
    size_t n = strlen(host);
    if (!n || n > WEFT__HOST_MAX || weft__addr_parse(weft_str_of(address), 0, &addr) < 0) return WEFT_EINVAL;
    if (s->hosts_count == WEFT__SIM_NAMES_MAX) return WEFT_ELIMIT;
    if (s->hosts_count == s->hosts_room) {
        int room = s->hosts_room ? s->hosts_room * 2 : 8;
        weft__sim_host *hosts = weft__realloc(s->hosts, (size_t)room * sizeof *hosts);
        if (!hosts) return WEFT_ENOMEM;
        s->hosts = hosts;
        s->hosts_room = room;
    }
    weft__sim_host *h = &s->hosts[s->hosts_count++];
    *h = (weft__sim_host){ .addr = addr };
    memcpy(h->name, host, n);
    return 0;
}

static void add(weft__sim_resolve *one, weft__addr addr)
{
    if (one->result == WEFT__ADDRS_MAX) return;
    weft__addr_set_port(&addr, one->port);
    one->addrs[one->result++] = addr;
}

/* As most machines have it: IPv6 first, whether or not anybody listens there. */
static void add_localhost(weft__sim_resolve *one)
{
    weft__addr a;
    weft__addr_parse(WEFT_S("::1"), 0, &a);
    add(one, a);
    weft__addr_parse(WEFT_S("127.0.0.1"), 0, &a);
    add(one, a);
}

static void look_up(weft__sim *s, weft__sim_resolve *one)
{
    for (int i = 0; i < s->hosts_count; i++)
        if (!strcasecmp(s->hosts[i].name, one->host)) add(one, s->hosts[i].addr);
    if (!one->result && !strcasecmp(one->host, "localhost")) add_localhost(one);
    if (one->result) return;
    one->result = WEFT_EDNS;
    one->why = gai_strerror(EAI_NONAME);
}

static int waiting(const weft__sim *s)
{
    int n = 0;
    for (const weft__sim_resolve *one = s->resolves; one; one = one->next) n += !one->ended;
    return n;
}

/* What is clear before anything is looked up; one->result says. */
static void settle(weft__sim *s, weft__sim_resolve *one, const char *host)
{
    size_t n = strnlen(host, sizeof one->host);
    one->result = weft__sim_fault(s, WEFT__SIM_OP_RESOLVE);
    one->why = "failed on request";
    if (one->result) return;
    one->result = weft__resolve_at_once(host, n, one->port, &one->addrs[0], &one->why);
    if (one->result) return;
    memcpy(one->host, host, n);
    if (waiting(s) < WEFT__RESOLVES_MAX) return;
    one->result = WEFT_ELIMIT;
    one->why = "1024 names are waiting to be resolved already";
}

weft__resolve *weft__sim_resolve_start(weft__os *os, const char *host, int port, void *cookie)
{
    weft__sim *s = weft__sim_of(os);
    if (!weft__sim_queue_reserve(&s->queue, 1)) return NULL;
    weft__sim_resolve *one = weft__calloc(sizeof *one), **at = &s->resolves;
    if (!one) return NULL;
    one->serial = ++s->serial;
    one->cookie = cookie;
    one->port = port;
    settle(s, one, host);
    one->ended = one->result != 0;
    if (!one->ended) weft__sim_later(s, WEFT__SIM_RESOLVED, s->opts.resolve_ns, 0, one->serial);
    while (*at) at = &(*at)->next;
    *at = one;
    weft__sim_note(s, WEFT__SIM_OP_RESOLVE, (int64_t)one->serial, one->result);
    return (weft__resolve *)one;
}

void weft__sim_on_resolved(weft__sim *s, uint64_t serial)
{
    weft__sim_resolve *one = s->resolves;
    while (one && one->serial != serial) one = one->next;
    if (!one) return;
    look_up(s, one);
    one->ended = true;
}

int weft__sim_resolves_told(weft__sim *s, weft__event *events, int max)
{
    int n = 0;
    for (weft__sim_resolve *one = s->resolves; one && n < max; one = one->next) {
        if (!one->ended || one->told) continue;
        one->told = true;
        weft__sim_note(s, WEFT__SIM_OP_RESOLVED, (int64_t)one->serial, one->result);
        events[n++] = (weft__event){ one->cookie, WEFT__IN };
    }
    return n;
}

int weft__sim_resolve_result(weft__resolve *r, weft__addr *out, int max, const char **why)
{
    const weft__sim_resolve *one = (const weft__sim_resolve *)r;
    if (!one->told) return WEFT_EBUSY;
    if (why) *why = one->why;
    if (one->result < 0) return one->result;
    int n = one->result < max ? one->result : max;
    memcpy(out, one->addrs, (size_t)n * sizeof *out);
    return n;
}

void weft__sim_resolve_end(weft__os *os, weft__resolve *r)
{
    weft__sim_resolve *one = (weft__sim_resolve *)r, **at = &weft__sim_of(os)->resolves;
    if (!one) return;
    while (*at != one) at = &(*at)->next;
    *at = one->next;
    weft__free(one);
}

void weft__sim_names_free(weft__sim *s) { weft__free(s->hosts); }
