#include "base/mem.h"
#include <string.h>
#include "support/failing.h"
#include "weft/check.h"

typedef struct call { void *ctx, *ptr; size_t size; } call;
static call last;
static char answer[64];

static void *recording_resize(void *ctx, void *ptr, size_t size)
{
    last = (call){ ctx, ptr, size };
    return size ? answer : NULL;
}

WEFT_TEST(every_kind_of_allocation_goes_through_the_hook)
{
    int ctx;
    weft_set_allocator(recording_resize, &ctx);
    WEFT_CHECK(weft__malloc(8) == answer);
    WEFT_CHECK(last.ctx == &ctx && last.ptr == NULL && last.size == 8);
    WEFT_CHECK(weft__realloc(answer, 9) == answer);
    WEFT_CHECK(last.ptr == answer && last.size == 9);
    weft__free(answer);
    WEFT_CHECK(last.ptr == answer && last.size == 0);
}

WEFT_TEST(calloc_gives_zeros_even_from_a_dirty_hook)
{
    weft_set_allocator(recording_resize, NULL);
    memset(answer, 0x5a, sizeof answer);
    char *p = weft__calloc(sizeof answer);
    for (size_t i = 0; i < sizeof answer; i++) WEFT_NEED(p[i] == 0);
}

WEFT_TEST(the_hook_never_sees_a_size_of_zero_that_is_not_a_free)
{
    weft_set_allocator(recording_resize, NULL);
    WEFT_CHECK(weft__malloc(0) == answer);
    WEFT_CHECK_EQ(last.size, 1);
    WEFT_CHECK(weft__realloc(answer, 0) == answer);
    WEFT_CHECK_EQ(last.size, 1);
    WEFT_CHECK(weft__calloc(0) == answer);
    WEFT_CHECK_EQ(last.size, 1);
}

WEFT_TEST(free_of_null_does_not_reach_the_hook)
{
    last.ptr = answer;
    weft_set_allocator(recording_resize, NULL);
    weft__free(NULL);
    WEFT_CHECK(last.ptr == answer);
}

WEFT_TEST(a_hook_of_null_brings_libc_back)
{
    weft_set_allocator(recording_resize, NULL);
    weft_set_allocator(NULL, NULL);
    char *p = weft__malloc(100);
    WEFT_NEED(p && p != answer);
    memset(p, 1, 100);
    p = weft__realloc(p, 200);
    WEFT_NEED(p);
    WEFT_CHECK_EQ(p[99], 1);
    weft__free(p);
}

WEFT_TEST(without_memory_each_allocation_is_null_and_loses_nothing)
{
    failing_from(0);
    char *p = weft__malloc(4);
    WEFT_NEED(p);
    strcpy(p, "abc");
    fails.always = true;
    WEFT_CHECK(!weft__malloc(1));
    WEFT_CHECK(!weft__calloc(1));
    WEFT_CHECK(!weft__realloc(p, 1000));
    WEFT_CHECK(strcmp(p, "abc") == 0);
    weft__free(p);
    WEFT_CHECK_EQ(fails.live, 0);
}
