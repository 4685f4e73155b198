/* The values of a task: a list that tasks share and nobody changes while it is shared, so that a
 * child has its snapshot for the price of a count. A key stands in it once, so it is never longer
 * than there are keys. */
#include <string.h>
#include "base/mem.h"
#include "base/poison.h"
#include "task/job.h"
#include "task/waiters.h"

struct weft__local_value {
    weft__local_value *next;
    const weft__local *key;
    size_t count;                        /* lists and tasks that begin here */
    size_t size;
    char bytes[];
};

/* Each request may have some, for a while: those of usual size come from a few that the loop keeps. */
enum { USUAL = 80, SPARES_MAX = 64 };

static void value_free(weft__local_value *v)
{
    weft__loop *loop = weft__the_loop;
    if (v->size > USUAL || !loop || loop->spares == SPARES_MAX) {
        weft__free(v);
        return;
    }
    v->next = loop->spare_locals;
    loop->spare_locals = v;
    loop->spares++;
    WEFT__POISON(v->bytes, USUAL);
}

void weft__locals_spare_free(weft__loop *loop)
{
    while (loop->spare_locals) {
        weft__local_value *v = loop->spare_locals;
        loop->spare_locals = v->next;
        WEFT__UNPOISON(v->bytes, USUAL);
        weft__free(v);
    }
    loop->spares = 0;
}

static weft__local_value *value_take(size_t size)
{
    weft__loop *loop = weft__the_loop;
    weft__local_value *v = size <= USUAL && loop ? loop->spare_locals : NULL;
    if (!v) return weft__malloc(sizeof *v + (size > USUAL ? size : USUAL));
    loop->spare_locals = v->next;
    loop->spares--;
    WEFT__UNPOISON(v->bytes, size);
    return v;
}

void weft__locals_drop(weft__local_value *v)
{
    while (v && --v->count == 0) {
        weft__local_value *next = v->next;
        value_free(v);
        v = next;
    }
}

/* The place of a key: what points to its value, or the list's end. *shared: somebody else sees it
 * too. */
static weft__local_value **find(weft__local_value **at, const weft__local *key, size_t *length,
    bool *shared)
{
    for (; *at; at = &(*at)->next, (*length)++) {
        *shared |= (*at)->count > 1;
        if ((*at)->key == key) break;
    }
    return at;
}

static weft__local_value *value_new(const weft__local *key, const void *bytes, size_t size)
{
    weft__local_value *v = value_take(size);
    if (!v) return NULL;
    *v = (weft__local_value){ .key = key, .count = 1, .size = size };
    memcpy(v->bytes, bytes, size);
    return v;
}

/* A list of one's own: what stands before the key is copied, what stands behind it is shared. */
static int replace(weft__local_value **list, const weft__local_value *old, weft__local_value *fresh)
{
    weft__local_value *copy = NULL, **end = &copy;
    for (const weft__local_value *v = *list; v != old; v = v->next) {
        *end = value_new(v->key, v->bytes, v->size);
        if (!*end) {
            weft__locals_drop(copy);
            return WEFT_ENOMEM;
        }
        end = &(*end)->next;
    }
    *end = fresh;
    fresh->next = old->next;
    if (fresh->next) fresh->next->count++;
    weft__locals_drop(*list);
    *list = copy;
    return 0;
}

static int no_task(void)
{
    const weft__job_context *job = weft__job_here();
    if (!job) return weft__no_task("weft_local_set");
    return weft_fail(WEFT_EINVAL, "weft_local_set inside %s(%s): a value is set by a task", job->kind,
        job->name);
}

int weft__local_set(const weft__local *key, const void *value, size_t size)
{
    weft__fiber *f = weft__running();
    if (!f) return no_task();
    if (size > WEFT_LOCAL_BYTES_MAX) {
        return weft_fail(WEFT_ELIMIT, "a task-local value of %zu bytes: at most %d", size,
            WEFT_LOCAL_BYTES_MAX);
    }
    if (!f->locals) return (f->locals = value_new(key, value, size)) ? 0 : WEFT_ENOMEM;
    size_t length = 0;
    bool shared = false;
    weft__local_value *old = *find(&f->locals, key, &length, &shared);
    if (old && !shared) {
        memcpy(old->bytes, value, size);
        return 0;
    }
    if (!old && length >= WEFT_LOCALS_MAX) {
        return weft_fail(WEFT_ELIMIT, "more than %d task-local values in one task",
            WEFT_LOCALS_MAX);
    }
    weft__local_value *fresh = value_new(key, value, size);
    if (!fresh) return WEFT_ENOMEM;
    if (!old) {
        fresh->next = f->locals;
        f->locals = fresh;
        return 0;
    }
    int rc = replace(&f->locals, old, fresh);
    if (rc < 0) value_free(fresh);
    return rc;
}

/* On a thread the list is that of the task that waits for it, whose count others change meanwhile:
 * it is not looked at. */
bool weft__local_get(const weft__local *key, void *value, size_t size)
{
    const weft__fiber *f = weft__running();
    const weft__job_context *job = f ? NULL : weft__job_here();
    const weft__local_value *v = f ? f->locals : job ? job->locals : NULL;
    while (v && v->key != key) v = v->next;
    if (v) memcpy(value, v->bytes, size);
    return v != NULL;
}

weft__local_value *weft__locals_keep(void)
{
    const weft__fiber *f = weft__running();
    return f && f->locals ? weft__locals_share(f->locals) : NULL;
}

weft__local_value *weft__locals_share(weft__local_value *v)
{
    v->count++;
    return v;
}
