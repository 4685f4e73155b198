#ifndef WEFT_SRC_OS_PEEK_H
#define WEFT_SRC_OS_PEEK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copy n bytes of this process's memory that may be gone: what another thread's pointer leads to, or a stack of
 * which only one end is known. Returns how many could be read, from the first on; never faults. The kernel does
 * the reading, so sanitizers have no say in it. Async-signal-safe once it was called outside of a handler; any
 * thread. Waits: never. */
size_t weft__os_peek(uintptr_t at, void *to, size_t n);
void weft__os_peek_by_file(bool always);    /* for tests: as where process_vm_readv is forbidden; false: find out again */
#endif
