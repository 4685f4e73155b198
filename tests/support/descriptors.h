#ifndef WEFT_TESTS_SUPPORT_DESCRIPTORS_H
#define WEFT_TESTS_SUPPORT_DESCRIPTORS_H
#include <dirent.h>
#include "weft/check.h"

/* How many descriptors this process has open; the one that looks counts each time. */
static inline int open_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    WEFT_NEED(dir != NULL);
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}
#endif
