#include "http/listen.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "os/notify.h"
#include "task/loop.h"
#include "wire/bytes.h"

enum { BACKLOG = 4096, ADDRESS_BYTES = 160 };

/* ---- which addresses ---- */

typedef struct wanted { weft__addr items[WEFT__FLEET_LISTENERS_MAX]; int count; } wanted;

static int no_address(char *why, weft_str host)
{
    snprintf(why, 256, "host '%.*s' is no IP address: expected one like \"127.0.0.1\", \"0.0.0.0\" or \"::\", or \"unix:/run/x.sock\"", WEFT_FMT(host));
    return WEFT_EINVAL;
}

static int add(wanted *w, weft_str host, int port, char *why)
{
    weft__addr at;
    if (weft_str_equal(host, WEFT_S("localhost"))) host = WEFT_S("127.0.0.1");
    if (weft__addr_parse(host, port < 0 ? 0 : port, &at) < 0) return no_address(why, host);
    for (int i = 0; i < w->count; i++) {
        if (!weft__addr_port(&at) && at.sa.ss_family != AF_UNIX) break;
        if (weft__addr_equal(&w->items[i], &at)) return 0;
    }
    if (w->count == WEFT__FLEET_LISTENERS_MAX) {
        snprintf(why, 256, "more than %d addresses to listen on", WEFT__FLEET_LISTENERS_MAX);
        return WEFT_ELIMIT;
    }
    w->items[w->count++] = at;
    return 0;
}

/* "127.0.0.1:8001", "[::1]:8001", "unix:/run/x.sock" */
static int add_one_of(wanted *w, weft_str text, char *why)
{
    bool is_unix = text.len > 5 && memcmp(text.ptr, "unix:", 5) == 0;
    const char *colon = text.ptr + text.len;
    while (colon > text.ptr && *colon != ':') colon--;
    if (is_unix) return add(w, text, 0, why);
    weft_str digits = { colon + 1, colon > text.ptr ? (size_t)(text.ptr + text.len - colon) - 1 : 0 };
    int64_t port = weft__decimal(digits, 65535);
    if (port >= 1) return add(w, (weft_str){ text.ptr, (size_t)(colon - text.ptr) }, (int)port, why);
    snprintf(why, 256, "also: '%.*s' is no address with a port: expected one like \"127.0.0.1:8001\", \"[::1]:8001\" or \"unix:/run/x.sock\"", WEFT_FMT(text));
    return WEFT_EINVAL;
}

static int add_more(wanted *w, const char *list, char *why)
{
    int rc = 0;
    while (rc == 0 && list && *list) {
        list += strspn(list, " ");
        size_t n = strcspn(list, ",");
        weft_str one = { list, n };
        list += n + (list[n] == ',');
        while (one.len && one.ptr[one.len - 1] == ' ') one.len--;
        rc = add_one_of(w, one, why);
    }
    return rc;
}

/* ---- opening them ---- */

static void close_rest(weft__os *os, int *fds, int count)
{
    for (int i = 0; i < count; i++)
        if (fds[i] >= 0) os->ops->close(os, fds[i]);
}

/* An address without a port stands for any port. */
static bool is_at(weft__os *os, int fd, const weft__addr *wanted)
{
    weft__addr at, same = *wanted;
    if (os->ops->local(os, fd, &at) < 0) return false;
    if (!weft__addr_port(wanted)) weft__addr_set_port(&same, weft__addr_port(&at));
    return weft__addr_equal(&at, &same);
}

static int take_inherited(weft__os *os, int *fds, int count, const weft__addr *at)
{
    for (int i = 0; i < count; i++) {
        if (fds[i] < 0 || !is_at(os, fds[i], at)) continue;
        int fd = fds[i];
        fds[i] = -1;
        return fd;
    }
    return -1;
}

static void say_why(char *why, const weft__addr *at, int rc)
{
    char text[64];
    weft__addr_format(at, text);
    bool is_unix = at->sa.ss_family == AF_UNIX;
    const char *more = rc == -EADDRINUSE ? "; another program has it: end that one or choose another port" : "";
    if (is_unix && rc == -EAGAIN) more = "; another program has held a lock (flock) on its folder for a second: lslocks tells which, or choose another folder";
    if (is_unix && rc == -EACCES) more = "; it takes a folder that this program may read (to lock it) and write";
    char *colon = strrchr(text, ':');
    if (is_unix) snprintf(why, 256, "cannot listen on %s: %s%s", text, strerror(-rc), more);
    else snprintf(why, 256, "cannot listen on %.*s port %d: %s%s", (int)(colon - text), text, weft__addr_port(at), strerror(-rc), more);
}

/* A task lets others go on meanwhile; a supervisor has none. */
static int listen_on_path(weft__os *os, const weft__addr *at, int mode, weft__net_path *path)
{
    if (!weft__self()) return weft__net_listen_soon(os, at, BACKLOG, mode, path);
    for (int i = 0;; i++) {
        int fd = os->ops->net->listen(os, at, BACKLOG, mode, path);
        if (fd != -EAGAIN || i == WEFT__NET_TRIES) return fd;
        int rc = weft_sleep_ms(WEFT__NET_TRY_AGAIN_MS);
        if (rc < 0) return rc;
    }
}

static int open_one(weft__os *os, const weft__addr *at, const weft_serve_opts *opts, int *inherited, int count, weft__listened *l, char *why)
{
    weft__net_path path = { .made = false };
    int fd = take_inherited(os, inherited, count, at);
    if (fd >= 0 && os->ops->net) os->ops->net->adopt(os, at, &path);
    else if (fd < 0 && at->sa.ss_family == AF_UNIX && os->ops->net) fd = listen_on_path(os, at, opts->unix_mode, &path);
    else if (fd < 0) fd = os->ops->listen(os, at, BACKLOG);
    if (fd < 0) {
        say_why(why, at, fd);
        return fd;
    }
    l->items[l->count].fd = fd;
    l->items[l->count].path = path;
    if (os->ops->local(os, fd, &l->items[l->count].at) < 0) l->items[l->count].at = *at;
    if (at->sa.ss_family == AF_UNIX) l->items[l->count].at = *at;
    l->count++;
    return 0;
}

static int take_given(weft__os *os, const int *given, int count, weft__listened *l, char *why)
{
    for (int i = 0; i < count; i++) {
        l->items[l->count].fd = given[i];
        l->items[l->count].path.made = false;        /* its file is the manager's */
        if (!weft__is_listener(given[i]) || os->ops->local(os, given[i], &l->items[l->count].at) < 0) {
            snprintf(why, 256, "descriptor %d, of LISTEN_FDS, is no listening stream socket", given[i]);
            return WEFT_EINVAL;
        }
        l->count++;
    }
    return 0;
}

int weft__listen(weft__os *os, const weft_serve_opts *opts, const int *inherited, int inherited_count, const int *given, int given_count,
    weft__listened *out, char *why)
{
    int left[WEFT__FLEET_LISTENERS_MAX], rc;
    wanted w = { .count = 0 };
    *out = (weft__listened){ .count = 0 };
    for (int i = 0; i < inherited_count; i++) left[i] = inherited[i];
    if (given_count) rc = take_given(os, given, given_count, out, why);
    else rc = add(&w, weft_str_of(opts->host), opts->port, why);
    if (rc == 0 && !given_count) rc = add_more(&w, opts->also, why);
    if (rc == 0 && !given_count && opts->tls.redirect_port) rc = add(&w, weft_str_of(opts->host), opts->tls.redirect_port, why);
    for (int i = 0; rc == 0 && i < w.count; i++) rc = open_one(os, &w.items[i], opts, left, inherited_count, out, why);
    close_rest(os, left, inherited_count);
    if (rc < 0) weft__listened_leave(out, inherited, inherited_count);
    if (rc < 0) weft__listened_end(os, out);
    return rc;
}

void weft__listened_leave(weft__listened *l, const int *fds, int count)
{
    for (int i = 0; i < l->count; i++)
        for (int k = 0; k < count; k++)
            if (l->items[i].fd == fds[k]) l->items[i].path.made = false;
}

/* All that are there. */
static bool take_files_away(weft__os *os, weft__listened *l)
{
    bool all = true;
    for (int i = 0; os->ops->net && i < l->count; i++) {
        weft__net_path *path = &l->items[i].path;
        if (path->made && os->ops->net->unlink(os, &l->items[i].at, path) == -EAGAIN) all = false;
        else path->made = false;
    }
    return all;
}

/* A file goes before its listener, which holds its number meanwhile. */
bool weft__listened_close(weft__os *os, weft__listened *l)
{
    bool all = take_files_away(os, l);
    for (int i = 0; i < l->count; i++) {
        if (l->items[i].fd >= 0) os->ops->close(os, l->items[i].fd);
        l->items[i].fd = -1;
    }
    return all;
}

static int wait_a_little(void)
{
    if (!weft__self()) {
        weft__net_pause();
        return 0;
    }
    WEFT_SCOPE(shielded, .shield = true);
    return weft_sleep_ms(WEFT__NET_TRY_AGAIN_MS);
}

void weft__listened_end(weft__os *os, weft__listened *l)
{
    bool all = weft__listened_close(os, l);
    for (int i = 0; !all && i < WEFT__NET_TRIES && wait_a_little() == 0; i++) all = take_files_away(os, l);
    l->count = 0;
}

/* ---- telling ---- */

/* Of any port it is the last one, which was added last. */
bool weft__listen_redirects(const weft_serve_opts *opts, int port, int i, int count)
{
    int wanted = opts->tls.redirect_port;
    return wanted > 0 ? port == wanted : wanted < 0 && i > 0 && i == count - 1;
}

void weft__listened_text(const weft__listened *l, const weft_serve_opts *opts, char *to, size_t room)
{
    size_t n = 0;
    to[0] = 0;
    for (int i = 0; i < l->count && n < room; i++) {
        char text[64];
        const char *between = i == 0 ? "" : i + 1 < l->count ? ", " : " and ";
        bool redirects = weft__listen_redirects(opts, weft__addr_port(&l->items[i].at), i, l->count);
        const char *scheme = l->items[i].at.sa.ss_family == AF_UNIX ? "" : opts->tls.certs && !redirects ? "https://" : "http://";
        weft__addr_format(&l->items[i].at, text);
        n += (size_t)snprintf(to + n, room - n, "%s%s%s%s", between, scheme, text, redirects ? " (which redirects)" : "");
    }
}

int weft__listened_port(const weft__listened *l)
{
    for (int i = 0; i < l->count; i++)
        if (weft__addr_port(&l->items[i].at)) return weft__addr_port(&l->items[i].at);
    return 0;
}
