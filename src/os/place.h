#ifndef WEFT_SRC_OS_PLACE_H
#define WEFT_SRC_OS_PLACE_H
/* What the two ways to name an address (with libdw, and without) have in common. */
#include "os/unwind.h"

void weft__place_text(char *to, size_t room, const char *from);      /* from: NULL is "" */
/* Sets `module` to the last part of the path, and `owner` to what the path alone tells. */
void weft__place_module(weft__place *p, const char *path);
/* Whose a function is by its name; `otherwise` when the name does not tell. */
weft__owner weft__place_owner(const char *function, weft__owner otherwise);
#endif
