#ifndef WEFT_SRC_OS_PRELOADED_H
#define WEFT_SRC_OS_PRELOADED_H
/* A function that a shared object brought into this process; NULL: none has it. */
void *weft__os_preloaded(const char *name);
#endif
