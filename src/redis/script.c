/* Scripts by their SHA-1, which a server that has run one knows it by. */
#include <openssl/sha.h>
#include <string.h>
#include "base/mem.h"
#include "redis/inside.h"

enum { SCRIPTS_MAX = 128, SOURCE_MAX = 64 * 1024 };

typedef struct script { char *source; size_t len; char sha[2 * SHA_DIGEST_LENGTH + 1]; } script;
struct weft__rscripts { script known[SCRIPTS_MAX]; uint32_t count, next; };

static bool learn(script *s, weft_str source)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    char *copy = weft__malloc(source.len + 1);
    if (!copy) return false;
    memcpy(copy, source.ptr, source.len);
    weft__free(s->source);
    s->source = copy;
    s->len = source.len;
    SHA1((const unsigned char *)source.ptr, source.len, digest);
    for (int i = 0; i < SHA_DIGEST_LENGTH; i++) {
        s->sha[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        s->sha[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    return true;
}

const char *weft__script_sha(weft_redis *root, weft_str source)
{
    if (!source.ptr || source.len > SOURCE_MAX) return NULL;
    if (!root->scripts && !(root->scripts = weft__calloc(sizeof *root->scripts))) return NULL;
    weft__rscripts *all = root->scripts;
    for (uint32_t i = 0; i < all->count; i++) {
        script *s = &all->known[i];
        if (s->len == source.len && memcmp(s->source, source.ptr, source.len) == 0) return s->sha;
    }
    script *s = &all->known[all->next];
    if (!learn(s, source)) return NULL;
    if (all->count < SCRIPTS_MAX) all->count++;
    all->next = (all->next + 1) % SCRIPTS_MAX;
    return s->sha;
}

void weft__scripts_free(weft_redis *root)
{
    for (uint32_t i = 0; root->scripts && i < root->scripts->count; i++) weft__free(root->scripts->known[i].source);
    weft__free(root->scripts);
    root->scripts = NULL;
}
