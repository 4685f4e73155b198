#ifndef WEFT_SRC_OS_CALL_SITE_H
#define WEFT_SRC_OS_CALL_SITE_H
/* Is a word a return address? What stands before it in the code tells. */
#include <stdbool.h>
#include <stdint.h>

/* The call instruction that ends at a return address. `target`: the function that it calls, through the linkage table
 * too; 0: not known, for it was in a register. */
typedef struct weft__call_site { bool is_call; uintptr_t target; } weft__call_site;

/* Reads the code by weft__os_peek, so any word may be asked about. */
weft__call_site weft__call_before(uintptr_t ret);

/* Return addresses may be signed (aarch64, PAC): the address alone. */
static inline uintptr_t weft__code_address(uintptr_t word)
{
#ifdef __aarch64__
    return word & (((uintptr_t)1 << 48) - 1);
#else
    return word;
#endif
}
#endif
