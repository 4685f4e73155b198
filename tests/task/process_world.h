#ifndef WEFT_TESTS_TASK_PROCESS_WORLD_H
#define WEFT_TESTS_TASK_PROCESS_WORLD_H
/* Tests of calls in other processes: real ones on epoll, simulated ones in the simulator. */
#include <stdatomic.h>
#include <sys/types.h>
#include "task/process.h"
#include "weft/process.h"
#include "world.h"

enum { SOCKET = 3 };                 /* a worker's */

/* What jobs and tests see in common: processes too. */
typedef struct process_shared { atomic_int begun, ended, order[256]; atomic_long pid; } process_shared;
extern process_shared *shared;
void share_memory(void);
void processes_open(void);           /* that, and a zygote */

/* A body with real processes, after some options; and with simulated ones. */
#define REAL_TEST(name, ...) static int name(void); WEFT_TEST(name##__epoll) { \
    WEFT_NEED(weft_processes(__VA_ARGS__) == 0); \
    processes_open(); world_epoll(weft_call(name)); weft__zygote_stop(); } static int name(void)
#define BOTH_TEST(name, ...) static int name(void); WEFT_TEST(name##__sim) { \
    WEFT_NEED(weft_processes(__VA_ARGS__) == 0); processes_open(); world_sim(weft_call(name)); weft__zygote_stop(); } REAL_TEST(name, __VA_ARGS__)

const char *text_of(int rc);
#define CHECK_FAILED(rc, code, said) do { int rc_ = (rc); WEFT_CHECK_EQ(rc_, (code)); \
    WEFT_CHECK_STR(weft_str_of(text_of(rc_)), (said)); } while (0)

bool is_gone(long pid);                               /* and has been waited for */
bool is_dead(long pid);                               /* or that, or nobody has waited for it yet */
bool memory_can_be_limited(void);                      /* not under qemu-user */
long child_of(pid_t parent, int nth);                 /* as /proc tells; 0: it has none */

int pid_job(const int *in, int *out);                 /* out: its process; returns *in */
int plain_job(const int *in, int *out);               /* returns *in, out: 5 */
int crash_job(const int *in, int *out);               /* ends by this signal; below 0: by exit */
int slow_job(const int *ms, int *out);                /* sleeps; shared tells pid, begun and ended */
int slow(const int *ms, int *out);                    /* a call of it */
int wait_begun(int n);                                /* until so many slow jobs have begun */
#endif
