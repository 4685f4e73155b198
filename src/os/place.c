#include "os/place.h"
#include <stdio.h>
#include <string.h>

void weft__place_text(char *to, size_t room, const char *from)
{
    size_t n = from ? strlen(from) : 0;
    if (n >= room) n = room - 1;
    if (n) memcpy(to, from, n);
    to[n] = 0;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void weft__place_module(weft__place *p, const char *path)
{
    static const char *const dirs[] = { "/lib/", "/lib64/", "/lib32/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/", "[" };
    weft__place_text(p->module, sizeof p->module, last_part(path));
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        if (strncmp(path, dirs[i], strlen(dirs[i])) == 0) p->owner = WEFT__OWNER_SYSTEM;
    /* A program may lie there too; only shared objects are the system's. */
    if (p->module[0] != '[' && !strstr(p->module, ".so")) p->owner = WEFT__OWNER_USER;
}

/* Names that begin with two underscores are the compiler's and the C library's (C17, 7.1.3): sanitizers that are
 * linked into the program have them. */
weft__owner weft__place_owner(const char *function, weft__owner otherwise)
{
    if (strncmp(function, "weft_", 5) == 0) return WEFT__OWNER_WEFT;
    if (strncmp(function, "__", 2) == 0) return WEFT__OWNER_SYSTEM;
    return otherwise;
}

void weft__place_format(const weft__place *p, char *to, size_t room)
{
    const char *between = p->function[0] ? " " : "";
    if (p->file[0]) snprintf(to, room, "%s%s(%s:%d)", p->function, between, last_part(p->file), p->line);
    else if (p->module[0]) snprintf(to, room, "%s%s(%s+0x%zx)", p->function, between, p->module, (size_t)p->offset);
    else snprintf(to, room, "%s%s(0x%zx)", p->function, between, (size_t)p->offset);
}
