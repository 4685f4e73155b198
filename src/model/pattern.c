#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/pattern.h"
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

/* What one search works with: as many as searches run at once. */
typedef struct search {
    pcre2_match_data *data;
    pcre2_match_context *limits;
    uint64_t steps_left;
    size_t at;                       /* where in the text the last step was taken */
} search;

typedef struct compiled {
    struct compiled *next;
    const char *pattern;
    pcre2_code *code;
    pcre2_general_context *memory;
    search *spare; /* taken and put back atomically: NULL while someone uses it */
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

static void search_free(search *s)
{
    if (!s) return;
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->limits);
    weft__free(s);
}

/* Called before each item of the pattern that is tried. PCRE2's own limit begins anew at each byte
 * where a match may begin, and takes a repeat for one step however far it goes: a search of n bytes
 * could cost n * n. */
static int step(pcre2_callout_block *block, void *ctx)
{
    search *s = ctx;
    size_t at = block->current_position, moved = at > s->at ? at - s->at : s->at - at;
    uint64_t cost = 1 + moved / WEFT__PATTERN_STEP_BYTES;
    s->at = at;
    if (cost > s->steps_left) return PCRE2_ERROR_MATCHLIMIT;
    s->steps_left -= cost;
    return 0;
}

static search *search_new(compiled *c)
{
    search *s = weft__calloc(sizeof *s);
    if (!s) return NULL;
    s->data = pcre2_match_data_create_from_pattern(c->code, c->memory);
    s->limits = pcre2_match_context_create(c->memory);
    if (!s->data || !s->limits) {
        search_free(s);
        return NULL;
    }
    pcre2_set_callout(s->limits, step, s);
    pcre2_set_heap_limit(s->limits, WEFT__PATTERN_HEAP_KIB);
    return s;
}

static void release(compiled *c)
{
    search_free(c->spare);
    pcre2_code_free(c->code);
    pcre2_general_context_free(c->memory);
    weft__free(c);
}

/* Everything that PCRE2 allocates for the entry comes from weft's allocator. */
static int compile_with(compiled *c, int *error, size_t *where)
{
    const uint32_t options =
        PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY | PCRE2_AUTO_CALLOUT;
    pcre2_compile_context *context = pcre2_compile_context_create(c->memory);
    if (!context) return WEFT_ENOMEM;
    c->code = pcre2_compile(
        (PCRE2_SPTR)c->pattern, PCRE2_ZERO_TERMINATED, options, error, where, context);
    pcre2_compile_context_free(context);
    if (c->code) return 0;
    bool starved = *error == PCRE2_ERROR_HEAP_FAILED || *error == PCRE2_ERROR_NOMEMORY;
    return starved ? WEFT_ENOMEM : WEFT_EINVAL;
}

static int compile(const char *pattern, compiled **out, int *error, size_t *where)
{
    compiled *c = weft__calloc(sizeof *c);
    if (!c) return WEFT_ENOMEM;
    c->pattern = pattern;
    c->memory = pcre2_general_context_create(take, give, NULL);
    int rc = c->memory ? compile_with(c, error, where) : WEFT_ENOMEM;
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
    search *s = __atomic_exchange_n(&c->spare, NULL, __ATOMIC_ACQ_REL);
    if (!s) s = search_new(c);
    if (!s) return WEFT_ENOMEM;
    s->at = 0;
    s->steps_left = WEFT__PATTERN_STEPS_MAX + (uint64_t)WEFT__PATTERN_STEPS_PER_BYTE * text.len;
    rc = pcre2_match(c->code, (PCRE2_SPTR)(text.len ? text.ptr : ""), text.len, 0,
        PCRE2_NO_UTF_CHECK, s->data, s->limits);
    search_free(__atomic_exchange_n(&c->spare, s, __ATOMIC_ACQ_REL));
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
