#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>
#include "os/os.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

typedef enum guard_kind { UNKNOWN, ADVICE, PROTECTION } guard_kind;

/* Found out once; two threads that do so at the same time find the same. */
static atomic_int found_kind = UNKNOWN;

size_t weft__os_page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/* A system call that writes there tells without a signal. */
static bool kernel_can_write(void *at) { return getrandom(at, 1, GRND_NONBLOCK) == 1; }
static bool kernel_faults(void *at) { return getrandom(at, 1, GRND_NONBLOCK) < 0 && errno == EFAULT; }

/* An emulator (qemu-user) accepts any advice and does nothing: believe only a fault, also after the pages
 * were given back, and only there. */
static bool advice_is_proven(void)
{
    size_t page = weft__os_page();
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (two == MAP_FAILED) return false;
    bool proven = kernel_can_write(two) && !madvise(two, page, MADV_GUARD_INSTALL) && kernel_faults(two)
        && !madvise(two, 2 * page, MADV_DONTNEED) && kernel_faults(two) && kernel_can_write(two + page);
    munmap(two, 2 * page);
    return proven;
}

static guard_kind kind(void)
{
    if (atomic_load(&found_kind) == UNKNOWN)
        atomic_store(&found_kind, advice_is_proven() ? ADVICE : PROTECTION);
    return (guard_kind)atomic_load(&found_kind);
}

bool weft__os_guards_are_free(void) { return kind() == ADVICE; }

void weft__os_guards_by_mprotect(bool always)
{
    atomic_store(&found_kind, always ? PROTECTION : UNKNOWN);
}

/* Advice is refused for locked memory (mlockall); protection works there too. */
static bool guard_install(void *low, size_t n)
{
    if (kind() == ADVICE && !madvise(low, n, MADV_GUARD_INSTALL)) return true;
    return !mprotect(low, n, PROT_NONE);
}

void *weft__os_stacks_map(size_t count, size_t size, size_t guard)
{
    size_t page = weft__os_page(), bytes;
    bool fits = count && size && size % page == 0 && guard % page == 0 && guard < size;
    if (!fits || __builtin_mul_overflow(count, size, &bytes)) {
        errno = EINVAL;
        return NULL;
    }
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
    char *slab = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (slab == MAP_FAILED) return NULL;
    /* A huge page would commit 2 MiB at the first touch. Kernels without huge pages refuse: just as well. */
    madvise(slab, bytes, MADV_NOHUGEPAGE);
    for (size_t i = 0; guard && i < count; i++) {
        if (guard_install(slab + i * size, guard)) continue;
        munmap(slab, bytes);
        errno = EMFILE;
        return NULL;
    }
    return slab;
}

void weft__os_stacks_unmap(void *slab, size_t count, size_t size)
{
    if (slab) munmap(slab, count * size);
}

void weft__os_stack_clean(void *low, size_t n) { madvise(low, n, MADV_DONTNEED); }
