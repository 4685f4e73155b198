#ifndef WEFT_TESTS_TASK_WORLD_H
#define WEFT_TESTS_TASK_WORLD_H
/* Runs the body of a test as the root task of a loop: on epoll with the real clock, and in the simulator
 * with the virtual one, once per seed. Afterwards nothing may be left of it: neither memory nor descriptors. */
#include "os/os.h"
#include "os/sim.h"
#include "task/loop.h"
#include "weft/check.h"
#include "weft/task.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WORLD_SANITIZED 1
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define WORLD_SANITIZED 1
#endif
#ifndef WORLD_SANITIZED
#define WORLD_SANITIZED 0
#endif

/* Two tests of one body: TASK_TEST(a_thing_happens) { ...; return 0; }. The body is a task function; a test
 * fails when it returns anything but 0. */
#define TASK_TEST(name) \
    static int name(void); \
    WEFT_TEST(name##__epoll) { world_epoll(weft_call(name)); } \
    WEFT_TEST(name##__sim) { world_sim(weft_call(name)); } \
    static int name(void)

/* Only one of the two, where the other makes no sense. */
#define EPOLL_TEST(name) static int name(void); WEFT_TEST(name##__epoll) { world_epoll(weft_call(name)); } static int name(void)
#define SIM_TEST(name) static int name(void); WEFT_TEST(name##__sim) { world_sim(weft_call(name)); } static int name(void)

/* The world of the running body. `fifo`: tasks take turns in the order in which they became ready. */
typedef struct world { weft__os *os; weft__loop *loop; uint64_t seed; bool virtual_time, fifo; } world;
extern _Thread_local world world_now;

/* Run fn, which is expected to end its process, in one of its own: how that ended (as waitpid tells), and what it said on
 * stderr, NUL-terminated, without an emulator's line on its end. */
int world_last_words(void (*fn)(void), char *text, size_t room);

void world_epoll(weft_call body);
void world_sim(weft_call body);                       /* with several seeds, 0 first */

/* The same in steps: open, run any number of calls, close. Opening ends the test when it cannot. */
void world_open_epoll(void);
void world_open_sim(uint64_t seed);
void world_open_sim_with(const weft__sim_opts *opts);
int world_run(weft_call call);
void world_close(void);

/* All memory of a world goes through this: `blocks` and `bytes` are what it holds now. fail_after: how many
 * more allocations succeed (-1: all); then one fails, or with fail_rest all until it is set to -1 again. */
typedef struct world_memory { long blocks, bytes, fail_after, failures; bool fail_rest; } world_memory;
extern world_memory world_mem;
void world_mem_watch(void);                           /* installs it; opening a world does so as well */

/* Since a reading of weft_now_ns, `ms` have passed: exactly in the simulator, about and never less on epoll. */
#define WORLD_TOOK(since_ns, ms) world_took(__FILE__, __LINE__, (since_ns), (ms))
void world_took(const char *file, int line, int64_t since_ns, int64_t ms);

int64_t world_real_ms(void);                          /* the real clock, in both worlds */
long world_fds(void);                                 /* open descriptors of this process */
long world_maps(void);                                /* its mappings */
long world_rss_kib(void);
void world_burn_ms(int ms);                           /* keep the processor busy, never waiting */
static inline void world_ignore(int rc) { (void)rc; }
/* Every ready task has had a turn: where rounds are shuffled, one yield may end before a neighbour's turn. */
static inline void world_turn(void)
{
    WEFT_CHECK_EQ(weft_yield(), 0);
    if (!world_now.fifo) WEFT_CHECK_EQ(weft_yield(), 0);
}

/* What is written to fd 2 from here to the end of the capture; the text is good until the next capture. */
void world_capture_begin(void);
const char *world_capture_end(void);
int world_count_in(const char *text, const char *word);

/* Without libdw a stack is addresses alone. */
bool world_knows_lines(void);
#define WORLD_NEEDS_LINES() do { if (!world_knows_lines()) WEFT_SKIP("built without libdw"); } while (0)

/* Longer than any test: a wait of it that ends was ended by something else. */
enum { FOREVER = 600 * 1000 };

/* Small tasks that the tests are made of. */
typedef struct on_scope { weft_scope *scope; int after_ms, value; } on_scope;
int cancel_later(const on_scope *in);                 /* sleep, then weft_cancel */
int move_later(const on_scope *in);                   /* sleep, then weft_scope_deadline(value) */
int shield_later(const on_scope *in);                 /* sleep, then weft_scope_shield(value) */
typedef struct failing { int after_ms, code; const char *text; } failing;
int fail_later(const failing *in);                    /* sleep, then weft_fail */
int sleep_for(const int *ms);
int sleep_for_and_tell(const int *ms, int *out);      /* *out = ms, after the sleep */

/* Sleeps; once woken or cancelled it cleans up in a shielded scope. It keeps a record of itself in *at. */
typedef struct witness { int began, rc, cleaned, ended; } witness;
typedef struct witnessed { witness *at; int sleep_ms, clean_ms; } witnessed;
int witness_task(const witnessed *in);
#endif
