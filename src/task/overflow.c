/* Whose stack ran over: asked by a signal handler, on whatever stack. */
#include "task/fiber.h"
#include "task/inspect.h"

static char *add(char *to, const char *end, const char *text)
{
    while (*text && to < end) *to++ = *text++;
    return to;
}

/* bottomless "GET /x", started at app.c:12 */
static const char *owner_name(weft__loop *loop, const weft__fiber *f)
{
    char *to = loop->overflow, *end = to + sizeof loop->overflow - 1;
    to = add(to, end, f->task->name);
    if (f->label) to = add(add(add(to, end, " \""), end, f->label), end, "\"");
    to = add(add(to, end, ", started at "), end, f->task->place);
    *to = 0;
    return loop->overflow;
}

const char *weft__guard_of(const void *address)
{
    weft__loop *loop = weft__the_loop;
    weft__fiber *f = loop ? loop->current : NULL;
    const char *at = address;
    if (!f || at < f->stack || at >= f->stack + WEFT__STACK_GUARD) return NULL;
    return owner_name(loop, f);
}

void *weft__running_names(char *work, size_t work_room, char *task, size_t task_room)
{
    const weft__loop *loop = weft__the_loop;
    const weft__fiber *f = loop ? loop->current : NULL;
    *work = *task = 0;
    if (!f) return NULL;
    const char *label = weft__task_label_around();
    if (label) *add(work, work + work_room - 1, label) = 0;
    char *to = task, *end = task + task_room - 1;
    to = add(add(add(to, end, f->task->name), end, ", started at "), end, f->task->place);
    *to = 0;
    return weft__work_here();
}
