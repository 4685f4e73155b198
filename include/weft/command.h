#ifndef WEFT_COMMAND_H
#define WEFT_COMMAND_H
/* Other programs, and signals as events.
 *
 * A program is named by its arguments, argv[0] first: weft_argv("sort", "-r"). One without a '/' is looked for in the
 * PATH that it gets. No shell reads the arguments: what is in them is never run or expanded.
 * Nothing is left of a program behind the call or the block that ran it: no process (it is ended by SIGTERM, and by SIGKILL
 * after grace_ms), no zombie, no descriptor. Start-up takes the loop as long as the kernel needs to load the program,
 * about half a millisecond.   Examples: examples/sorted.c, examples/reload.c  */
#include "weft/net.h"

/* The arguments of a program as an array that ends with NULL and lives as long as the block it stands in. */
#define weft_argv(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* What a stream of a program is. CAPTURED is kept by weft_command_run; PIPED is a connection of weft_command_start;
 * INHERITED is this program's own; TO_OUT is for stderr: where stdout goes.  */
typedef enum weft_stdio { WEFT_STDIO_DEFAULT, WEFT_STDIO_NULL, WEFT_STDIO_INHERITED, WEFT_STDIO_CAPTURED, WEFT_STDIO_PIPED, WEFT_STDIO_TO_OUT } weft_stdio;

/* Options of both; 0 takes the default named here.
 * input: what it reads from its stdin; a program that does not read it all is no failure.
 * env: "NAME=value" texts, ending with NULL, put over this program's environment; with env_only there are no others.
 * in: NULL (or the input); start: PIPED as well. out, err: CAPTURED by run, PIPED by start.
 * out_bytes_max: 1 MiB of stdout, beyond which it is ended and WEFT_ELIMIT returned; err_bytes_max: 64 KiB of stderr, of
 * which the rest is dropped and told (err_cut).
 * timeout_ms: of run, for all together; none. grace_ms: from SIGTERM to SIGKILL; 2 000, -1: SIGKILL at once.
 * group: it leads a process group, and is ended with all that it has started and that did not leave that group; also when
 * it has ended by itself. A terminal then does not send it ^C.  */
typedef struct weft_command_opts {
    weft__named_options_only _;
    weft_str input;
    const char *folder;              /* to run in: this program's own */
    const char *const *env;
    bool env_only, group;
    weft_stdio in, out, err;
    size_t out_bytes_max, err_bytes_max;
    int timeout_ms, grace_ms;
} weft_command_opts;

/* How a program ended: with a status (0 to 255; signal 0), or by a signal (status -1). */
typedef struct weft_exit { int status, signal; } weft_exit;

/* What weft_command_run gives; texts live like weft_alloc's. */
typedef struct weft_output { weft_exit exit; weft_str out, err; bool err_cut; } weft_output;

/* Run a program to its end. 0, however it ended: look at result.exit, as one looks at an HTTP status. WEFT_ENOENT: there is
 * no such program, or folder; -EACCES, -ENOEXEC; WEFT_ETIMEDOUT: its time was up; WEFT_ELIMIT; a cancel. In all these it
 * has been ended. What it started and left behind with its stdout is waited for no longer than 1 s. Waits: always.
 *
 *     weft_output sorted;
 *     WEFT_TRY(weft_command_run(&sorted, weft_argv("sort", "-r"), .input = text, .timeout_ms = 2000));  */
#define weft_command_run(result, argv, ...) weft_command_run_with((result), (argv), &(weft_command_opts){ __VA_ARGS__ })
int weft_command_run_with(weft_output *result, const char *const *argv, const weft_command_opts *opts) WEFT_NODISCARD;

/* The same for those who want its stdout alone and no failure: WEFT_EFAILED with what it said on stderr unless it ended with
 * status 0 (the last 300 bytes of it). *out lives like weft_alloc's. Waits: always. WEFT_TRY(weft_command_text(&commit, weft_argv("git", "rev-parse", "HEAD")));  */
#define weft_command_text(out, argv, ...) weft_command_text_with((out), (argv), &(weft_command_opts){ __VA_ARGS__ })
int weft_command_text_with(weft_str *out, const char *const *argv, const weft_command_opts *opts) WEFT_NODISCARD;

/* A running program. in, out, err: connections for what is PIPED, else NULL; they are freed with it. Read and write them as
 * any: weft_conn_line(c->out, &line); weft_conn_end(c->in), which closes it, tells that nothing more comes. A program that
 * fills a pipe nobody reads waits for ever. Writing to one that has closed its stdin is WEFT_ECONNRESET, and never a signal.  */
typedef struct weft_command { weft_conn *in, *out, *err; int pid; } weft_command;

/* Start a program: WEFT_COMMAND(c); WEFT_TRY(weft_command_start(&c, weft_argv("tail", "-f", path))); The options input and
 * timeout_ms and what is CAPTURED are for run. 0, or as for run. Waits: never, but takes a moment. */
#define weft_command_start(out, argv, ...) weft_command_start_with((out), (argv), &(weft_command_opts){ __VA_ARGS__ })
int weft_command_start_with(weft_command **out, const char *const *argv, const weft_command_opts *opts) WEFT_NODISCARD;

/* A program that is ended at the end of the block, if it has not by then: that waits, at most for its grace_ms. */
#define WEFT_COMMAND(c) weft_command *c __attribute__((cleanup(weft__command_leave), unused)) = NULL
void weft__command_leave(weft_command **c);

/* Wait for its end; again and again if you like. 0 with how it ended, WEFT_EBUSY: another task waits; or the code of a
 * cancel, after which it runs on. Waits: unless it has ended. */
int weft_command_wait(weft_command *c, weft_exit *how) WEFT_NODISCARD;

/* Send it a signal (SIGTERM ...), or with .group its group. Nothing happens to one that has ended: 0. -EPERM: it
 * is another user's by now; WEFT_EINVAL: there is no such signal. Waits: never. */
int weft_command_signal(weft_command *c, int number);

/* Close its connections, end it and what its group holds, and give it back. NULL is none. Waits: as WEFT_COMMAND says; no
 * cancel and no deadline cuts that short. */
void weft_command_free(weft_command *c);

/* ---- signals ---- */

typedef struct weft_signals weft_signals;

/* Take signals as events, as long as this is open: WEFT_SIGNALS(s); WEFT_TRY(weft_signals_open(&s, SIGHUP, SIGUSR1)); All who
 * have opened one are told of it. Its default action (SIGHUP ends a program) and the handlers from before come back when the
 * last one is freed: SIGINT and SIGTERM, which stop weft_run and weft_serve, do not while they are taken here, and SIGQUIT
 * does not print the list of tasks. 0; WEFT_EINVAL: a signal that cannot be taken (SIGKILL, SIGSTOP, those of faults);
 * WEFT_ELIMIT: 64 are open in this process. Waits: never.  */
#define weft_signals_open(out, ...) weft_signals_open_n((out), (const int[]){ __VA_ARGS__ }, weft_count(((const int[]){ __VA_ARGS__ })))
int weft_signals_open_n(weft_signals **out, const int *numbers, size_t n) WEFT_NODISCARD;

/* Signals that are freed at the end of the block; NULL until they are opened. */
#define WEFT_SIGNALS(s) weft_signals *s __attribute__((cleanup(weft__signals_leave), unused)) = NULL
void weft__signals_leave(weft_signals **s);

/* The number of the next signal (> 0); several of one number that come between two steps are one, and of several numbers
 * the lowest comes first. WEFT_EBUSY: another task waits on it (open a second one). Waits: unless one has come.
 *
 *     for (;;) { WEFT_TRY(weft_signals_next(s)); WEFT_TRY(load_settings(&settings)); }  */
int weft_signals_next(weft_signals *s) WEFT_NODISCARD;

/* Take them no longer. A task that waits on them gets WEFT_ECLOSED. NULL is none. Waits: never. */
void weft_signals_free(weft_signals *s);

/* Wait once for one of these signals: its number, or < 0 as of weft_signals_open and weft_signals_next. Between two such calls they do what they did before: a loop wants
 * weft_signals_open. Waits: always. */
#define weft_signal_wait(...) weft_signal_wait_n((const int[]){ __VA_ARGS__ }, weft_count(((const int[]){ __VA_ARGS__ })))
int weft_signal_wait_n(const int *numbers, size_t n) WEFT_NODISCARD;
#endif
