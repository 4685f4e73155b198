#define _GNU_SOURCE
/* URLs as people are shown them, and what makes one mean something else than was meant. */
#include <string.h>
#include "db/url.h"
#include "wire/bytes.h"

/* ---- shown ---- */

static size_t decoded(const char *at, size_t len, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < room; i++) {
        unsigned high = i + 2 < len ? weft__hex_value(at[i + 1]) : 16, low = high < 16 ? weft__hex_value(at[i + 2]) : 16;
        bool coded = at[i] == '%' && low < 16;
        out[n++] = coded ? (char)(high * 16 + low) : at[i];
        i += coded ? 2 : 0;
    }
    return n;
}

static bool is_secret(const char *name, size_t len)
{
    char plain[16];
    weft_str is = { plain, decoded(name, len, plain, sizeof plain) };
    return weft_str_equal(is, WEFT_S("password")) || weft_str_equal(is, WEFT_S("sslpassword"));
}

static void cut(char *from, const char *to) { memmove(from, to, strlen(to) + 1); }

/* A '&' that no name and '=' follows is the value's own. */
static char *value_end(char *at)
{
    for (char *end = strchr(at, '&'); end; end = strchr(end + 1, '&')) {
        size_t name = strcspn(end + 1, "&=");
        if (end[1 + name] == '=') return end;
    }
    return at + strlen(at);
}

/* Behind a '?' or '&': the value that is a secret; NULL: it is none. */
static char *secret_at(char *mark)
{
    size_t name = strcspn(mark + 1, "=&");
    return mark[1 + name] == '=' && is_secret(mark + 1, name) ? mark + 2 + name : NULL;
}

/* Where what `at` belongs to ends: an '@' may be a part of a secret itself. */
static char *behind(char *url, char *at)
{
    char *last = NULL;
    for (char *p = strpbrk(url, "?&"); p && p < at; p = strpbrk(p + 1, "?&"))
        if (secret_at(p)) last = secret_at(p);
    return last && last <= at && value_end(last) > at ? value_end(last) : at;
}

/* Whoever forgets to encode a '/', '?' or '@' of a password means the last '@' of all. */
void weft__db_url_hide(char *url)
{
    char *from = strstr(url, "://"), *at = strrchr(url, '@'), *colon = from ? strchr(from + 3, ':') : NULL;
    if (colon && at && colon < at) cut(colon + 1, behind(url, at));
    for (char *p = strpbrk(url, "?&"); p; p = strpbrk(p + 1, "?&"))
        if (secret_at(p)) cut(secret_at(p), value_end(secret_at(p)));
}

weft_str weft__db_url_scheme(const char *url)
{
    size_t n = 0;
    while ((url[n] >= 'a' && url[n] <= 'z') || (url[n] >= 'A' && url[n] <= 'Z') || (url[n] >= '0' && url[n] <= '9') || (n && strchr("+-.", url[n]) && url[n])) n++;
    return (weft_str){ url, strncmp(url + n, "://", 3) == 0 ? n : 0 };
}

/* ---- meant ---- */

/* host:port,[::1]:port */
static bool has_ports(weft_str hosts)
{
    for (size_t i = 0, port = 0, inside = 0; i < hosts.len; i++) {
        char c = hosts.ptr[i];
        if (port && c != ',' && (c < '0' || c > '9')) return false;
        inside = c == '[' ? 1 : c == ']' ? 0 : inside;
        port = c == ',' ? 0 : port || (c == ':' && !inside);
    }
    return true;
}

const char *weft__db_url_fault(weft_str rest)
{
    size_t n = 0, path;
    while (n < rest.len && rest.ptr[n] != '/' && rest.ptr[n] != '?') n++;
    for (path = n; path < rest.len && rest.ptr[path] != '?';) path++;
    const char *at = n ? memrchr(rest.ptr, '@', n) : NULL;
    size_t user = at ? (size_t)(at - rest.ptr) + 1 : 0;
    if (!has_ports((weft_str){ rest.ptr + user, n - user }) || memchr(rest.ptr + n, '@', path - n))
        return "behind the host's ':' there is a port, a number, and in the name of a database no '@'; in a password '/' is written as %2F, '?' as %3F, '@' as %40, '%' as %25";
    return NULL;
}
