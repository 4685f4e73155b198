#ifndef WEFT_TESTS_LIBPQ_ALLOC_H
#define WEFT_TESTS_LIBPQ_ALLOC_H
/* Allocations of libpq's own, which come from malloc: counted, and one of them failed by its number. Its calls are led here by the table of the addresses that the
 * linker has filled in for it; nobody else's are. */
#include <stdbool.h>

typedef struct libpq_memory { long made, fail_at; bool failed; } libpq_memory;
extern libpq_memory libpq_mem;       /* fail_at: of `made`; 0: none */

/* False: there is no libpq to be led here (it is linked in another way). */
bool libpq_mem_watch(void);
#endif
