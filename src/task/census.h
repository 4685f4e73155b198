#ifndef WEFT_SRC_TASK_CENSUS_H
#define WEFT_SRC_TASK_CENSUS_H
/* How deep the stacks of tasks get, by the place that spawned them: -Dstack_census=true, for deciding what a stack has
 * to hold. Each stack is painted whole, which touches and keeps all its pages (192 KiB a task), and looked at when its
 * task ends. Only bytes that were written count. In ordinary builds none of this exists. */
#include "task/fiber.h"

#ifdef WEFT__STACK_CENSUS
/* Before the first frame of a task: what lies below `sp` is painted. */
void weft__census_begin(const weft__fiber *f, char *sp);
/* In its last frame. */
void weft__census_end(const weft__fiber *f);
/* What was seen on this thread so far, deepest first, to stderr; it is then forgotten. 1024 places at most. */
void weft__census_say(void);
#else
static inline void weft__census_begin(const weft__fiber *f, char *sp) { (void)f, (void)sp; }
static inline void weft__census_end(const weft__fiber *f) { (void)f; }
static inline void weft__census_say(void) { }
#endif
#endif
