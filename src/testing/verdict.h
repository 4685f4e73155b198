#ifndef WEFT_SRC_TESTING_VERDICT_H
#define WEFT_SRC_TESTING_VERDICT_H
#include <stdatomic.h>
#include <stdbool.h>

/* Where a test has folders of its own (folder.h). */
typedef enum weft__folder { WEFT__ON_DISK, WEFT__IN_MEMORY, WEFT__FOLDERS } weft__folder;
enum { WEFT__FOLDER_BYTES = 40 };

/* What a running test and the processes that it forks say to the runner: a page of shared memory, which
 * no closed descriptor and no crash takes away. */
typedef struct weft__verdict {
    atomic_uint failed_checks;
    atomic_bool finished;            /* the test's function returned, or said that it is skipped */
    char skip_reason[256];
    char folders[WEFT__FOLDERS][WEFT__FOLDER_BYTES];
} weft__verdict;

/* Where checks report to. Never NULL: outside the runner it is a plain variable. */
extern weft__verdict *weft__verdict_now;

/* Where failed checks are told: stderr, also while a program's stderr is caught. */
extern int weft__check_fd;

/* What a test took and its process's end would give back, for tests that share a process: called after each of
 * them. NULL until something was taken. */
extern void (*weft__test_cleanup)(void);

/* How many times as long things may take here: WEFT_TEST_SLOWER, or 5 under sanitizers and valgrind, or 1. */
unsigned weft__test_slower(void);

enum { WEFT__EXIT_SKIPPED = 77 };
#endif
