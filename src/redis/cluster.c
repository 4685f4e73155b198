/* A cluster: which server has a slot. What is not known is asked of any of them, and what it answers (MOVED) is remembered; so nothing has to be
 * known before, and nothing is believed for longer than it is true. */
#include <stdio.h>
#include <string.h>
#include "redis/inside.h"

enum { NODES_MAX = 1000 };

/* The oldest that no slot is of any more and in which nobody is; the URL's stays. */
static bool forget_one(weft_redis *root)
{
    for (weft__rnode *node = root->nodes; node; node = node->next) node->named = false;
    for (int i = 0; i < WEFT__SLOTS_ALL; i++)
        if (root->slots[i]) root->slots[i]->named = true;
    for (weft__rnode **at = &root->nodes->next, *node; (node = *at); at = &node->next) {
        if (node->named || node->users || node->holders) continue;
        *at = node->next;
        weft__rnode_free(node);
        return true;
    }
    return false;
}

weft__rnode *weft__cluster_node(weft_redis *root, const char *host, int port)
{
    int n = 0;
    weft__rnode **at = &root->nodes;
    for (; *at; at = &(*at)->next, n++)
        if ((*at)->port == port && strcmp((*at)->host, host) == 0) return *at;
    if (n >= NODES_MAX && !forget_one(root)) return NULL;
    for (at = &root->nodes; *at;) at = &(*at)->next;
    return *at = weft__rnode_new(root, host, port);
}

/* One that is not known to be down; when all are, the first. */
static weft__rnode *any_node(weft_redis *root)
{
    int64_t now_ns = weft__loop_clock(root->loop);
    for (weft__rnode *node = root->nodes; node; node = node->next)
        if (node->down_until_ns <= now_ns && !node->failures) return node;
    for (weft__rnode *node = root->nodes; node; node = node->next)
        if (node->down_until_ns <= now_ns) return node;
    return root->nodes;
}

weft__rnode *weft__cluster_route(weft_redis *root, int slot)
{
    weft__rnode *node = root->slots && slot >= 0 ? root->slots[slot] : NULL;
    if (!root->slots) return root->nodes;
    return node && weft__rnode_usable(node) ? node : any_node(root);
}

/* "MOVED 3999 127.0.0.1:6381", "ASK ...": an empty host is that of who said it. */
weft__rnode *weft__cluster_told(weft_redis *root, const weft__rnode *by, weft_str words, int *slot)
{
    char text[WEFT__REDIS_HOST + 40], host[WEFT__REDIS_HOST];
    if (words.len >= sizeof text) return NULL;
    memcpy(text, words.ptr, words.len);
    text[words.len] = 0;
    char *first = strchr(text, ' '), *second = first ? strchr(first + 1, ' ') : NULL, *colon = second ? strrchr(second, ':') : NULL;
    if (!colon) return NULL;
    *slot = 0;
    for (const char *c = first + 1; c < second; c++) {
        if (*c < '0' || *c > '9' || *slot >= WEFT__SLOTS_ALL) return NULL;
        *slot = *slot * 10 + (*c - '0');
    }
    int port = 0;
    for (const char *c = colon + 1; *c; c++) {
        if (*c < '0' || *c > '9' || port > 65535) return NULL;
        port = port * 10 + (*c - '0');
    }
    if (*slot >= WEFT__SLOTS_ALL || !port || port > 65535) return NULL;
    int n = (int)(colon - second) - 1;
    snprintf(host, sizeof host, "%.*s", n ? n : (int)sizeof host - 1, n ? second + 1 : by->host);
    return weft__redis_host_good(host) || !n ? weft__cluster_node(root, host, port) : NULL;
}
