/* A connection is made: names looked up, libpq's steps, what is set for the session. All on the loop's own stack, for nobody in particular. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "db/postgres.h"
#include "os/borrowed.h"

enum { HOSTS_MAX = 16, SETTINGS_MAX = 64, LISTS_MAX = 16 * 1024, CONNECT_MS = 5000 };

struct weft__pg_opening {
    weft__pg_conn *conn;
    weft__watch resolved;
    weft__resolve *name;
    weft__timer limit;
    const char *hosts, *ports;       /* what is left of the lists */
    weft__buf host, hostaddr, port;  /* as libpq takes them: one of each an address */
    char looking_up[256];
    unsigned char head[9];           /* of the message that the server is at, before it is asked for a password; `has` bytes of it are there, `skip` more are of no matter */
    unsigned has, skip;
    bool talking;                    /* connected; the session is being set up */
};

/* ---- settings ---- */

static const char *value_of(const PQconninfoOption *o, const char *name)
{
    for (; o && o->keyword; o++)
        if (strcmp(o->keyword, name) == 0) return o->val && *o->val ? o->val : NULL;
    return NULL;
}

/* What the environment says where the URL is silent (PGHOST, a service file): left to libpq, it would look up names in a blocking way. */
static const char *setting(const weft__pg_core *c, const char *name)
{
    const char *own = value_of(c->info, name);
    return own ? own : value_of(c->defaults, name);
}

int weft__pg_settings(weft__pg_core *c, weft_str rest, weft_str *fault)
{
    static _Thread_local char why_text[300];
    char *why = NULL;
    weft__buf url;
    weft__buf_init(&url, 8192);
    weft__buf_add_str(&url, WEFT_S("postgresql://"));
    weft__buf_add_str(&url, rest);
    weft__buf_add_char(&url, 0);
    int rc = url.failed;
    if (rc == 0) {
        c->info = PQconninfoParse(url.ptr, &why);
        if (!c->info) {
            const char *quoted = why ? strstr(why, ": \"") : NULL;      /* a piece of the URL: perhaps of its password */
            snprintf(why_text, sizeof why_text, "%.*s", !why ? 9 : (int)(quoted ? (size_t)(quoted - why) : strcspn(why, "\n")), why ? why : "no memory");
            *fault = weft_str_of(why_text);
            rc = why && !strstr(why, "out of memory") ? WEFT_EINVAL : WEFT_ENOMEM;
        }
    }
    PQfreemem(why);
    weft__buf_free(&url);
    if (rc == 0 && !(c->defaults = PQconndefaults())) rc = WEFT_ENOMEM;
    const char *seconds = rc == 0 ? setting(c, "connect_timeout") : NULL;
    int s = seconds ? atoi(seconds) : 0;
    c->connect_ns = (s > 0 && s < 3600 ? s * 1000 : CONNECT_MS) * WEFT__PG_MS;
    return rc;
}

/* "" and prefer, allow: it was left to the server whether there is TLS. */
static bool tls_is_open(const weft__pg_core *c)
{
    const char *mode = setting(c, "sslmode");
    return !mode || strcmp(mode, "prefer") == 0 || strcmp(mode, "allow") == 0;
}

/* ---- the end ---- */

void weft__pg_open_end(weft__pg_conn *c)
{
    weft__pg_opening *o = c->opening;
    weft__loop *loop = c->core->root->loop;
    if (!o) return;
    if (o->name) {
        weft__loop_os(loop)->ops->resolve_free(weft__loop_os(loop), o->name);
        weft__loop_forget(loop, &o->resolved);
    }
    weft__timer_stop(loop, &o->limit);
    weft__buf_free(&o->host);
    weft__buf_free(&o->hostaddr);
    weft__buf_free(&o->port);
    weft__free(o);
    c->opening = NULL;
}

static void unopened(weft__pg_conn *c, const char *why)
{
    if (c->listener) weft__pg_listen_unopened(c, why);
    else weft__pg_unopened(c, why);
}

/* libpq 16's word for what own() has it refuse names neither sslmode nor a way out. */
static void fail(weft__pg_conn *c, const char *why)
{
    char text[500];
    const char *pg = c->pg ? PQerrorMessage(c->pg) : "", *said = why ? why : pg;
    bool in_clear = !why && strstr(pg, "requirement \"!password\"") && tls_is_open(c->core);
    size_t n = strcspn(said, "\n");
    snprintf(text, sizeof text, "%.*s%s", n < 300 ? (int)n : 300, said,
        in_clear ? " (the password in clear is told only where the URL says how: sslmode=verify-full or require behind TLS, sslmode=disable without)" : "");
    weft__pg_open_end(c);
    weft__pg_close(c);
    unopened(c, text);
}

static void on_limit(weft__timer *t)
{
    weft__pg_opening *o = (weft__pg_opening *)((char *)t - offsetof(weft__pg_opening, limit));
    char text[400];
    snprintf(text, sizeof text, "no answer within %d ms%s%s", (int)(o->conn->core->connect_ns / WEFT__PG_MS), o->name ? " from the names' server, looking up " : "", o->name ? o->looking_up : "");
    fail(o->conn, text);
}

/* ---- connecting ---- */

static void add_address(weft__pg_opening *o, const char *host, const char *addr, const char *port)
{
    bool first = !o->port.len;
    weft__buf_printf(&o->host, "%s%s", first ? "" : ",", host);
    weft__buf_printf(&o->hostaddr, "%s%s", first ? "" : ",", addr);
    weft__buf_printf(&o->port, "%s%s", first ? "" : ",", port);
}

static const char *own(const weft__pg_opening *o, const char *name, const char *theirs)
{
    if (strcmp(name, "host") == 0) return o->host.ptr;
    if (strcmp(name, "hostaddr") == 0) return o->hostaddr.ptr;
    if (strcmp(name, "port") == 0) return o->port.ptr;
    if (strcmp(name, "client_encoding") == 0) return "UTF8";
    if (theirs) return theirs;
    if (strcmp(name, "require_auth") == 0 && tls_is_open(o->conn->core) && o->host.ptr && *o->host.ptr != '/' && *o->host.ptr != '@') return "!password";
    if (strcmp(name, "gssencmode") == 0) return "disable";           /* it would ask a Kerberos that may be far, in a blocking way */
    if (strcmp(name, "fallback_application_name") == 0) return "weft";
    if (strcmp(name, "keepalives_idle") == 0) return "30";
    if (strcmp(name, "keepalives_interval") == 0) return "10";
    if (strcmp(name, "keepalives_count") == 0) return "3";
    return NULL;
}

/* ---- who poses as a server ---- */

static uint32_t big32(const unsigned char *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* libpq sends the password in clear to whoever asks for it, and only its version 16 can be told not to (require_auth). So before that nothing of what a server says about logging in
 * comes to libpq but what was looked at here, byte by byte, however it is split: in an 'R' a 3 (PostgreSQL's protocol, 55.7: AuthenticationCleartextPassword). */
static bool is_looked_at(const weft__pg_conn *c)
{
    const char *host = PQhost(c->pg), *password = PQpass(c->pg);
    ConnStatusType is = PQstatus(c->pg);
    if (PQlibVersion() >= 160000 || !tls_is_open(c->core) || PQsslInUse(c->pg) || PQsocket(c->pg) < 0) return false;
    if ((host && (*host == '/' || *host == '@')) || !password || !*password) return false;
    return is == CONNECTION_SSL_STARTUP || is == CONNECTION_AWAITING_RESPONSE;
}

/* Nine bytes of a message say what it is; then comes what else is of its length. */
static bool asks_in_clear(weft__pg_opening *o, const unsigned char *said, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (o->skip) {
            o->skip--;
            continue;
        }
        o->head[o->has++] = said[i];
        uint32_t len = o->has >= 5 ? big32(o->head + 1) : 0;
        if (o->has == 9 && *o->head == 'R' && big32(o->head + 5) == 3) return true;
        if (o->has < 5 || (o->has < 9 && o->has < (uint64_t)len + 1)) continue;
        o->skip = (uint64_t)len + 1 > o->has ? len + 1 - o->has : 0;
        o->has = 0;
    }
    return false;
}

/* What it reads by itself is the end, the 'S' of TLS, or of a new connection: the messages begin anew behind that. */
static int step_by_itself(weft__pg_conn *c, PostgresPollingStatusType *next)
{
    c->opening->has = c->opening->skip = 0;
    *next = PQconnectPoll(c->pg);
    return 0;
}

/* A server that takes no TLS says 'N' before it is told who comes: that is a step alone, and of no message. */
static int step_by_part(weft__pg_conn *c, PostgresPollingStatusType *next)
{
    unsigned char said[4096];                        /* libpq has room for these at least */
    weft__borrowed_part part;
    bool over, first = PQstatus(c->pg) == CONNECTION_SSL_STARTUP;
    int fd = PQsocket(c->pg);
    (void)weft__borrowed_tells(fd, &over);           /* before it is read: behind its end nothing comes */
    size_t n = first ? weft__borrowed_peek(fd, said, 1) : weft__borrowed_read(fd, said, sizeof said);
    if (!n && !over) return 0;
    if (!n || (first && *said == 'S')) return step_by_itself(c, next);
    if (first) n = weft__borrowed_read(fd, said, 1);
    if (!(first && *said == 'N') && asks_in_clear(c->opening, said, n)) return WEFT_EDB_AWAY;
    if (!weft__borrowed_part_begin(&part, fd, said, n)) return WEFT_ENOMEM;
    *next = PQconnectPoll(c->pg);
    if (!weft__borrowed_part_end(&part)) *next = PGRES_POLLING_FAILED;
    if (part.left) c->opening->has = c->opening->skip = 0;
    return 0;
}

/* One step of libpq's. It may close its socket and open another, so nothing of the old one is watched meanwhile. */
static void step(weft__pg_conn *c)
{
    PostgresPollingStatusType next = PGRES_POLLING_READING;
    weft__pg_unwatch(c);
    int rc = is_looked_at(c) ? step_by_part(c, &next) : step_by_itself(c, &next);
    if (rc < 0) {
        fail(c, rc == WEFT_ENOMEM ? "no descriptor is free to look at what it says first"
            : "it takes no TLS and asks for the password in clear, which it is not told: sslmode=verify-full in the URL wants TLS and a certificate, sslmode=disable tells it");
        return;
    }
    switch (next) {
    case PGRES_POLLING_READING: weft__pg_watch(c, WEFT__WATCH_LEVEL_IN); break;
    case PGRES_POLLING_WRITING: weft__pg_watch(c, WEFT__WATCH_LEVEL_OUT); break;
    case PGRES_POLLING_OK: {
        char timeout[16] = "0";
        const weft_db_opts *o = &c->core->root->opts;
        const char *values[] = { timeout, o->read_only ? "on" : "off" };
        if (o->statement_ms > 0) snprintf(timeout, sizeof timeout, "%d", o->statement_ms > 0x7ffffff ? 0 : o->statement_ms + 500);
        c->opening->talking = true;
        bool fine = PQsetnonblocking(c->pg, 1) == 0 && PQenterPipelineMode(c->pg)
            && PQsendQueryParams(c->pg, "SELECT set_config('statement_timeout', $1, false), set_config('standard_conforming_strings', 'on', false),"
                " set_config('default_transaction_read_only', CASE WHEN $2 = 'on' THEN 'on' ELSE current_setting('default_transaction_read_only') END, false)",
                2, NULL, values, NULL, NULL, 1) && PQpipelineSync(c->pg) && weft__pg_flush(c);
        if (!fine) fail(c, NULL);
        return;
    }
    default: fail(c, NULL); return;
    }
    if (c->broken) fail(c, "its socket cannot be watched");
}

/* libpq would write them to stderr. */
static void no_notice(void *arg, const PGresult *r) { (void)arg, (void)r; }

static void connect_now(weft__pg_conn *c)
{
    weft__pg_opening *o = c->opening;
    const char *names[SETTINGS_MAX], *values[SETTINGS_MAX];
    int n = 0;
    weft__buf_add_char(&o->host, 0);
    weft__buf_add_char(&o->hostaddr, 0);
    weft__buf_add_char(&o->port, 0);
    if (o->host.failed || o->hostaddr.failed || o->port.failed) {
        fail(c, "no memory for its addresses");
        return;
    }
    for (const PQconninfoOption *i = c->core->info; i->keyword && n < SETTINGS_MAX - 1; i++) {
        const char *value = own(o, i->keyword, i->val);
        if (!value) continue;
        names[n] = i->keyword;
        values[n++] = value;
    }
    names[n] = values[n] = NULL;
    c->pg = PQconnectStartParams(names, values, 0);
    if (c->pg) c->kept = weft__calloc(((size_t)c->core->root->opts.statements_max + 1) * sizeof *c->kept);
    if (!c->pg || !c->kept || PQstatus(c->pg) == CONNECTION_BAD) {
        fail(c, c->pg && c->kept ? NULL : "no memory");
        return;
    }
    PQsetNoticeReceiver(c->pg, no_notice, NULL);
    weft__pg_watch(c, WEFT__WATCH_LEVEL_OUT);        /* before the first poll it is as if it wanted to write */
    if (c->broken) fail(c, "its socket cannot be watched");
}

/* ---- names ---- */

/* The next of a list with commas; false: there is none. */
static bool next_of(const char **list, char *to, size_t room)
{
    if (!*list) return false;
    size_t n = strcspn(*list, ",");
    snprintf(to, room, "%.*s", (int)n, *list);
    *list = (*list)[n] ? *list + n + 1 : NULL;
    return true;
}

static void look_up(weft__pg_conn *c)
{
    weft__pg_opening *o = c->opening;
    weft__os *os = weft__loop_os(c->core->root->loop);
    char port[16];
    weft__addr literal;
    for (int n = 0; o->hosts && n < HOSTS_MAX; n++) {
        const char *ports = o->ports;
        (void)next_of(&o->hosts, o->looking_up, sizeof o->looking_up);
        next_of(&ports, port, sizeof port);
        const char *h = o->looking_up;
        if (!*h || *h == '/' || *h == '@') add_address(o, h, "", port);
        else if (weft__addr_parse(weft_str_of(h), atoi(port), &literal) == 0) add_address(o, h, h, port);
        else {
            o->name = os->ops->resolve(os, h, atoi(port), &o->resolved);
            if (!o->name) fail(c, "no memory to look up its name");
            return;
        }
        if (ports) o->ports = ports;
    }
    connect_now(c);
}

/* An address without its port and brackets. */
static void bare_address(const weft__addr *a, char out[64])
{
    char text[64];
    weft__addr_format(a, text);
    char *end = strrchr(text, ':');
    if (end) *end = 0;
    size_t n = strlen(text);
    if (*text == '[' && n > 2) snprintf(out, 64, "%.*s", (int)n - 2, text + 1);
    else snprintf(out, 64, "%s", text);
}

static void on_resolved(weft__watch *watch, uint32_t events)
{
    weft__pg_opening *o = (weft__pg_opening *)((char *)watch - offsetof(weft__pg_opening, resolved));
    weft__pg_conn *c = o->conn;
    weft__os *os = weft__loop_os(c->core->root->loop);
    weft__addr found[WEFT__ADDRS_MAX];
    const char *why = NULL, *ports = o->ports;
    char port[16], text[500], addr[64];
    (void)events;
    int n = os->ops->resolved(o->name, found, WEFT__ADDRS_MAX, &why);
    os->ops->resolve_free(os, o->name);
    o->name = NULL;
    if (n < 0) {
        snprintf(text, sizeof text, "'%s': %s", o->looking_up, why ? why : "the name is not known");
        fail(c, text);
        return;
    }
    next_of(&ports, port, sizeof port);
    for (int i = 0; i < n; i++) {
        bare_address(&found[i], addr);
        add_address(o, o->looking_up, addr, port);
    }
    if (ports) o->ports = ports;
    look_up(c);
}

/* ---- begin, and what the poller tells ---- */

void weft__pg_open(weft__pg_conn *c)
{
    weft__loop *loop = c->core->root->loop;
    const char *hostaddr = setting(c->core, "hostaddr"), *host = setting(c->core, "host"), *port = setting(c->core, "port");
    c->opening = weft__calloc(sizeof *c->opening);
    if (!c->opening) {
        unopened(c, "no memory");
        return;
    }
    weft__pg_opening *o = c->opening;
    o->conn = c;
    o->resolved.ready = on_resolved;
    o->limit.fire = on_limit;
    weft__buf_init(&o->host, LISTS_MAX);
    weft__buf_init(&o->hostaddr, LISTS_MAX);
    weft__buf_init(&o->port, LISTS_MAX);
    if (weft__timer_start(loop, &o->limit, weft__loop_clock(loop) + c->core->connect_ns) < 0) {
        fail(c, "no memory for a timer");
        return;
    }
    o->hosts = hostaddr ? NULL : host ? host : "";
    o->ports = port ? port : "5432";
    if (hostaddr) {
        weft__buf_printf(&o->host, "%s", host ? host : "");
        weft__buf_printf(&o->hostaddr, "%s", hostaddr);
        weft__buf_printf(&o->port, "%s", o->ports);
    }
    look_up(c);
}

static void talk(weft__pg_conn *c)
{
    if (!PQconsumeInput(c->pg) || !weft__pg_flush(c)) {
        fail(c, NULL);
        return;
    }
    for (PGresult *r; (r = weft__pg_result(c));) {
        ExecStatusType is = PQresultStatus(r);
        char text[300];
        snprintf(text, sizeof text, "%s", PQresultErrorMessage(r));
        PQclear(r);
        if (is == PGRES_FATAL_ERROR || is == PGRES_PIPELINE_ABORTED) {
            fail(c, text);
            return;
        }
        if (is != PGRES_PIPELINE_SYNC) continue;
        weft__pg_open_end(c);
        if (c->listener) weft__pg_listen_opened(c);
        else weft__pg_opened(c);
        return;
    }
}

void weft__pg_open_ready(weft__pg_conn *c)
{
    if (c->opening->talking) talk(c);
    else step(c);
}
