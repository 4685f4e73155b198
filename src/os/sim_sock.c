#include <errno.h>
#include "base/mem.h"
#include "os/sim_world.h"

enum { GENERATIONS = 32000 };

weft__sim_sock *weft__sim_find(const weft__sim *s, int fd)
{
    if (fd < WEFT__SIM_FD_FIRST) return NULL;
    int slot = (fd - WEFT__SIM_FD_FIRST) % WEFT__SIM_SOCKS_MAX;
    weft__sim_sock *sock = slot < s->slots_count ? s->slots[slot].sock : NULL;
    return sock && sock->fd == fd ? sock : NULL;
}

static bool slots_grow(weft__sim *s)
{
    int room = s->slots_room ? s->slots_room * 2 : 16;
    weft__sim_slot *slots = weft__realloc(s->slots, (size_t)room * sizeof *slots);
    if (!slots) return false;
    s->slots = slots;
    int *ready = weft__realloc(s->ready, (size_t)room * sizeof *ready);
    if (!ready) return false;
    s->ready = ready;
    s->slots_room = room;
    return true;
}

/* An empty slot, or a code. */
static int slot_take(weft__sim *s)
{
    int slot = s->free_slot;
    if (slot >= 0) {
        s->free_slot = s->slots[slot].next_free;
        return slot;
    }
    if (s->slots_count == WEFT__SIM_SOCKS_MAX) return -EMFILE;
    if (s->slots_count == s->slots_room && !slots_grow(s)) return WEFT_ENOMEM;
    s->slots[s->slots_count] = (weft__sim_slot){ 0 };
    return s->slots_count++;
}

weft__sim_sock *weft__sim_sock_new(weft__sim *s, weft__sim_state state, int *rc)
{
    *rc = WEFT_ENOMEM;
    weft__sim_sock *sock = weft__calloc(sizeof *sock);
    /* One more than its own promise: for what its creation sends. */
    if (!sock || !weft__sim_queue_reserve(&s->queue, WEFT__SIM_PROMISED + 1)) goto failed;
    int slot = slot_take(s);
    if (slot < 0) {
        *rc = slot;
        goto failed;
    }
    sock->fd = WEFT__SIM_FD_FIRST + s->slots[slot].generation * WEFT__SIM_SOCKS_MAX + slot;
    sock->state = state;
    sock->queue_end = &sock->queue;
    weft__buf_init(&sock->in, 2 * s->opts.window + 64);
    s->slots[slot].sock = sock;
    s->queue.promised += WEFT__SIM_PROMISED;
    *rc = 0;
    return sock;
failed:
    weft__free(sock);
    return NULL;
}

void weft__sim_sock_free(weft__sim *s, weft__sim_sock *sock)
{
    int slot = (sock->fd - WEFT__SIM_FD_FIRST) % WEFT__SIM_SOCKS_MAX;
    weft__sim_slot *at = &s->slots[slot];
    *at = (weft__sim_slot){ NULL, (at->generation + 1) % GENERATIONS, s->free_slot };
    s->free_slot = slot;
    s->queue.promised -= WEFT__SIM_PROMISED;
    weft__buf_free(&sock->in);
    weft__free(sock);
}

static void ready_compact(weft__sim *s)
{
    int kept = 0;
    for (int i = 0; i < s->ready_count; i++)
        if (weft__sim_find(s, s->ready[i])) s->ready[kept++] = s->ready[i];
    s->ready_count = kept;
}

void weft__sim_wake(weft__sim *s, weft__sim_sock *sock)
{
    if (!sock->watched || sock->ready) return;
    if (s->ready_count == s->slots_room) ready_compact(s);
    s->ready[s->ready_count++] = sock->fd;
    sock->ready = true;
}

/* As TCP has it: a third of the room. Anything less would be a flood of tiny writes. */
bool weft__sim_writable(const weft__sim *s, const weft__sim_sock *sock)
{
    return (s->opts.window - sock->out_used) * 3 >= s->opts.window;
}

/* What a socket is at this moment, whatever the edge was: so does epoll. */
static uint32_t ready_now(const weft__sim *s, const weft__sim_sock *sock)
{
    if (sock->state == WEFT__SIM_LISTENING) return sock->queued ? WEFT__IN : 0;
    if (sock->state == WEFT__SIM_CONNECTING) return 0;
    if (sock->state == WEFT__SIM_DATAGRAM) return (sock->mail || sock->error ? WEFT__IN : 0) | WEFT__OUT;
    if (sock->state == WEFT__SIM_BROKEN) return WEFT__IN | WEFT__OUT | WEFT__HUP;
    uint32_t ready = sock->readable ? WEFT__IN : 0;
    if (sock->fin_in) ready |= WEFT__IN | WEFT__HUP;
    if (sock->fin_out || weft__sim_writable(s, sock)) ready |= WEFT__OUT;
    return ready;
}

static int watch(weft__sim *s, int fd, void *cookie, weft__watching how)
{
    int code = weft__sim_fault(s, WEFT__SIM_OP_WATCH);
    if (code) return code;
    weft__sim_sock *sock = weft__sim_find(s, fd);
    if (!sock) return -EBADF;
    if ((how == WEFT__WATCH_LISTENER) != (sock->state == WEFT__SIM_LISTENING)) return WEFT_EINVAL;
    sock->watched = true;
    sock->cookie = cookie;
    sock->told = false;
    if (ready_now(s, sock)) weft__sim_wake(s, sock);
    return 0;
}

int weft__sim_watch(weft__os *os, int fd, void *cookie, weft__watching how)
{
    weft__sim *s = weft__sim_of(os);
    int rc = watch(s, fd, cookie, how);
    weft__sim_note(s, WEFT__SIM_OP_WATCH, fd, rc);
    return rc;
}

static int unwatch(weft__sim *s, int fd)
{
    weft__sim_sock *sock = weft__sim_find(s, fd);
    if (!sock) return -EBADF;
    if (!sock->watched) return -ENOENT;
    sock->watched = false;
    sock->cookie = NULL;
    return 0;
}

int weft__sim_unwatch(weft__os *os, int fd)
{
    weft__sim *s = weft__sim_of(os);
    int rc = unwatch(s, fd);
    weft__sim_note(s, WEFT__SIM_OP_UNWATCH, fd, rc);
    return rc;
}

int weft__sim_ready(weft__sim *s, weft__event *events, int max, bool again)
{
    int n = 0, kept = 0;
    for (weft__sim_sock *l = s->listeners; l; l = l->next)      /* level-triggered: again, and last */
        if (l->queued && (again || !l->told)) weft__sim_wake(s, l);
    for (int i = 0; i < s->ready_count; i++) {
        weft__sim_sock *sock = weft__sim_find(s, s->ready[i]);
        uint32_t ready = sock && sock->watched ? ready_now(s, sock) : 0;
        if (ready && n == max) {
            s->ready[kept++] = sock->fd;
            continue;
        }
        if (sock) sock->ready = false;
        if (!ready) continue;
        sock->told = true;
        weft__sim_note(s, WEFT__SIM_OP_EVENT, sock->fd, ready);
        events[n++] = (weft__event){ sock->cookie, ready };
    }
    s->ready_count = kept;
    return n;
}

void weft__sim_socks_free(weft__sim *s)
{
    for (int i = 0; i < s->slots_count; i++)
        if (s->slots[i].sock) weft__sim_sock_free(s, s->slots[i].sock);
    weft__free(s->slots);
    weft__free(s->ready);
}
