#ifndef WEFT_CHECK_H
#define WEFT_CHECK_H
/* Tests that name behaviours.
 *
 *     WEFT_TEST(an_empty_list_has_no_best_offer) { WEFT_CHECK_EQ(best(NULL, 0), -1); }
 *
 * A program of tests needs no main of its own: libweft.a has one, which runs each test in a process of
 * its own (a crash or a hang fails that test alone) and ends with "N passed, N failed, N skipped".
 * ./program --help lists its options.   Example: examples/items_test.c  */
#include <stdbool.h>
#include "weft/base.h"

/* A test: the body follows. Fails when a check in it fails, in this process or in one that it forked, when
 * it crashes, when it leaks (under ASan), when it ends the process before its own end, or when it takes
 * longer than the time limit (20 s, five times as long under sanitizers and valgrind). Checks go on after
 * a failure, except WEFT_NEED. Processes that it leaves behind are killed. */
#define WEFT_TEST(name) static void name(void); \
    static const weft__test weft__t_##name = { #name, __FILE__, __LINE__, name }; \
    static const weft__test *const weft__tp_##name __attribute__((used, section("weft_tests"))) = &weft__t_##name; \
    static void name(void)
typedef struct weft__test { const char *name, *file; int line; void (*run)(void); } weft__test;

/* Each evaluates its arguments once and, when it does not hold, says where, what was expected and what
 * came. They return whether it held. WEFT_CHECK_STR compares a weft_str with a C string. */
#define WEFT_CHECK(condition)  weft__check(__FILE__, __LINE__, #condition, (condition))
#define WEFT_CHECK_EQ(a, b)    weft__check_eq(__FILE__, __LINE__, #a, #b, (long long)(a), (long long)(b))
#define WEFT_CHECK_STR(s, text) weft__check_str(__FILE__, __LINE__, #s, (s), (text))
/* Like WEFT_CHECK, and ends the test when it does not hold. */
#define WEFT_NEED(condition)   do { if (!weft__check(__FILE__, __LINE__, #condition, (condition))) weft__test_abort(); } while (0)
/* Ends the test as skipped, with its reason. With CI=true a skip fails unless tests/skips lists it. */
#define WEFT_SKIP(reason)      weft__test_skip("" reason)

bool weft__check(const char *file, int line, const char *text, bool holds);
bool weft__check_eq(const char *file, int line, const char *ea, const char *eb, long long a, long long b);
bool weft__check_str(const char *file, int line, const char *ea, weft_str a, const char *b);
/* For checks of one's own: reports a failure at a place. */
void weft__check_fail(const char *file, int line, const char *fmt, ...) WEFT_PRINTF(3, 4);
_Noreturn void weft__test_abort(void);
_Noreturn void weft__test_skip(const char *reason);

/* Runs the tests linked into this program as its main does; returns the exit status: 0 when none failed,
 * 1 when one did or there is none, 2 for a wrong option. Waits: until they are done. */
int weft_test_main(int argc, char **argv);
#endif
