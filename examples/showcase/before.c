#include "before.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* With the id of the process it is said in: another showcase that is started from this one is neither a reload of it nor a try. */
bool before_leave(const char *name, const char *word)
{
    char text[2048];
    int n = snprintf(text, sizeof text, "%d %s", (int)getpid(), word);
    return n < (int)sizeof text && setenv(name, text, 1) == 0;
}

const char *before_find(const char *name, bool *ours)
{
    char *word = NULL;
    const char *text = getenv(name);
    long of = text ? strtol(text, &word, 10) : 0;
    *ours = of == getpid();
    return word && *word == ' ' && (*ours || of == getppid()) ? word + 1 : NULL;
}
