#define _GNU_SOURCE
#include "os/preloaded.h"
#include <dlfcn.h>

void *weft__os_preloaded(const char *name) { return dlsym(RTLD_DEFAULT, name); }
