#ifndef WEFT_SRC_TASK_PRELOAD_H
#define WEFT_SRC_TASK_PRELOAD_H
/* What libweft-blocking.so (tools/blocking) and the program that it is loaded into by LD_PRELOAD say to each other. */
#include <stdbool.h>
#include <stdint.h>

enum { WEFT__BLOCKING_VERSION = 1 };

typedef struct weft__blocking_program {
    int version;
    bool (*in_task)(void);               /* a coroutine runs on this thread: what blocks now holds its loop */
    /* A call that blocks is about to be made. `what`: "usleep", "read of a regular file"; `caller`: where it returns to.
     * The program says so, once for each caller. */
    void (*tell)(const char *what, uintptr_t caller);
} weft__blocking_program;

typedef void weft__blocking_attach_fn(const weft__blocking_program *p);
#define WEFT__BLOCKING_ATTACH "weft_blocking_attach"

/* Tell that library, if it is there, whom to ask. From then on a call that blocks, made by a task, is one line on stderr,
 * "weft: usleep blocks the loop: GET /items/{item_id} in NAME (FILE.c:LINE)", once for each place. */
void weft__blocking_calls_watch(void);
#endif
