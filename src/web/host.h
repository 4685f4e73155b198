#ifndef WEFT_SRC_WEB_HOST_H
#define WEFT_SRC_WEB_HOST_H
/* Host patterns: "api.example.com", "*.example.com", "{tenant}.example.com". A label is a text, "*" for any
 * one label, or {name} for one that becomes a parameter. Compared without case, without port and without
 * the point that may end a name. Nothing here waits. */
#include "web/router.h"

enum { WEFT__HOST_LABELS_MAX = 16, WEFT__HOST_BYTES_MAX = 253 };

/* Its slices point into the text that it was read from. */
typedef struct weft__host_pattern {
    weft_str text;
    unsigned count, params;
    weft__segment labels[WEFT__HOST_LABELS_MAX];     /* WEFT__REST: "*" */
} weft__host_pattern;

/* 0, or WEFT_EINVAL with what is wrong in *why (static). */
int weft__host_read(weft_str text, weft__host_pattern *out, const char **why);

/* Does "host[:port]" match? Its parameters go to `params`, in order: slices of it. */
bool weft__host_matches(const weft__host_pattern *p, weft_str authority, weft_str *params);

/* The routes of one host. */
typedef struct weft__host {
    weft__host_pattern pattern;
    weft__trie trie;
} weft__host;
typedef struct weft__hosts { weft__host **items; uint32_t count, room; } weft__hosts;
#endif
