#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/pattern.h"
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

typedef struct compiled {
    struct compiled *next;
    const char *pattern;
    pcre2_code *code;
    pcre2_match_context *limits;
    pcre2_match_data *spare; /* taken and put back atomically: NULL while someone uses it */
} compiled;

/* Entries are only ever put in front, so walking needs no lock. */
enum { BUCKETS = 64 };
static compiled *buckets[BUCKETS];

static void *take(size_t size, void *ctx)
{
    (void)ctx;
    return weft__malloc(size);
}

static void give(void *ptr, void *ctx)
{
    (void)ctx;
    weft__free(ptr);
}

static unsigned bucket_of(const char *pattern)
{
    unsigned hash = 2166136261;
    for (; *pattern; pattern++) hash = (hash ^ (unsigned char)*pattern) * 16777619;
    return hash % BUCKETS;
}

static compiled *find(unsigned bucket, const char *pattern)
{
    compiled *c = __atomic_load_n(&buckets[bucket], __ATOMIC_ACQUIRE);
    while (c && c->pattern != pattern && strcmp(c->pattern, pattern)) c = c->next;
    return c;
}

static void release(compiled *c)
{
    pcre2_match_data_free(c->spare);
    pcre2_match_context_free(c->limits);
    pcre2_code_free(c->code);
    weft__free(c);
}

/* Everything that PCRE2 allocates for the entry comes from weft's allocator. */
static int compile_with(pcre2_general_context *memory, compiled *c, int *error, size_t *where)
{
    const uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    c->limits = pcre2_match_context_create(memory);
    if (context && c->limits)
        c->code = pcre2_compile(
            (PCRE2_SPTR)c->pattern, PCRE2_ZERO_TERMINATED, options, error, where, context);
    pcre2_compile_context_free(context);
    if (!context || !c->limits) *error = PCRE2_ERROR_HEAP_FAILED;
    if (!c->code)
        return *error == PCRE2_ERROR_HEAP_FAILED || *error == PCRE2_ERROR_NOMEMORY ? WEFT_ENOMEM
                                                                                   : WEFT_EINVAL;
    pcre2_set_match_limit(c->limits, WEFT__PATTERN_STEPS_MAX);
    pcre2_set_heap_limit(c->limits, WEFT__PATTERN_HEAP_KIB);
    return 0;
}

static int compile(const char *pattern, compiled **out, int *error, size_t *where)
{
    pcre2_general_context *memory = pcre2_general_context_create(take, give, NULL);
    compiled *c = memory ? weft__calloc(sizeof *c) : NULL;
    if (!c) {
        pcre2_general_context_free(memory);
        return WEFT_ENOMEM;
    }
    c->pattern = pattern;
    int rc = compile_with(memory, c, error, where);
    pcre2_general_context_free(memory);
    if (rc < 0) release(c);
    else *out = c;
    return rc;
}

static int get(const char *pattern, compiled **out, int *error, size_t *where)
{
    unsigned bucket = bucket_of(pattern);
    compiled *c = find(bucket, pattern);
    if (!c) {
        int rc = compile(pattern, &c, error, where);
        if (rc < 0) return rc;
        /* Two threads may come here at once: the pattern is then there twice, which harms
         * nobody. */
        c->next = __atomic_load_n(&buckets[bucket], __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(
            &buckets[bucket], &c->next, c, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {}
    }
    *out = c;
    return 0;
}

static int search_result(int rc)
{
    if (rc >= 0) return 1;
    switch (rc) {
    case PCRE2_ERROR_NOMATCH: return 0;
    case PCRE2_ERROR_NOMEMORY: return WEFT_ENOMEM;
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT: return WEFT_ELIMIT;
    default: return WEFT_EINVAL;
    }
}

int weft__pattern_search(const char *pattern, weft_str text)
{
    compiled *c;
    int error = 0;
    size_t where = 0;
    int rc = get(pattern, &c, &error, &where);
    if (rc < 0) return rc;
    pcre2_match_data *data = __atomic_exchange_n(&c->spare, NULL, __ATOMIC_ACQ_REL);
    if (!data) data = pcre2_match_data_create_from_pattern(c->code, NULL);
    if (!data) return WEFT_ENOMEM;
    rc = pcre2_match(c->code, (PCRE2_SPTR)(text.len ? text.ptr : ""), text.len, 0,
        PCRE2_NO_UTF_CHECK, data, c->limits);
    pcre2_match_data_free(__atomic_exchange_n(&c->spare, data, __ATOMIC_ACQ_REL));
    return search_result(rc);
}

int weft__pattern_check(const char *pattern, char *why, size_t why_size)
{
    compiled *c;
    int error = 0;
    size_t where = 0;
    int rc = get(pattern, &c, &error, &where);
    if (rc != WEFT_EINVAL) return rc;
    PCRE2_UCHAR text[160];
    pcre2_get_error_message(error, text, sizeof text);
    snprintf(why, why_size, "%s at character %zu", (const char *)text, where);
    return rc;
}

void weft__pattern_forget(void)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        while (buckets[i]) {
            compiled *c = buckets[i];
            buckets[i] = c->next;
            release(c);
        }
    }
}
