#include "web/host.h"
#include <string.h>
#include "wire/bytes.h"

/* ---- reading ---- */

static bool label_char(char c)
{
    char low = (char)(c | 0x20);
    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static const char *read_name(weft_str inner, weft__host_pattern *p)
{
    if (!inner.len) return "a parameter without a name";
    for (size_t i = 0; i < inner.len; i++)
        if (!label_char(inner.ptr[i]) || inner.ptr[i] == '-')
            return "a parameter's name has letters, digits and '_' only";
    for (unsigned i = 0; i < p->count; i++)
        if (p->labels[i].kind == WEFT__PARAM && weft_str_equal(p->labels[i].name, inner))
            return "two parameters with the same name";
    p->labels[p->count] = (weft__segment){ .kind = WEFT__PARAM, .name = inner };
    p->params++;
    return NULL;
}

static const char *read_label(weft_str text, weft__host_pattern *p)
{
    if (p->count == WEFT__HOST_LABELS_MAX) return "more than 16 labels";
    if (!text.len) return "an empty label";
    const char *why = NULL;
    if (text.ptr[0] == '{' && text.ptr[text.len - 1] == '}')
        why = read_name((weft_str){ text.ptr + 1, text.len - 2 }, p);
    else if (weft_str_equal(text, WEFT_S("*"))) p->labels[p->count] = (weft__segment){ .kind = WEFT__REST };
    else p->labels[p->count] = (weft__segment){ .kind = WEFT__LITERAL, .before = text };
    for (size_t i = 0; !why && p->labels[p->count].kind == WEFT__LITERAL && i < text.len; i++) {
        if (text.ptr[i] == ':') why = "it has no port: a host matches on each";
        else if (!label_char(text.ptr[i]))
            why = "a label is letters, digits and '-'; or all of it is '*' or {name}";
    }
    p->count++;
    return why;
}

int weft__host_read(weft_str text, weft__host_pattern *out, const char **why)
{
    const char *at = text.ptr, *end = at + text.len;
    *out = (weft__host_pattern){ .text = text };
    *why = !text.len ? "it is empty" : text.len > WEFT__HOST_BYTES_MAX ? "more than 253 bytes" : NULL;
    while (!*why) {
        const char *dot = memchr(at, '.', (size_t)(end - at)), *stop = dot ? dot : end;
        *why = read_label((weft_str){ at, (size_t)(stop - at) }, out);
        if (!dot) break;
        at = dot + 1;
    }
    return *why ? WEFT_EINVAL : 0;
}

/* ---- matching ---- */

/* Empty for an IPv6 address, which has no labels. */
static weft_str without_port(weft_str authority)
{
    const char *colon = authority.len ? memchr(authority.ptr, ':', authority.len) : NULL;
    if (authority.len && authority.ptr[0] == '[') return (weft_str){ authority.ptr, 0 };
    if (colon) authority.len = (size_t)(colon - authority.ptr);
    if (authority.len && authority.ptr[authority.len - 1] == '.') authority.len--;
    return authority;
}

bool weft__host_matches(const weft__host_pattern *p, weft_str authority, weft_str *params)
{
    weft_str host = without_port(authority);
    const char *at = host.ptr, *end = at + host.len;
    for (unsigned i = 0; i < p->count; i++) {
        if (!at || at == end) return false;
        const char *dot = memchr(at, '.', (size_t)(end - at)), *stop = dot ? dot : end;
        weft_str label = { at, (size_t)(stop - at) };
        const weft__segment *want = &p->labels[i];
        if (!label.len || (want->kind == WEFT__LITERAL && !weft__same_nocase(label, want->before))) return false;
        if (want->kind == WEFT__PARAM) *params++ = label;
        at = dot ? dot + 1 : NULL;
    }
    return !at;
}
