#ifndef WEFT_PROCESS_H
#define WEFT_PROCESS_H
/* Work in another process: for what computes long, may crash, may have to be stopped in the middle, or takes memory
 * without measure. What blocks but does none of this is better off on a thread, which costs less.
 *
 *     static int fib_job(const Number *in, Number *out);     // plain C: may compute, block, use any library
 *     ...
 *     WEFT_TRY(weft_in_process(Number, Number, fib_job, &n, &result, .timeout_ms = 2000));
 *
 * Input and output are models (or lists, scalars: anything with a schema), since pointers do not cross: the input goes
 * there as bytes, hidden members and all, the output comes back and lies in the caller's memory.
 *
 * The processes are forked by a zygote, which weft_run and weft_serve fork as the first thing they do, if the program
 * uses weft_in_process at all. So a process sees the program as it was when weft_run was called (what main set up before
 * is there), not what it did since; of its descriptors only stdout and stderr. Code that is loaded later (dlopen) is
 * not there. What jobs print comes out as usual, whole lines at a time. When the program ends, by return, exit or a second
 * signal, its processes are killed and waited for, so that none is left, nor a zombie; when it is killed they are too.
 *
 * What a job leaves in its process the next one there finds: globals, working directory, locale, signal handlers,
 * threads, open files. A job must not count on them, and what fills up ends with .jobs_max. The limits of a call hold
 * whatever an earlier job did. Processes that a job starts are its own: nobody ends them with it. SIGINT, SIGTERM,
 * SIGHUP and SIGQUIT, which a terminal sends to the whole group, end no job, but a sleep in one may end early (EINTR).
 *
 * In a job weft_fail, WEFT_TRY, weft_alloc, weft_push, weft_format and WEFT_TEMP work as in a task; what waits
 * (weft_sleep_ms, weft_fetch, ...) fails with WEFT_EINVAL and says so: call what blocks instead (sleep, read).
 * In the simulator (weft_test) jobs run in the test's own process, at virtual times.   Example: examples/processes.c  */
#include "weft/model.h"
#include "weft/task.h"

/* Options of a call. Past a limit the process is ended, and another takes its place. */
typedef struct weft_process_opts {
    weft__named_options_only _;
    int timeout_ms;                  /* from the call on, the wait for a free process included; 0: none but the caller's */
    int cpu_ms;                      /* processor time of the job; 0: none */
    size_t memory_bytes_max;         /* what the job may allocate; 0: 1 GiB; SIZE_MAX: no limit */
    const char *place; size_t checked;
} weft_process_opts;

/* Run `int f(const In *in, Out *out)` in a process, and wait for it: 0 (or what it returned above 0), or a code:
 *   its own      what f recorded by weft_fail is the caller's as if f had run here: text, status, trace
 *   WEFT_ECRASHED  the process ended: "fib_job ended by SIGSEGV in its process". That is this call's error alone
 *   WEFT_ETIMEDOUT, WEFT_ECANCELED  its .timeout_ms, or a deadline or cancel around the caller: the process was killed,
 *                and is gone when this returns
 *   WEFT_ELIMIT  more than .cpu_ms, more than .memory_bytes_max (also when f returns WEFT_ENOMEM), an input or output
 *                of more than 256 MiB, or too many calls wait for a process (queue_max); the text names the limit
 *   WEFT_EINVAL  the input has what cannot leave the process (request, reply), an option is below 0, or this was
 *                called in a job
 *   WEFT_ENOENT  there are no processes (any more); the text says why, and what to do. A route answers it with 503: nothing is missing but they
 *   WEFT_EPROTO  what the process sent was no answer (it wrote beyond its memory, or a job to descriptor 3)
 *   -EMFILE, -EAGAIN, WEFT_ENOMEM  no process could be started, or there was no memory for its answer
 * Jobs begin in the order of the calls. The output is untouched on failure. A round trip costs about 20 us, the start of
 * a process (when all are busy, up to processes_max) about a millisecond. Waits: always.  */
#define weft_in_process(In, Out, ...) WEFT__IN_PROCESS(In, Out, __VA_ARGS__, )
#define WEFT__IN_PROCESS(In, Out, f, in_, out_, ...) weft_process_with(&weft_schema_##In, &weft_schema_##Out, \
    weft_call(f, in_, out_), &(weft_process_opts){ \
    .checked = WEFT__ASSERT(WEFT__SAME(*(in_), In), "'" #in_ "' must point to a " #In) + \
        WEFT__ASSERT(WEFT__SAME(*(out_), Out), "'" #out_ "' must point to a " #Out), .place = WEFT__HERE, __VA_ARGS__ })
int weft_process_with(const weft_schema *in, const weft_schema *out, weft_call call, const weft_process_opts *opts) WEFT_NODISCARD;

/* The processes of this program. processes_max: at a time, at most 128 (default: the processors it may use). queue_max:
 * how many calls may wait while all are busy (1000). jobs_max: how many jobs one process runs before another takes
 * its place, so that what leaks in it does not stay (1000). idle_ms: one that had nothing to do for so long ends
 * (10 000); the first ones start with the first calls. */
typedef struct weft_processes_opts {
    weft__named_options_only _;
    int processes_max, queue_max, jobs_max, idle_ms;
} weft_processes_opts;

/* Before weft_run or weft_serve: weft_processes(.processes_max = 2). 0; WEFT_EINVAL for what makes no sense, recorded by
 * its name. What is 0 is the default. Waits: never. */
#define weft_processes(...) weft_processes_with(&(weft_processes_opts){ __VA_ARGS__ })
int weft_processes_with(const weft_processes_opts *opts);
#endif
