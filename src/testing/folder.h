#ifndef WEFT_SRC_TESTING_FOLDER_H
#define WEFT_SRC_TESTING_FOLDER_H
#include "testing/verdict.h"

/* A folder of the running test's own, on disk (below /tmp) or in memory (below /dev/shm), mode 0700; made when it is
 * first asked for, by this process or one that it forked, which have the same. It goes when the test has ended, with all
 * that is in it, and however the test has ended: who judges it removes it. Without one the test ends, failed. The text
 * lives as long as the test. */
const char *weft__test_folder(weft__folder where);

/* Removes those of the test whose verdict this is; nothing but what weft__test_folder made. */
void weft__test_folders_remove(weft__verdict *v);
#endif
