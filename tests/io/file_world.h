#ifndef WEFT_TESTS_IO_FILE_WORLD_H
#define WEFT_TESTS_IO_FILE_WORLD_H
/* Tests of files: on epoll in a directory of their own, which is the working directory; in the simulator on its disk, where
 * half of the reads are not in the page cache and each job takes JOB_MS. All that was opened must have been closed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/file.h"
#include "task/world.h"
#include "weft/file.h"

enum { JOB_MS = 40 };

void file_epoll(weft_call body);
void file_sim(weft_call body);                        /* with several seeds */
void file_sim_with(const weft__sim_opts *opts, weft_call body);

#define FILE_TEST(name) \
    static int name(void); \
    WEFT_TEST(name##__epoll) { file_epoll(weft_call(name)); } \
    WEFT_TEST(name##__sim) { file_sim(weft_call(name)); } \
    static int name(void)
#define FILE_EPOLL_TEST(name) static int name(void); WEFT_TEST(name##__epoll) { file_epoll(weft_call(name)); } static int name(void)
#define FILE_SIM_TEST(name) static int name(void); WEFT_TEST(name##__sim) { file_sim(weft_call(name)); } static int name(void)

/* From here on reads are never at once, and each takes JOB_MS on its thread, also of the kernel's files. */
void file_slow_reads(void);
/* The text of this failure has the word in it. */
static inline bool file_says(int64_t rc, const char *word)
{
    bool found = strstr(weft_error_of((int)rc)->text, word) != NULL;
    if (!found) fprintf(stderr, "  the text is: %s\n", weft_error_of((int)rc)->text);
    return found;
}
void file_is(const char *path, const char *text);     /* checks that this is all it holds */
void file_put(const char *path, const char *text);
int file_names_in(const char *path);                  /* how many */
#endif
