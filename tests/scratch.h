#ifndef WEFT_TESTS_SCRATCH_H
#define WEFT_TESTS_SCRATCH_H
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Zeroed memory for what is large in a test, until the process of the test ends. Not a static array: LeakSanitizer
   looks through all of those after every test of the program, and a few megabytes cost each of them milliseconds. */
static inline void *scratch(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) abort();
    return at;
}

#endif
