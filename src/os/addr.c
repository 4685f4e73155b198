#include "os/os.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include "os/parts.h"

enum { PATH_AT = offsetof(struct sockaddr_un, sun_path) };

static int parse_path(weft_str path, weft__addr *out)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    if (!path.len || path.len >= sizeof un.sun_path) return WEFT_EINVAL;
    if (memchr(path.ptr, 0, path.len)) return WEFT_EINVAL;
    memcpy(un.sun_path, path.ptr, path.len);
    bool abstract = un.sun_path[0] == '@';
    if (abstract) un.sun_path[0] = 0;
    *out = (weft__addr){ .len = (socklen_t)(PATH_AT + path.len + !abstract) };
    memcpy(&out->sa, &un, sizeof un);
    return 0;
}

static int parse_ip4(const char *text, int port, weft__addr *out)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    if (inet_pton(AF_INET, text, &in.sin_addr) != 1) return WEFT_EINVAL;
    *out = (weft__addr){ .len = sizeof in };
    memcpy(&out->sa, &in, sizeof in);
    return 0;
}

static int parse_ip6(const char *text, int port, weft__addr *out)
{
    struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    if (inet_pton(AF_INET6, text, &in.sin6_addr) != 1) return WEFT_EINVAL;
    *out = (weft__addr){ .len = sizeof in };
    memcpy(&out->sa, &in, sizeof in);
    return 0;
}

static weft_str after(weft_str s, size_t n) { return (weft_str){ s.ptr + n, s.len - n }; }

int weft__addr_parse(weft_str host, int port, weft__addr *out)
{
    if (!host.len || port < 0 || port > 65535) return WEFT_EINVAL;
    if (host.len > 5 && !memcmp(host.ptr, "unix:", 5)) return parse_path(after(host, 5), out);
    if (host.ptr[0] == '/') return parse_path(host, out);

    bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed) host = (weft_str){ host.ptr + 1, host.len - 2 };
    char text[INET6_ADDRSTRLEN];
    if (host.len >= sizeof text || memchr(host.ptr, 0, host.len)) return WEFT_EINVAL;
    memcpy(text, host.ptr, host.len);
    text[host.len] = 0;
    if (!bracketed && !parse_ip4(text, port, out)) return 0;
    return parse_ip6(text, port, out);
}

static void format_ip4(const weft__addr *a, char out[64])
{
    struct sockaddr_in in;
    char text[INET_ADDRSTRLEN];
    memcpy(&in, &a->sa, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    snprintf(out, 64, "%s:%u", text, ntohs(in.sin_port));
}

static void format_ip6(const weft__addr *a, char out[64])
{
    struct sockaddr_in6 in;
    char text[INET6_ADDRSTRLEN], scope[12] = "";
    memcpy(&in, &a->sa, sizeof in);
    inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    if (in.sin6_scope_id) snprintf(scope, sizeof scope, "%%%u", in.sin6_scope_id);
    /* inet_ntop shortens: 39 characters are the longest it writes. */
    snprintf(out, 64, "[%.39s%s]:%u", text, scope, ntohs(in.sin6_port));
}

/* The end of a long path tells more than its beginning. A peer chooses its own path: it may hold anything. */
static void format_path(const weft__addr *a, char out[64])
{
    struct sockaddr_un un;
    memcpy(&un, &a->sa, sizeof un);
    size_t n = a->len > PATH_AT ? a->len - PATH_AT : 0;
    if (n > sizeof un.sun_path) n = sizeof un.sun_path;
    if (n && !un.sun_path[0]) un.sun_path[0] = '@';
    else n = strnlen(un.sun_path, n);
    enum { SHOWN = 63 - 5, TAIL = SHOWN - 3 };
    const char *from = n > SHOWN ? un.sun_path + n - TAIL : un.sun_path;
    size_t shown = n > SHOWN ? (size_t)TAIL : n;
    char *at = out + sprintf(out, n > SHOWN ? "unix:..." : "unix:");
    for (size_t i = 0; i < shown; i++) *at++ = from[i] >= ' ' && from[i] < 127 ? from[i] : '?';
    *at = 0;
}

void weft__addr_format(const weft__addr *a, char out[64])
{
    switch (a->sa.ss_family) {
    case AF_INET: format_ip4(a, out); return;
    case AF_INET6: format_ip6(a, out); return;
    case AF_UNIX: format_path(a, out); return;
    default: strcpy(out, "unknown"); return;
    }
}

int weft__addr_port(const weft__addr *a)
{
    if (a->sa.ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)&a->sa)->sin_port);
    if (a->sa.ss_family == AF_INET6) return ntohs(((const struct sockaddr_in6 *)&a->sa)->sin6_port);
    return 0;
}

void weft__addr_set_port(weft__addr *a, int port)
{
    if (a->sa.ss_family == AF_INET) ((struct sockaddr_in *)&a->sa)->sin_port = htons((uint16_t)port);
    if (a->sa.ss_family == AF_INET6) ((struct sockaddr_in6 *)&a->sa)->sin6_port = htons((uint16_t)port);
}

static bool ip6_equal(const weft__addr *a, const weft__addr *b)
{
    const struct sockaddr_in6 *x = (const void *)&a->sa, *y = (const void *)&b->sa;
    return x->sin6_port == y->sin6_port && x->sin6_scope_id == y->sin6_scope_id
        && !memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr);
}

bool weft__addr_equal(const weft__addr *a, const weft__addr *b)
{
    if (a->sa.ss_family != b->sa.ss_family) return false;
    if (a->sa.ss_family == AF_INET6) return ip6_equal(a, b);
    if (a->sa.ss_family == AF_UNIX) return a->len == b->len && !memcmp(&a->sa, &b->sa, a->len);
    const struct sockaddr_in *x = (const void *)&a->sa, *y = (const void *)&b->sa;
    return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
}

typedef struct found { weft__addr at[WEFT__ADDRS_MAX]; int count; } found;

static void found_add(found *f, const struct addrinfo *i, int port)
{
    if (f->count == WEFT__ADDRS_MAX || i->ai_addrlen > sizeof f->at[0].sa) return;
    weft__addr a = { .len = i->ai_addrlen };
    memcpy(&a.sa, i->ai_addr, i->ai_addrlen);
    weft__addr_set_port(&a, port);
    for (int k = 0; k < f->count; k++)
        if (weft__addr_equal(&f->at[k], &a)) return;
    f->at[f->count++] = a;
}

int weft__addrs_order(const struct addrinfo *list, int port, weft__addr *out, int max)
{
    found first = { .count = 0 }, second = { .count = 0 };
    int family = 0, n = 0;
    for (; list; list = list->ai_next) {
        if (list->ai_family != AF_INET && list->ai_family != AF_INET6) continue;
        if (!family) family = list->ai_family;
        found_add(list->ai_family == family ? &first : &second, list, port);
    }
    for (int i = 0; i < WEFT__ADDRS_MAX; i++) {
        if (i < first.count && n < max) out[n++] = first.at[i];
        if (i < second.count && n < max) out[n++] = second.at[i];
    }
    return n;
}
