/* The list of tasks for other programs: one line in, the list out, end. It runs on the loop's own stack, a piece at a
 * time, so that neither a slow reader nor many stacks hold the loop. */
#include <errno.h>
#include "base/mem.h"
#include "task/inspect.h"

enum { CLIENTS_MAX = 4, BACKLOG = 4, REQUEST_MAX = 64 };

size_t weft__inspector_bytes_max = 4 << 20;
static const int64_t PATIENCE_NS = 10000000000;

typedef struct client {
    weft__watch watch;
    weft__timer patience, soon;
    weft__inspector *of;
    int fd;
    size_t got;
    char request[REQUEST_MAX];
    bool json, answering, broken_off;    /* broken_off: the list, which is still to be said */
    weft__buf list, stack;               /* the list without its stacks; the one being told */
    weft__stacks *stacks;                /* NULL: none were asked for */
    uint32_t stack_at;
    size_t list_at;
    weft_str piece;                      /* what is being sent: of the list, or of a stack */
} client;

struct weft__inspector {
    weft__watch watch;
    weft__loop *loop;
    int fd;
    client *clients[CLIENTS_MAX];
};

static weft__loop *loop_of(const client *c) { return c->of->loop; }
static weft__os *os_of(const client *c) { return c->of->loop->os; }

static void client_end(client *c)
{
    weft__loop *loop = loop_of(c);
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (c->of->clients[i] == c) c->of->clients[i] = NULL;
    }
    weft__timer_stop(loop, &c->patience);
    weft__timer_stop(loop, &c->soon);
    weft__loop_forget(loop, &c->watch);
    loop->os->ops->close(loop->os, c->fd);
    for (uint32_t i = c->stack_at; c->stacks && i < c->stacks->count; i++) weft__stack_drop(&c->stacks->of[i].kept);
    if (c->stacks) weft__unwind_forget();
    weft__free(c->stacks);
    weft__buf_free(&c->list);
    weft__buf_free(&c->stack);
    weft__free(c);
}

/* ---- the answer ---- */

typedef enum next { PIECE, LATER, OVER } next;

static next last_piece(client *c)
{
    if (!c->broken_off) return OVER;
    c->broken_off = false;
    c->piece = c->json ? WEFT_S("{\"broken_off\":\"no memory for the rest\"}\n") : WEFT_S("weft: the list breaks off here: no memory for the rest\n");
    return PIECE;
}

/* A stack takes milliseconds to put into words: one a turn. */
static next next_piece(client *c, bool *worked)
{
    const weft__stacks *s = c->stacks;
    size_t until = s && c->stack_at < s->count ? s->of[c->stack_at].at : c->list.len;
    if (c->list_at < until) {
        c->piece = (weft_str){ c->list.ptr + c->list_at, until - c->list_at };
        c->list_at = until;
        return PIECE;
    }
    if (!s || c->stack_at == s->count) return last_piece(c);
    if (*worked) return LATER;
    *worked = true;
    weft__buf_clear(&c->stack);
    weft__say_stack(&c->stack, &s->of[c->stack_at].kept, s->of[c->stack_at].indent, c->json);
    weft__stack_drop(&c->stacks->of[c->stack_at++].kept);
    c->piece = weft__buf_str(&c->stack);
    return PIECE;
}

/* False: the reader is gone, or does not read at the moment. */
static bool send_piece(client *c, bool *gone)
{
    while (c->piece.len) {
        struct iovec part = { (void *)c->piece.ptr, c->piece.len };
        ssize_t n = os_of(c)->ops->send(os_of(c), c->fd, &part, 1);
        if (n <= 0) {
            *gone = n != -EAGAIN;
            return false;
        }
        c->piece.ptr += n;
        c->piece.len -= (size_t)n;
    }
    return true;
}

static void answer_on(client *c)
{
    bool worked = false, gone = false;
    next n = PIECE;
    while (n == PIECE && send_piece(c, &gone)) n = next_piece(c, &worked);
    if (gone || n == OVER) client_end(c);
    else if (n == LATER && weft__timer_start(loop_of(c), &c->soon, loop_of(c)->now_ns) < 0) client_end(c);
}

static void answer_soon(weft__timer *t) { answer_on((client *)((char *)t - offsetof(client, soon))); }

/* ---- the request ---- */

static bool word(const char **at, const char *w)
{
    size_t n = strlen(w);
    if (strncmp(*at, w, n) || ((*at)[n] && (*at)[n] != ' ')) return false;
    *at += n + ((*at)[n] == ' ');
    return true;
}

/* KIND [json] [N] */
static bool understood(const char *line, weft_tasks_opts *opts)
{
    *opts = (weft_tasks_opts){ 0 };
    if (word(&line, "tasks")) opts->flat = true;
    else if (word(&line, "stacks")) opts->stacks = true;
    else if (!word(&line, "tree")) return false;
    opts->json = word(&line, "json");
    while (*line >= '0' && *line <= '9' && opts->tasks_max < 100000) opts->tasks_max = opts->tasks_max * 10 + (*line++ - '0');
    return !*line;
}

static void break_off(client *c)
{
    weft__stacks *s = c->stacks;
    c->broken_off = true;
    c->list.len = weft__whole_lines(weft__buf_str(&c->list)).len;
    while (s && s->count && s->of[s->count - 1].at > c->list.len) weft__stack_drop(&s->of[--s->count].kept);
}

static void answer(client *c, const char *line)
{
    weft_tasks_opts opts;
    c->answering = true;
    if (!understood(line, &opts)) {
        weft__buf_lit(&c->list, "weft: ask for tasks, tree or stacks; behind that, if you like: json, and how many tasks at most\n");
    } else {
        if (opts.stacks) c->stacks = weft__malloc(sizeof *c->stacks);
        if (c->stacks) c->stacks->count = 0;
        c->json = opts.json;
        opts.stacks = c->stacks != NULL;
        weft__inspect(loop_of(c), &c->list, &opts, c->stacks);
        if (c->list.failed) break_off(c);
    }
    answer_on(c);
}

/* Bytes that nobody read would make the end of the connection a reset, and the answer might be lost. */
static void drain(client *c)
{
    char scrap[512];
    for (int i = 0; i < 16; i++) {
        if (os_of(c)->ops->recv(os_of(c), c->fd, scrap, sizeof scrap) <= 0) return;
    }
}

static void client_ready(weft__watch *w, uint32_t events)
{
    client *c = (client *)w;
    (void)events;
    if (c->answering) {
        answer_on(c);
        return;
    }
    ssize_t n;
    while ((n = os_of(c)->ops->recv(os_of(c), c->fd, c->request + c->got, REQUEST_MAX - c->got)) > 0) {
        c->got += (size_t)n;
        char *end = memchr(c->request, '\n', c->got);
        if (!end && c->got < REQUEST_MAX) continue;
        if (end) *end = 0;
        drain(c);
        answer(c, end ? c->request : "");
        return;
    }
    if (n != -EAGAIN) client_end(c);
}

static void out_of_patience(weft__timer *t) { client_end((client *)((char *)t - offsetof(client, patience))); }

/* ---- the listener ---- */

static client **free_place(weft__inspector *in)
{
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (!in->clients[i]) return &in->clients[i];
    }
    return NULL;
}

static client *client_new(weft__inspector *in, int fd)
{
    client *c = weft__calloc(sizeof *c);
    if (!c) return NULL;
    c->watch.ready = client_ready;
    c->patience.fire = out_of_patience;
    c->soon.fire = answer_soon;
    c->of = in;
    c->fd = fd;
    weft__buf_init(&c->list, weft__inspector_bytes_max);
    weft__buf_init(&c->stack, weft__inspector_bytes_max);
    return c;
}

static bool client_begin(weft__inspector *in, int fd)
{
    client **place = free_place(in), *c = place ? client_new(in, fd) : NULL;
    if (!c) return false;
    *place = c;
    weft__os *os = in->loop->os;
    if (weft__timer_start(in->loop, &c->patience, in->loop->now_ns + PATIENCE_NS) == 0 && os->ops->watch(os, fd, &c->watch, WEFT__WATCH_BOTH) == 0) return true;
    client_end(c);
    return true;
}

static void came(weft__watch *w, uint32_t events)
{
    weft__inspector *in = (weft__inspector *)w;
    weft__os *os = in->loop->os;
    weft__addr peer;
    (void)events;
    int fd = os->ops->accept(os, in->fd, &peer);
    if (fd < 0) return;
    bool ours = os->ops->peer_ours && os->ops->peer_ours(os, fd);
    if (!ours || !client_begin(in, fd)) os->ops->close(os, fd);
}

int weft__inspector_open(weft__inspector **out, weft__loop *loop, const char *address)
{
    weft__addr at;
    if (weft__addr_parse(weft_str_of(address), 0, &at) < 0 || at.sa.ss_family != AF_UNIX) return WEFT_EINVAL;
    weft__inspector *in = weft__calloc(sizeof *in);
    if (!in) return WEFT_ENOMEM;
    in->watch.ready = came;
    in->loop = loop;
    in->fd = loop->os->ops->listen(loop->os, &at, BACKLOG);
    int rc = in->fd < 0 ? in->fd : loop->os->ops->watch(loop->os, in->fd, &in->watch, WEFT__WATCH_LISTENER);
    if (rc < 0 && in->fd >= 0) loop->os->ops->close(loop->os, in->fd);
    if (rc < 0) {
        weft__free(in);
        return rc;
    }
    *out = in;
    return 0;
}

void weft__inspector_close(weft__inspector *in)
{
    if (!in) return;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (in->clients[i]) client_end(in->clients[i]);
    }
    weft__loop_forget(in->loop, &in->watch);
    in->loop->os->ops->close(in->loop->os, in->fd);
    weft__free(in);
}
