/* What a server's options are when they are not given, and which make sense. */
#include <limits.h>
#include <stdio.h>
#include "http/connection.h"
#include "http/features.h"

enum { HEAD_BYTES = 1 << 30, HEADERS = 1000000, STUCK_MS = 30000, STUCK_LEAST_MS = 1000, RATE = 1024, RATE_MOST = 1000000000 };

typedef struct option {
    const char *name;
    size_t offset;
    bool is_size;                        /* a size_t, else an int */
    uint64_t initial, most;
} option;

#define OPTION(member, ...) { #member, offsetof(weft_serve_opts, member), __VA_ARGS__ }
#define SIZE(member, initial, most) OPTION(member, true, initial, most)
#define COUNT(member, initial, most) OPTION(member, false, initial, most)

static const option options[] = {
    SIZE(head_bytes_max, 16 * 1024, HEAD_BYTES),
    SIZE(target_bytes_max, 8 * 1024, HEAD_BYTES),
    COUNT(headers_max, 100, HEADERS),
    SIZE(body_bytes_max, 1 << 20, INT64_MAX),
    SIZE(request_bytes_max, 16 << 20, INT64_MAX),
    COUNT(head_timeout_ms, 10000, INT_MAX),
    COUNT(body_timeout_ms, 30000, INT_MAX),
    COUNT(idle_timeout_ms, 75000, INT_MAX),
    COUNT(write_timeout_ms, 30000, INT_MAX),
    COUNT(rate_grace_ms, 10000, INT_MAX),
    COUNT(connections_max, 10000, INT_MAX),
    COUNT(streams_max, 100, INT_MAX),
    COUNT(grace_ms, 10000, INT_MAX),
    COUNT(hard_ms, WEFT__HARD_MS, INT_MAX),
    COUNT(background_max, 1000, 1 << 20),
    COUNT(background_ms, 10000, INT_MAX),
};

static int size_option(const option *o, size_t *value, char *why)
{
    if (!*value) *value = o->initial;
    if (*value <= o->most) return 0;
    snprintf(why, 256, "%s is %zu: expected 1 to %llu, or 0 for %llu", o->name, *value,
        (unsigned long long)o->most, (unsigned long long)o->initial);
    return WEFT_EINVAL;
}

static int count_option(const option *o, int *value, char *why)
{
    if (!*value) *value = (int)o->initial;
    if (*value > 0 && (uint64_t)*value <= o->most) return 0;
    snprintf(why, 256, "%s is %d: expected 1 to %llu, or 0 for %llu", o->name, *value,
        (unsigned long long)o->most, (unsigned long long)o->initial);
    return WEFT_EINVAL;
}

static int protocol_options(const weft_serve_opts *o, char *why)
{
    const char *wrong = !o->no_http1 ? NULL
                        : o->no_http2 ? "no_http1 and no_http2: nothing is left to speak"
                        : !WEFT__HAS_HTTP2 ? "no_http1: this weft was built without HTTP/2"
                                           : NULL;
    if (!wrong) return 0;
    snprintf(why, 256, "%s", wrong);
    return WEFT_EINVAL;
}

static int tls_options(const weft_serve_opts *all, char *why)
{
    const weft_tls_server *o = &all->tls;
    const char *wrong = o->redirect_port < -1 || o->redirect_port > 65535 ? "tls.redirect_port: expected -1 to 65535"
                        : o->redirect_port && !o->certs ? "tls.redirect_port without tls.certs: there is no https to go to"
                        : o->client_ca_file && !o->certs ? "tls.client_ca_file without tls.certs"
                        : o->client_required && !o->certs ? "tls.client_required without tls.certs"
                        : o->protocols ? "tls.protocols: an HTTP server has its own"
                                       : NULL;
    if (!wrong) return 0;
    snprintf(why, 256, "%s", wrong);
    return WEFT_EINVAL;
}

int weft__server_options(weft_serve_opts *out, const weft_serve_opts *given, char *why)
{
    weft_serve_opts opts = *given;
    if (!opts.host) opts.host = "127.0.0.1";
    if (!opts.port) opts.port = 8000;
    if (opts.port < -1 || opts.port > 65535) {
        snprintf(why, 256, "port is %d: expected -1 to 65535", opts.port);
        return WEFT_EINVAL;
    }
    if (opts.unready_ms < 0) {
        snprintf(why, 256, "unready_ms is %d: expected 0 or more", opts.unready_ms);
        return WEFT_EINVAL;
    }
    if (opts.unix_mode < 0 || opts.unix_mode > 0777) {
        snprintf(why, 256, "unix_mode is 0%o: expected 0 to 0777", (unsigned)opts.unix_mode);
        return WEFT_EINVAL;
    }
    if (opts.workers < -1 || opts.workers > WEFT__FLEET_MAX) {
        snprintf(why, 256, "workers is %d: expected 0 to %d, or -1 for one a processor", opts.workers, WEFT__FLEET_MAX);
        return WEFT_EINVAL;
    }
    if (!opts.stuck_ms) opts.stuck_ms = STUCK_MS;
    if (opts.stuck_ms < -1 || (opts.stuck_ms > 0 && opts.stuck_ms < STUCK_LEAST_MS)) {
        snprintf(why, 256, "stuck_ms is %d: expected %d or more, or -1 for never", opts.stuck_ms, STUCK_LEAST_MS);
        return WEFT_EINVAL;
    }
    if (!opts.rate_min) opts.rate_min = RATE;
    if (opts.rate_min < -1 || opts.rate_min > RATE_MOST) {
        snprintf(why, 256, "rate_min is %d: expected 1 to %d, or -1 for none", opts.rate_min, RATE_MOST);
        return WEFT_EINVAL;
    }
    if (opts.max_requests < 0) {
        snprintf(why, 256, "max_requests is %d: expected 0 or more", opts.max_requests);
        return WEFT_EINVAL;
    }
    const struct { const char *name; int value; } counts[] = {
        { "connections_per_address_max", opts.connections_per_address_max }, { "concurrency_max", opts.concurrency_max },
        { "shed_lag_ms", opts.shed_lag_ms },
    };
    for (size_t i = 0; i < weft_count(counts); i++) {
        if (counts[i].value >= 0) continue;
        snprintf(why, 256, "%s is %d: expected 0 or more", counts[i].name, counts[i].value);
        return WEFT_EINVAL;
    }
    int rc = tls_options(&opts, why);
    if (rc == 0) rc = protocol_options(&opts, why);
    if (rc < 0) return rc;
    for (const option *o = options; o < options + weft_count(options); o++) {
        void *value = (char *)&opts + o->offset;
        rc = o->is_size ? size_option(o, value, why) : count_option(o, value, why);
        if (rc < 0) return rc;
    }
    *out = opts;
    return 0;
}
