/* What a program has set for all its calls: weft_client_limits. */
#include <string.h>
#include "http/origin.h"

static const weft__client_limits DEFAULTS = {
    .origin_max = 100, .total_max = 1000, .origins_max = 1024, .idle_ms = 30000
};
static weft_client_opts settings;    /* of the whole program; 0: the default */

const weft_client_opts *weft__client_settings(void) { return &settings; }

weft__client_limits weft__client_limits_set(void)
{
    weft__client_limits l = DEFAULTS;
    if (settings.origin_connections_max) l.origin_max = (unsigned)settings.origin_connections_max;
    if (settings.connections_max) l.total_max = (unsigned)settings.connections_max;
    if (settings.idle_ms) l.idle_ms = settings.idle_ms;
    return l;
}

/* The caller's texts need not stay. */
enum { SETTING_TEXTS = 4, SETTING_MAX = 4096 };
static char setting_texts[SETTING_TEXTS][SETTING_MAX];

static bool settings_keep(const weft_client_opts *o)
{
    weft_client_opts s = *o;
    const char **const texts[SETTING_TEXTS] = { &s.tls.ca_file, &s.tls.cert_file, &s.tls.key_file, &s.tls.name };
    for (int i = 0; i < SETTING_TEXTS; i++)
        if (*texts[i] && strlen(*texts[i]) >= SETTING_MAX) return false;
    for (int i = 0; i < SETTING_TEXTS; i++)
        if (*texts[i]) *texts[i] = memmove(setting_texts[i], *texts[i], strlen(*texts[i]) + 1);
    settings = s;
    return true;
}

int weft_client_limits_with(const weft_client_opts *o)
{
    const char *wrong = o->origin_connections_max < 0 ? "origin_connections_max"
                        : o->connections_max < 0      ? "connections_max"
                        : o->idle_ms < 0              ? "idle_ms"
                        : o->http2 > WEFT_HTTP2_ALWAYS ? "http2"
                        : o->tls.protocols            ? "tls.protocols (HTTP has its own)"
                                                      : NULL;
    weft__loop *loop = weft__loop_here();
    char why[WEFT__TLS_WHY];
    if (wrong) {
        return weft__fail_as(
            NULL, WEFT_EINVAL, 0, "option %s of weft_client_limits makes no sense", wrong);
    }
    if (weft__tls_client_check(&o->tls, why) < 0) return weft__fail_as(NULL, WEFT_EINVAL, 0, "weft_client_limits: %s", why);
    if (loop && *weft__loop_slot(loop, WEFT__SLOT_CLIENT)) {
        return weft__fail_as(NULL, WEFT_EBUSY, 0,
            "weft_client_limits after a call: set them in main, before weft_run or weft_serve");
    }
    return settings_keep(o) ? 0 : weft__fail_as(NULL, WEFT_EINVAL, 0, "a text of weft_client_limits is longer than %d bytes", SETTING_MAX - 1);
}
