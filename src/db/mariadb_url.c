#define _GNU_SOURCE
/* "mysql://user:password@host:port/database?name=value" as settings. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/mariadb.h"
#include "wire/bytes.h"

enum { PORT = 3306, CONNECT_S = 5, READ_MORE_S = 30 };

void weft__maria_settings_drop(weft__maria_settings *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL)) return;
    char *texts[] = { s->host, s->socket, s->user, s->password, s->schema, s->ca, s->cert, s->key };
    for (size_t i = 0; i < weft_count(texts); i++) weft__free(texts[i]);
    weft__free(s);
}

/* With its %20s read; what there was before counts no more. */
static int keep(char **to, weft_str text)
{
    char *p = weft__malloc(text.len + 1);
    if (!p) return WEFT_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned high = i + 2 < text.len ? weft__hex_value(text.ptr[i + 1]) : 16, low = high < 16 ? weft__hex_value(text.ptr[i + 2]) : 16;
        bool coded = text.ptr[i] == '%' && low < 16 && (high || low);
        p[n++] = coded ? (char)(high * 16 + low) : text.ptr[i];
        i += coded ? 2 : 0;
    }
    p[n] = 0;
    weft__free(*to);
    *to = p;
    return 0;
}

static weft_str before(weft_str *rest, char c)
{
    const char *at = rest->len ? memchr(rest->ptr, c, rest->len) : NULL;
    size_t n = at ? (size_t)(at - rest->ptr) : rest->len;
    weft_str first = { rest->ptr, n };
    *rest = at ? (weft_str){ at + 1, rest->len - n - 1 } : (weft_str){ rest->ptr + n, 0 };
    return first;
}

static int number(weft_str text, unsigned max, unsigned *out)
{
    unsigned n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || n > max) return WEFT_EINVAL;
        n = n * 10 + (unsigned)(text.ptr[i] - '0');
    }
    if (!text.len || !n || n > max) return WEFT_EINVAL;
    *out = n;
    return 0;
}

/* ---- what stands behind the '?' ---- */

static int tls(weft__maria_settings *s, weft_str value, weft_str *fault)
{
    static const struct { const char *name; weft__maria_tls is; } modes[] = { { "disable", WEFT__MARIA_PLAIN }, { "prefer", WEFT__MARIA_PREFER },
        { "require", WEFT__MARIA_REQUIRE }, { "verify-full", WEFT__MARIA_VERIFY } };
    for (size_t i = 0; i < weft_count(modes); i++)
        if (weft_str_equal(value, weft_str_of(modes[i].name))) return s->tls = modes[i].is, 0;
    *fault = WEFT_S("sslmode is disable, prefer (if the server can), require (whoever it is) or verify-full (with a certificate of its name that sslrootcert vouches for)");
    return WEFT_EINVAL;
}

static int option(weft__maria_settings *s, weft_str name, weft_str value, weft_str *fault)
{
    struct { const char *name; char **to; } texts[] = { { "socket", &s->socket }, { "sslrootcert", &s->ca }, { "sslcert", &s->cert }, { "sslkey", &s->key },
        { "user", &s->user }, { "password", &s->password }, { "host", &s->host } };
    for (size_t i = 0; i < weft_count(texts); i++)
        if (weft_str_equal(name, weft_str_of(texts[i].name))) return keep(texts[i].to, value);
    if (weft_str_equal(name, WEFT_S("sslmode"))) return tls(s, value, fault);
    *fault = WEFT_S("connect_timeout is a number of seconds, 1 to 3600");
    if (weft_str_equal(name, WEFT_S("connect_timeout"))) return number(value, 3600, &s->connect_s);
    *fault = WEFT_S("port is 1 to 65535");
    if (weft_str_equal(name, WEFT_S("port"))) return number(value, 65535, &s->port);
    *fault = WEFT_S("behind the '?' come socket, host, port, user, password, connect_timeout, sslmode, sslrootcert, sslcert, sslkey");
    return WEFT_EINVAL;
}

/* ---- what stands before it ---- */

static int server(weft__maria_settings *s, weft_str text, weft_str *fault)
{
    const char *end = text.len && *text.ptr == '[' ? memchr(text.ptr, ']', text.len) : NULL;
    *fault = WEFT_S("a port is 1 to 65535, behind a ':'");
    if (end) {
        weft_str host = { text.ptr + 1, (size_t)(end - text.ptr) - 1 };
        text = (weft_str){ end + 1, text.len - host.len - 2 };
        if (keep(&s->host, host) < 0) return WEFT_ENOMEM;
        if (!text.len) return 0;
        return *text.ptr == ':' ? number((weft_str){ text.ptr + 1, text.len - 1 }, 65535, &s->port) : WEFT_EINVAL;
    }
    bool port = text.len && memchr(text.ptr, ':', text.len);
    weft_str host = before(&text, ':');
    if (host.len && keep(&s->host, host) < 0) return WEFT_ENOMEM;
    return port ? number(text, 65535, &s->port) : 0;
}

static int user(weft__maria_settings *s, weft_str text)
{
    bool password = memchr(text.ptr, ':', text.len);
    weft_str name = before(&text, ':');
    int rc = keep(&s->user, name);
    return rc == 0 && password ? keep(&s->password, text) : rc;
}

static int parse(weft__maria_settings *s, weft_str rest, weft_str *fault)
{
    weft_str main = before(&rest, '?'), path = main, who = before(&path, '/');
    const char *at = who.len ? memrchr(who.ptr, '@', who.len) : NULL;
    int rc = 0;
    if (at) {
        rc = user(s, (weft_str){ who.ptr, (size_t)(at - who.ptr) });
        who = (weft_str){ at + 1, who.len - (size_t)(at + 1 - who.ptr) };
    }
    if (rc == 0) rc = server(s, who, fault);
    *fault = rc == 0 ? WEFT_S("a database has a name without '/'") : *fault;
    if (rc == 0 && path.len && memchr(path.ptr, '/', path.len)) rc = WEFT_EINVAL;
    if (rc == 0 && path.len) rc = keep(&s->schema, path);
    while (rc == 0 && rest.len) {
        weft_str value = before(&rest, '&'), name = before(&value, '=');
        rc = option(s, name, value, fault);
    }
    if (rc == 0 && !s->socket && !s->host) rc = keep(&s->host, WEFT_S("127.0.0.1"));
    *fault = rc == 0 ? WEFT_S("a URL of MariaDB names a user: mysql://user@host/database") : *fault;
    return rc == 0 && !s->user ? WEFT_EINVAL : rc;
}

int weft__maria_settings_of(weft_str rest, const weft_db_opts *o, weft__maria_settings **out, weft_str *fault)
{
    weft__maria_settings *s = weft__malloc(sizeof *s);
    if (!s) return WEFT_ENOMEM;
    *s = (weft__maria_settings){ .refs = 1, .port = PORT, .connect_s = CONNECT_S, .tls = WEFT__MARIA_PREFER, .busy_ms = o->busy_ms, .statements_max = o->statements_max,
        .read_only = o->read_only };
    /* What neither a kill nor a cut connection has ended: a server that is silent does not keep a thread for ever. */
    s->read_s = o->statement_ms < 0 ? 0 : (unsigned)o->statement_ms / 1000 + READ_MORE_S;
    int rc = parse(s, rest, fault);
    if (rc == 0) return *out = s, 0;
    weft__maria_settings_drop(s);
    return rc;
}
