#ifndef WEFT_INSPECT_H
#define WEFT_INSPECT_H
/* What every task of this loop does: its name and number, where it was started, how old it is, what it waits for, since
 * when, and who has that.
 *
 *     weft: 4 tasks
 *     #1 shop (the program), 12.30 s old, waits 12.30 s for the tasks of a scope: #2 pay (shop.c:30), #3 ship (shop.c:31)
 *       scope at shop.c:28, 17.70 s left
 *         #2 pay (shop.c:30), 12.30 s old, waits 400 ms for mutex stock held by #3 ship (shop.c:31)
 *         #3 ship (shop.c:31), 12.30 s old, waits 400 ms for mutex orders held by #2 pay (shop.c:30)
 *     weft: deadlock: #2 pay (shop.c:30) waits for mutex stock held by #3 ship (shop.c:31), which waits for mutex orders
 *     held by #2 pay (shop.c:30)
 *
 * A task is listed below the scope it was started in, the oldest first; a handler's name is followed by its route. Tasks
 * that can only wait for each other are named as a deadlock, also while a deadline will end it. A scope that waits for its
 * tasks can end by the failure of another of them: that is no deadlock for weft_run, but it is named here.
 *
 * From outside:
 * - SIGQUIT (Ctrl-\) makes weft_run and weft_serve write this list, with stacks, and go on.
 * - WEFT_INSPECT=1 in the environment of weft_run or weft_serve, or .inspect = true of weft_serve, opens the unix
 *   socket @weft-inspect/PID, in Linux's abstract name space: it leaves no file behind and needs no directory.
 *   Only processes of the same user (or root) are answered. It is off unless asked for, because the list tells
 *   which requests are being served, and every program of that user could read it.
 * - tools/weft-gdb.py: `weft tasks`, `weft tree` and `weft bt N` in gdb, on a process or on a core file.
 *                                                                                   Example: examples/inspect.c  */
#include "weft/base.h"

/* As JSON: first {"tasks": how many there are, "shown": how many follow}; then for each task "task" (its number), "name",
 * "label" (its route, when it has one), "place" (where it was started), "parent" (the number of the task whose scope it is
 * in, 0: none), "scope" (where that was opened), "age_ms", "state" ("runs", "ready", "waits"); of one that waits "for",
 * "waits_ms" and where known "kind" and "of" (what it is and its name: "mutex", "orders") and "holders" (numbers of the
 * first 16 tasks that must do something before); "deadline_ms" (until the nearest deadline around it), "cancelled": true,
 * "stack" (a list of texts, innermost first); where 4 MiB were not enough {"left_out": how many
 * tasks do not follow after all, "bytes_max"}; at the end for each circle {"deadlock": [numbers], "deadline_ms"}. Members
 * that do not apply are left out; others may be added. */

/* Options. stacks: the calls of each task that does not run, innermost first, with file and line where the program has
 * debug information; that costs up to milliseconds a task, so that at most 64 tasks have theirs shown. flat: no scopes.
 * json: a JSON object a line instead (see above). tasks_max: how many are listed, 0 for 1000,
 * at most 10000. How many more there are is told, also where the list would be longer than 4 MiB. */
typedef struct weft_tasks_opts { weft__named_options_only _; bool stacks, flat, json; int tasks_max; } weft_tasks_opts;

/* Write the list to stderr. What a full pipe does not take at once is dropped, so that the loop never stalls here; the
 * list of 1000 tasks takes about a millisecond. Outside of a loop it says that there is none. Waits: never.
 *
 *     if (took_ms > 1000) weft_dump_tasks(.stacks = true);  */
#define weft_dump_tasks(...) weft_dump_tasks_with(&(weft_tasks_opts){ __VA_ARGS__ })
void weft_dump_tasks_with(const weft_tasks_opts *opts);

/* The same as a text that lives like weft_alloc's: for a page that only administrators see, or a log. Empty outside of
 * a task, and when the arena is too small for it, which fails the request as weft_format does. At most 4 MiB,
 * of whole tasks. Waits: never. */
#define weft_tasks_text(...) weft_tasks_text_with(&(weft_tasks_opts){ __VA_ARGS__ })
weft_str weft_tasks_text_with(const weft_tasks_opts *opts);
#endif
