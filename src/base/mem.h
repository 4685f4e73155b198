#ifndef WEFT_SRC_BASE_MEM_H
#define WEFT_SRC_BASE_MEM_H
#include "weft/base.h"

/* The allocator hook's inner side: the only way memory is taken in weft (stacks are mapped by os/).
 * Each returns NULL when none is left; free of NULL is fine. */
void *weft__malloc(size_t size) WEFT_NODISCARD;
void *weft__calloc(size_t size) WEFT_NODISCARD;      /* zeroed */
void *weft__realloc(void *ptr, size_t size) WEFT_NODISCARD;
void weft__free(void *ptr);
#endif
