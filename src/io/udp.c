/* Datagrams for users. */
#include <errno.h>
#include "base/mem.h"
#include "io/conn.h"
#include "os/socket.h"
#include "task/error.h"
#include "task/job.h"

enum { DATAGRAM_BYTES_MAX = 65535, LOOK_UP_MS = 5000 };

typedef struct sender { weft__fiber *fiber; struct sender *next; } sender;

struct weft_udp {
    weft__watch watch;
    weft__loop *loop;
    weft__fiber *reader;             /* parked */
    sender *senders;                 /* parked */
    const char *receiving;           /* the name of the task that does */
    char *in;
    size_t room;
    unsigned inside;
    int fd;
    bool freed;
    weft__addr at;
    char text[64];
};

enum { IP4_BYTES = 16, IP6_BYTES = 28 };            /* of sockaddr_in and sockaddr_in6 */
_Static_assert(sizeof(weft_address) >= IP6_BYTES, "a weft_address holds both");

static weft__os *os_of(const weft_udp *u) { return weft__loop_os(u->loop); }
static const weft__net_ops *net_of(const weft_udp *u) { return os_of(u)->ops->net; }

/* ---- addresses ---- */

static weft_address address_pack(const weft__addr *a)
{
    weft_address out = { { 0 } };
    memcpy(&out, &a->sa, a->len < sizeof out ? a->len : sizeof out);
    return out;
}

static weft__addr address_unpack(const weft_address *a)
{
    weft__addr out = { .len = 0 };
    memcpy(&out.sa, a, sizeof *a);
    out.len = out.sa.ss_family == AF_INET6 ? IP6_BYTES : IP4_BYTES;
    return out;
}

weft_str weft_address_text(const weft_address *a)
{
    char text[64];
    weft__addr addr = address_unpack(a);
    weft__addr_format(&addr, text);
    return weft_format("%s", text);
}

int weft_address_port(const weft_address *a)
{
    weft__addr addr = address_unpack(a);
    return weft__addr_port(&addr);
}

bool weft_address_equal(const weft_address *a, const weft_address *b)
{
    weft__addr x = address_unpack(a), y = address_unpack(b);
    return weft__addr_equal(&x, &y);
}

/* At most `max` addresses: how many, or a code. */
static int look_up(const char *host, int port, int timeout_ms, weft__addr *out, int max)
{
    const char *why = NULL;
    if (!weft__self()) return weft__no_task("the look-up of a host name");
    int rc = weft__host_parse(host, port, out);
    if (rc < 0) return rc;
    if (rc && out->sa.ss_family == AF_UNIX)
        return weft__fail_as(
            NULL, WEFT_EINVAL, 0, "'%s' is a unix socket, and datagrams go to IP addresses", host);
    if (rc) return 1;
    weft__loop *loop = weft__loop_here();
    rc = weft__resolve_host(
        loop, host, port, out, max, weft__loop_clock(loop) + timeout_ms * 1000000LL, &why);
    if (rc > 0 || weft__cancelled()) return rc;
    return weft__fail_as(
        NULL, rc, 0, "cannot look up %s: %s", host, why ? why : weft__code_text(rc));
}

int weft_address_of(const char *host, int port, weft_address *out)
{
    weft__addr a = { .len = 0 };
    int n = look_up(host, port, LOOK_UP_MS, &a, 1);
    if (n < 0) return n;
    *out = address_pack(&a);
    return 0;
}

/* ---- life ---- */

static void told(weft__watch *w, uint32_t events)
{
    weft_udp *u = (weft_udp *)w;
    if (u->reader && events & (WEFT__IN | WEFT__HUP)) weft__wake(u->reader, 0);
    if (!(events & (WEFT__OUT | WEFT__HUP))) return;
    for (sender *s = u->senders; s; s = s->next) weft__wake(s->fiber, 0);
}

static int open_at_one(weft_udp *u, const weft__addr *at, int n)
{
    u->in = weft__malloc(u->room + 1);
    if (!u->in) return WEFT_ENOMEM;
    u->fd = -EADDRNOTAVAIL;
    for (int i = 0; i < n && weft__not_here(u->fd); i++) u->fd = net_of(u)->udp(os_of(u), &at[i]);
    if (u->fd < 0) return u->fd;
    int rc = os_of(u)->ops->watch(os_of(u), u->fd, &u->watch, WEFT__WATCH_BOTH);
    if (rc == 0) rc = os_of(u)->ops->local(os_of(u), u->fd, &u->at);
    weft__addr_format(&u->at, u->text);
    return rc;
}

int weft_udp_open_with(weft_udp **out, const char *host, int port, const weft_udp_opts *o)
{
    weft__addr at[WEFT__ADDRS_MAX];
    bool wrong = o->timeout_ms < 0 || o->datagram_bytes_max > DATAGRAM_BYTES_MAX;
    if (wrong)
        return weft__fail_as(NULL, WEFT_EINVAL, 0, "an option of weft_udp_open makes no sense");
    int n = look_up(host, port, o->timeout_ms ? o->timeout_ms : LOOK_UP_MS, at, WEFT__ADDRS_MAX);
    if (n < 0) return n;
    weft_udp *u = weft__calloc(sizeof *u);
    if (!u) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for a socket");
    u->watch.ready = told;
    u->loop = weft__loop_here();
    u->room = o->datagram_bytes_max ? o->datagram_bytes_max : DATAGRAM_BYTES_MAX;
    u->fd = -1;
    int rc = open_at_one(u, at, n);
    if (rc == 0) {
        *out = u;
        return 0;
    }
    weft_udp_free(u);
    char text[64];
    weft__host_text(host, port, text);
    return weft__fail_as(
        NULL, rc, 0, "cannot open a datagram socket at %s: %s", text, weft__code_text(rc));
}

void weft_udp_close(weft_udp *u)
{
    if (!u || u->fd < 0) return;
    weft__loop_forget(u->loop, &u->watch);
    os_of(u)->ops->close(os_of(u), u->fd);
    u->fd = -1;
    if (u->reader) weft__wake(u->reader, WEFT_ECLOSED);
    for (sender *s = u->senders; s; s = s->next) weft__wake(s->fiber, WEFT_ECLOSED);
}

static void give_back(weft_udp *u)
{
    weft__free(u->in);
    weft__free(u);
}

void weft_udp_free(weft_udp *u)
{
    weft_udp_close(u);
    if (!u) return;
    u->freed = true;
    if (!u->inside) give_back(u);
}

void weft__udp_leave(weft_udp **u) { weft_udp_free(*u); }
int weft_udp_port(const weft_udp *u) { return weft__addr_port(&u->at); }

static int failed(const weft_udp *u, int code, const char *doing)
{
    if ((code == WEFT_ECANCELED || code == WEFT_ETIMEDOUT) && weft__cancelled()) return code;
    return weft__fail_as(NULL, code, 0, "%s %s: %s", doing, u->text, weft__code_text(code));
}

static int leave(weft_udp *u, int rc, const char *doing)
{
    int code = rc < 0 ? failed(u, rc, doing) : rc;
    if (!--u->inside && u->freed) give_back(u);
    return code;
}

int weft_udp_connect(weft_udp *u, const weft_address *to)
{
    weft__addr a = address_unpack(to);
    int rc = u->fd < 0 ? WEFT_ECLOSED : net_of(u)->udp_connect(os_of(u), u->fd, &a);
    if (rc < 0) return failed(u, rc, "connecting the socket at");
    if (os_of(u)->ops->local(os_of(u), u->fd, &u->at) == 0) weft__addr_format(&u->at, u->text);
    return 0;
}

/* ---- sending ---- */

static int wait_for_room(weft_udp *u)
{
    sender own = { weft__self(), u->senders };
    u->senders = &own;
    int rc = weft__park("room for a datagram", INT64_MAX);
    sender **at = &u->senders;
    while (*at != &own) at = &(*at)->next;
    *at = own.next;
    return rc;
}

static int send_it(weft_udp *u, const weft__addr *to, weft_str bytes)
{
    if (!weft__self()) return weft__no_task("weft_udp_send");
    u->inside++;
    int rc = weft__checkpoint();
    while (rc == 0) {
        rc = u->fd < 0 ? WEFT_ECLOSED
                       : net_of(u)->udp_send(os_of(u), u->fd, bytes.ptr, bytes.len, to);
        if (rc != -EAGAIN) break;
        rc = wait_for_room(u);
    }
    return leave(u, rc, "sending from");
}

int weft_udp_send(weft_udp *u, weft_str bytes) { return send_it(u, NULL, bytes); }

int weft_udp_send_to(weft_udp *u, const weft_address *to, weft_str bytes)
{
    weft__addr a = address_unpack(to);
    return send_it(u, &a, bytes);
}

/* ---- receiving ---- */

static int receive(weft_udp *u, weft_datagram *out)
{
    int rc = weft__checkpoint();
    while (rc == 0) {
        weft__addr from;
        ssize_t n =
            u->fd < 0 ? WEFT_ECLOSED : net_of(u)->udp_recv(os_of(u), u->fd, u->in, u->room, &from);
        if (n >= 0) {
            size_t kept = (size_t)n < u->room ? (size_t)n : u->room;
            u->in[kept] = 0;
            *out = (weft_datagram){ { u->in, kept }, address_pack(&from), (size_t)n,
                (size_t)n > kept };
            return 1;
        }
        if (n != -EAGAIN) return (int)n;
        u->reader = weft__self();
        rc = weft__park("a datagram", INT64_MAX);
        u->reader = NULL;
    }
    return rc;
}

int weft_udp_recv(weft_udp *u, weft_datagram *out)
{
    if (!weft__self()) return weft__no_task("weft_udp_recv");
    if (u->receiving) {
        return weft__fail_as(NULL, WEFT_EBUSY, 0,
            "receiving at %s: task %s does so already, and one at a time may", u->text,
            u->receiving);
    }
    u->receiving = weft_task_name(weft_task_self());
    u->inside++;
    int rc = receive(u, out);
    u->receiving = NULL;
    return leave(u, rc, "receiving at");
}
