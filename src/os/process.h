#ifndef WEFT_SRC_OS_PROCESS_H
#define WEFT_SRC_OS_PROCESS_H
/* Processes that run jobs. A process with threads must not be forked: so, before it has any, it forks a zygote, small and
 * idle, which forks workers when it is told to and hands their sockets over. The zygote waits for its workers and tells
 * of their ends. A process that ends lets the zygote end its workers and itself; when it dies the kernel ends the zygote,
 * and with it the workers.
 *
 * A worker reads jobs from its socket, one at a time, and answers each. It has descriptors 0 (/dev/null), 1 and 2 (those
 * of the process, /dev/null where that has none to pass on) and its socket, no other; all signals are as in a new program, but for SIGINT, SIGTERM, SIGHUP and
 * SIGQUIT, which a terminal or a supervisor sends to all of a group and which do nothing here: it ends with its
 * process. Its name is "weft worker"; its stdout is line-buffered, and flushed after each job. */
#include "os/os.h"

/* Most workers of a zygote at a time; most bytes of a job or of an answer. */
enum { WEFT__WORKERS_MAX = 128, WEFT__JOB_BYTES_MAX = 256 << 20 };

/* What stands before the bytes of a job, and before those of an answer (where the limits are 0, and the id is the
 * job's: so that what a process says twice is nobody else's answer). Limits hold whatever earlier jobs of the process
 * did to signals and to limits. cpu_ms: after so much processor time of this job SIGPROF ends the worker (setitimer; RLIMIT_CPU counts whole seconds
 * of the process's whole life). memory_bytes_max: what the job may allocate beyond what the worker has when it begins,
 * by RLIMIT_DATA, so that malloc fails past it: of all that RLIMIT_AS counts, code, files and address space that is only
 * reserved are no memory. 0: no limit, for both. */
typedef struct weft__job_head { uint32_t mark, cpu_ms; uint64_t id, memory_bytes_max, bytes; } weft__job_head;
enum { WEFT__JOB_MARK = 0x7eafc10b, WEFT__ANSWER_MARK = 0x7eafa5e2 };

/* What a worker does with a job. They run in its process, on its only thread, one after the other. */
typedef struct weft__work {
    void (*begin)(void);             /* once, when the zygote begins: to forget what belongs to the old process */
    void (*run)(weft_str job);       /* within the job's limits */
    void (*answer)(weft__buf *out);  /* without them: append the answer */
} weft__work;

/* Fork the zygote. 0, also when it runs already; WEFT_EBUSY: this process has threads; -errno. Flushes stdio, so that
 * nothing is printed twice. To be called early: workers have what the process had then. Waits: never. */
int weft__zygote_start(const weft__work *work);
/* End its workers and it, so that nothing of them remains, not even a zombie. Waits: until it has ended, which takes as
 * long as its workers need to die; after weft__zygote_patience_ms (2000) it is killed itself. The same is done when the
 * process ends by exit or weft__os_end. */
void weft__zygote_stop(void);
extern int weft__zygote_patience_ms;
/* Why there is none, and what to do, as one sentence; when there is one, "". */
const char *weft__zygote_why(void);

/* What the zygote tells. `value`: of NOT_STARTED -errno, of ENDED the status, as waitpid gives it. */
enum { WEFT__WORKER_STARTED = 1, WEFT__WORKER_NOT_STARTED, WEFT__WORKER_ENDED };
typedef struct weft__worker_word { int kind; uint32_t id; int fd, pid, value; } weft__worker_word;

typedef struct weft__process_ops {
    /* The descriptor on which the zygote tells; the caller watches it, and has it alone until `leave`. WEFT_ENOENT:
     * there is none, see weft__zygote_why. WEFT_EBUSY: another loop has it. */
    int (*enter)(weft__os *);
    void (*leave)(weft__os *);
    /* Have a worker forked, or killed. The id is the caller's; an id that it did not give, or that NOT_STARTED was said
     * of, is to be ignored. Words follow: of a fork STARTED, with a non-blocking socket that is the caller's to close, or
     * NOT_STARTED; of every STARTED one ENDED, when it is gone, whoever ended it. A worker whose socket is closed ends by itself. 0, or WEFT_ECLOSED: the zygote is gone. */
    int (*fork)(weft__os *, uint32_t id);
    int (*kill)(weft__os *, uint32_t id);
    /* The next word: 1; 0: none yet; WEFT_ECLOSED: the zygote is gone, and with it the workers. */
    int (*hear)(weft__os *, weft__worker_word *);
} weft__process_ops;

/* In the simulator, where no process is: the job runs before_ns after it was given, and is told of after_ns later; or,
 * with a signal, its process is ended by that when it would run. */
typedef struct weft__process_fate { int64_t before_ns, after_ns; int signal; } weft__process_fate;

/* A worker's life, on a socket. */
_Noreturn void weft__worker_main(int fd, const weft__work *work);
/* What zygote and workers do first: name, end with the parent, signals, descriptors. The socket becomes descriptor 3. */
int weft__process_settle(const char *name, pid_t parent, int fd);

int weft__os_cores(void);            /* processors that this process may use */
#endif
