/* Folders of a running test. Their names lie in its verdict, which the runner reads: nothing of a test that was killed
 * stays behind. */
#define _GNU_SOURCE
#include "testing/folder.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

static const char *const begin_of[WEFT__FOLDERS] = { "/tmp/weft-test-", "/dev/shm/weft-test-" };

const char *weft__test_folder(weft__folder where)
{
    char *path = weft__verdict_now->folders[where];
    if (*path) return path;
    snprintf(path, WEFT__FOLDER_BYTES, "%sXXXXXX", begin_of[where]);
    WEFT_NEED(mkdtemp(path) != NULL);                /* in place: its name is known before it is there */
    return path;
}

/* The test could write to its verdict, by mistake too. */
static bool is_ours(const char *path, const char *begin)
{
    size_t n = strlen(begin);
    return strncmp(path, begin, n) == 0 && strlen(path) == n + strlen("XXXXXX") && !strpbrk(path + n, "/.");
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    (void)remove(path);                              /* what cannot be removed does not keep the rest */
    return 0;
}

void weft__test_folders_remove(weft__verdict *v)
{
    for (int i = 0; i < WEFT__FOLDERS; i++) {
        char path[WEFT__FOLDER_BYTES];
        memcpy(path, v->folders[i], sizeof path);
        path[sizeof path - 1] = 0;
        if (is_ours(path, begin_of[i])) (void)nftw(path, drop, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        v->folders[i][0] = 0;
    }
}
