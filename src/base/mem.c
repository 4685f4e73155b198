#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

static void *libc_resize(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    if (size) return realloc(ptr, size);
    free(ptr);
    return NULL;
}

static weft_resize_fn *hook = libc_resize;
static void *hook_ctx;

void weft_set_allocator(weft_resize_fn *resize, void *ctx)
{
    hook = resize ? resize : libc_resize;
    hook_ctx = ctx;
}

void *weft__malloc(size_t size) { return hook(hook_ctx, NULL, size ? size : 1); }

void *weft__calloc(size_t size)
{
    void *p = weft__malloc(size);
    if (p) memset(p, 0, size);
    return p;
}

void *weft__realloc(void *ptr, size_t size) { return hook(hook_ctx, ptr, size ? size : 1); }

void weft__free(void *ptr)
{
    if (ptr) hook(hook_ctx, ptr, 0);
}
