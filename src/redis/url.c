/* Where a Redis is, as a URL says it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include "redis/inside.h"
#include "wire/url.h"

enum { DATABASES_MAX = 1000000 };

static const char BAD_ESCAPE[] = "a '%' without two hex digits, or a NUL", TOO_LONG[] = "it is too long";

/* The part, decoded, behind what is in out->text. NULL: it is none. */
static const char *keep(weft__redis_url *out, size_t *used, weft_str part)
{
    if (part.len + 1 > sizeof out->text - *used) return NULL;
    int n = weft__url_decode(part, WEFT__DECODE_BYTES, out->text + *used);
    if (n < 0) return NULL;
    const char *kept = out->text + *used;
    out->text[*used + (size_t)n] = 0;
    *used += (size_t)n + 1;
    return kept;
}

static bool take_user(weft_str *rest, weft__redis_url *out, size_t *used, const char **fault)
{
    const char *end = rest->ptr + rest->len, *slash = memchr(rest->ptr, '/', rest->len), *at = memrchr(rest->ptr, '@', (size_t)((slash ? slash : end) - rest->ptr));
    if (!at) return true;
    weft_str user = { rest->ptr, (size_t)(at - rest->ptr) };
    const char *colon = memchr(user.ptr, ':', user.len);
    *rest = (weft_str){ at + 1, (size_t)(end - at) - 1 };
    *fault = "there is a user without a password: redis://user:password@host";
    if (!colon) return false;
    weft_str password = { colon + 1, (size_t)(at - colon) - 1 };
    *fault = BAD_ESCAPE;
    if (colon > user.ptr && !(out->user = keep(out, used, (weft_str){ user.ptr, (size_t)(colon - user.ptr) }))) return false;
    return (out->password = keep(out, used, password)) != NULL;
}

static bool number(weft_str s, int most, int *out)
{
    int n = 0;
    if (!s.len || s.len > 7) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        n = n * 10 + (s.ptr[i] - '0');
    }
    *out = n;
    return n <= most;
}

/* "?db=2" */
static bool take_query(weft_str *rest, weft__redis_url *out, const char **fault)
{
    const char *mark = memchr(rest->ptr, '?', rest->len);
    if (!mark) return true;
    weft_str query = { mark + 1, rest->len - (size_t)(mark - rest->ptr) - 1 };
    rest->len = (size_t)(mark - rest->ptr);
    *fault = "behind '?' there may be db=NUMBER alone; all else is an option of weft_redis_open";
    return query.len > 3 && memcmp(query.ptr, "db=", 3) == 0 && number((weft_str){ query.ptr + 3, query.len - 3 }, DATABASES_MAX, &out->database);
}

static bool take_unix(weft_str rest, weft__redis_url *out, size_t *used, const char **fault)
{
    *fault = "a unix socket has a path: unix:///run/redis.sock";
    if (rest.len < 2 || *rest.ptr != '/') return false;
    const char *path = keep(out, used, rest);
    *fault = TOO_LONG;
    return path && (size_t)snprintf(out->host, sizeof out->host, "unix:%s", path) < 108;
}

static bool take_host(weft_str host, weft__redis_url *out, const char **fault)
{
    bool bracket = host.len && *host.ptr == '[';
    const char *end = host.ptr + host.len, *colon = bracket ? memchr(host.ptr, ']', host.len) : memchr(host.ptr, ':', host.len);
    if (bracket && colon) colon++;
    if (!colon || colon > end) colon = end;
    weft_str name = { host.ptr, (size_t)(colon - host.ptr) }, port = { colon + 1, colon < end ? (size_t)(end - colon) - 1 : 0 };
    *fault = "the port is a number from 1 to 65535";
    out->port = 6379;
    if (colon < end && (*colon != ':' || !number(port, 65535, &out->port) || !out->port)) return false;
    *fault = "there is no host, or none that could be one: redis://localhost:6379/0";
    if (!weft__url_host_valid(name)) return false;
    if (bracket) name = (weft_str){ name.ptr + 1, name.len - 2 };
    return (size_t)snprintf(out->host, sizeof out->host, "%.*s", WEFT_FMT(name)) < sizeof out->host;
}

static bool take_server(weft_str rest, weft__redis_url *out, const char **fault)
{
    const char *slash = memchr(rest.ptr, '/', rest.len);
    weft_str host = { rest.ptr, slash ? (size_t)(slash - rest.ptr) : rest.len };
    weft_str path = slash ? (weft_str){ slash + 1, rest.len - host.len - 1 } : (weft_str){ 0 };
    if (!take_host(host, out, fault)) return false;
    *fault = "behind the host there is the number of a database: redis://localhost/2";
    return !path.len || number(path, DATABASES_MAX, &out->database);
}

/* "h1:26379,h2,h3/mymaster/2" */
static bool take_sentinels(weft_str rest, weft__redis_url *out, size_t *used, const char **fault)
{
    const char *end = rest.ptr + rest.len, *slash = memchr(rest.ptr, '/', rest.len);
    *fault = "sentinels stand before the name of their master: redis+sentinel://one:26379,two:26379/mymaster/0";
    if (!slash || slash + 1 == end || slash == rest.ptr) return false;
    weft_str name = { slash + 1, (size_t)(end - slash) - 1 }, hosts = { rest.ptr, (size_t)(slash - rest.ptr) };
    const char *second = memchr(name.ptr, '/', name.len);
    weft_str database = second ? (weft_str){ second + 1, (size_t)(end - second) - 1 } : (weft_str){ 0 };
    if (second) name.len = (size_t)(second - name.ptr);
    if (!name.len || (database.len && !number(database, DATABASES_MAX, &out->database))) return false;
    for (const char *at = hosts.ptr; at < slash;) {
        const char *comma = memchr(at, ',', (size_t)(slash - at)), *stop = comma ? comma : slash;
        weft__redis_url one = { 0 };
        if (*at == '[' || !take_host((weft_str){ at, (size_t)(stop - at) }, &one, fault)) return false;
        at = comma ? comma + 1 : slash;
    }
    *fault = TOO_LONG;
    out->sentinels = keep(out, used, hosts);
    out->master = keep(out, used, name);
    snprintf(out->host, sizeof out->host, "the master");
    return out->sentinels && out->master;
}

bool weft__redis_host_good(const char *host)
{
    char bracketed[WEFT__REDIS_HOST + 2];
    if (!strchr(host, ':')) return weft__url_host_valid(weft_str_of(host));
    snprintf(bracketed, sizeof bracketed, "[%s]", host);
    return weft__url_host_valid(weft_str_of(bracketed));
}

int weft__redis_url_parse(const char *url, weft__redis_url *out, const char **fault)
{
    static const struct { const char *scheme; bool tls, path, cluster, sentinels; } schemes[] = {
        { "redis://", .tls = false }, { "rediss://", .tls = true }, { "unix://", .path = true }, { "redis+cluster://", .cluster = true },
        { "rediss+cluster://", .tls = true, .cluster = true }, { "redis+sentinel://", .sentinels = true },
    };
    size_t used = 0;
    *out = (weft__redis_url){ 0 };
    *fault = TOO_LONG;
    if (strlen(url) >= sizeof out->text / 2) return WEFT_EINVAL;
    for (size_t i = 0; i < weft_count(schemes); i++) {
        size_t n = strlen(schemes[i].scheme);
        if (strncmp(url, schemes[i].scheme, n) != 0) continue;
        weft_str rest = weft_str_of(url + n);
        out->tls = schemes[i].tls;
        out->cluster = schemes[i].cluster;
        bool good = take_user(&rest, out, &used, fault) && take_query(&rest, out, fault);
        good = good && (schemes[i].path ? take_unix(rest, out, &used, fault) : schemes[i].sentinels ? take_sentinels(rest, out, &used, fault) : take_server(rest, out, fault));
        if (good && out->cluster && out->database) *fault = "a cluster has one database, 0", good = false;
        return good ? 0 : WEFT_EINVAL;
    }
    *fault = "expected is redis://, rediss://, unix://, redis+cluster://, rediss+cluster:// or redis+sentinel://";
    return WEFT_EINVAL;
}
