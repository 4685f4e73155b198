#ifndef WEFT_SRC_BASE_POISON_H
#define WEFT_SRC_BASE_POISON_H
/* Which sanitizer watches; and memory that is ours but that nobody may touch now: AddressSanitizer reports
 * whoever does. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WEFT__ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WEFT__TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define WEFT__ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define WEFT__TSAN 1
#endif

#ifdef WEFT__ASAN
#include <sanitizer/asan_interface.h>
#define WEFT__POISON(p, n)   __asan_poison_memory_region(weft__unread((p)), (n))
#define WEFT__UNPOISON(p, n) __asan_unpoison_memory_region(weft__unread((p)), (n))
/* The sanitizer's functions take a pointer to const and read nothing: a compiler that takes them for readers is not told whose place it is. */
static inline void *weft__unread(void *p)
{
    __asm__("" : "+r"(p));
    return p;
}
#else
#define WEFT__POISON(p, n)   ((void)(p), (void)(n))
#define WEFT__UNPOISON(p, n) ((void)(p), (void)(n))
#endif
#endif
