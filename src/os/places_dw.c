/* Addresses by their debug information: function, file and line, and what was inlined there. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/dw.h"
#include "os/place.h"
#include "os/unwind.h"

enum { LOOK_BACK_BYTES = 128 };

/* The unit of a code address. Looked for in all of them: clang writes no .debug_aranges. */
static Dwarf_Die *unit_of(Dwfl_Module *m, uintptr_t pc, Dwarf_Addr *bias)
{
    for (Dwarf_Die *unit = NULL; (unit = dwfl_module_nextcu(m, unit, bias));)
        if (dwarf_haspc(unit, pc - *bias) > 0) return unit;
    return NULL;
}

/* A source file as the compiler was given it, and the directory that the compiler ran in. */
typedef struct source { const char *name, *dir; } source;

static source source_of(Dwarf_Die *unit)
{
    Dwarf_Attribute at;
    const char *name = dwarf_diename(unit), *dir = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &at));
    return (source){ name ? name : "", dir ? dir : "" };
}

/* Where weft's sources lie, as this very file was compiled: what comes before "os/places_dw.c". */
static bool root_find(char *name, char *dir, size_t room)
{
    static const char here[] = "os/places_dw.c";
    Dwarf_Addr bias;
    Dwfl_Module *m = weft__dw_module((uintptr_t)weft__places_of);
    Dwarf_Die *mine = m ? unit_of(m, (uintptr_t)weft__places_of, &bias) : NULL;
    source s = mine ? source_of(mine) : (source){ "", "" };
    size_t n = strlen(s.name), tail = sizeof here - 1;
    if (n <= tail || strcmp(s.name + n - tail, here) != 0) return false;
    weft__place_text(name, room < n - tail + 1 ? room : n - tail + 1, s.name);
    weft__place_text(dir, room, s.dir);
    return true;
}

static bool in_floor(const char *path)
{
    static const char *const floors[] = { "base/", "wire/", "model/", "os/", "task/", "io/", "http/", "web/", "serve/", "testing/" };
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++)
        if (strncmp(path, floors[i], strlen(floors[i])) == 0) return true;
    return false;
}

/* The directory counts for what is in no floor's folder; caches of compilers mix directories up. */
static bool is_weft(Dwarf_Die *unit)
{
    static char name[512], dir[512];
    if (!name[0] && !root_find(name, dir, sizeof name)) return false;
    source s = source_of(unit);
    if (strncmp(s.name, name, strlen(name)) != 0) return false;
    return in_floor(s.name + strlen(name)) || (name[0] != '/' && strcmp(s.dir, dir) == 0);
}

/* ---- one address ---- */

typedef struct lookup {
    Dwfl_Module *module;
    uintptr_t pc;
    weft__place *out;
    int n, max;
    weft__place base;                    /* what is the same for all that was inlined there */
} lookup;

static void found(lookup *l, const char *function, const char *file, int line)
{
    if (l->n == l->max) return;
    weft__place *p = &l->out[l->n++];
    *p = l->base;
    weft__place_text(p->function, sizeof p->function, function);
    weft__place_text(p->file, sizeof p->file, file);
    p->line = file ? line : 0;
    /* libc's headers have functions too: getline, and what _FORTIFY_SOURCE puts in front of read. */
    if (strncmp(p->file, "/usr/include/", 13) == 0) p->owner = WEFT__OWNER_SYSTEM;
    if (p->owner != WEFT__OWNER_SYSTEM) p->owner = weft__place_owner(p->function, p->owner);
}

static const char *file_of_call(Dwarf_Die *unit, Dwarf_Die *inlined)
{
    Dwarf_Files *files;
    size_t n;
    Dwarf_Attribute at;
    Dwarf_Word which;
    if (dwarf_getsrcfiles(unit, &files, &n) != 0) return NULL;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &at), &which) != 0) return NULL;
    return which < n ? dwarf_filesrc(files, which, NULL, NULL) : NULL;
}

static int line_of_call(Dwarf_Die *inlined)
{
    Dwarf_Attribute at;
    Dwarf_Word line;
    return dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &at), &line) == 0 ? (int)line : 0;
}

/* The blocks and functions around the address, from the innermost out; *n of them, to be freed. */
static Dwarf_Die *scopes_at(Dwarf_Die *unit, uintptr_t pc, int *n)
{
    Dwarf_Die *at = NULL, *around = NULL;
    *n = dwarf_getscopes(unit, pc, &at);
    if (*n <= 0) return NULL;
    Dwarf_Die innermost = at[0];
    free(at);
    *n = dwarf_getscopes_die(&innermost, &around);
    return *n > 0 ? around : NULL;
}

/* An instruction that belongs to no line in particular (0) is told with the line before it. */
static const char *line_at(Dwarf_Die *unit, uintptr_t pc, int *line)
{
    Dwarf_Line *at = NULL;
    *line = 0;
    for (uintptr_t back = 0; back < LOOK_BACK_BYTES && !*line; back++) {
        at = dwarf_getsrc_die(unit, pc - back);
        if (!at || dwarf_lineno(at, line) != 0) break;
    }
    return at ? dwarf_linesrc(at, NULL, NULL) : NULL;
}

static void look_in_unit(lookup *l, Dwarf_Die *unit, uintptr_t pc)
{
    int n, line;
    const char *file = line_at(unit, pc, &line);
    Dwarf_Die *scopes = scopes_at(unit, pc, &n);
    for (int i = 0; scopes && i < n; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag == DW_TAG_subprogram) {
            const char *name = dwarf_diename(&scopes[i]);
            found(l, name ? name : dwfl_module_addrname(l->module, l->pc), file, line);
            break;
        }
        if (tag != DW_TAG_inlined_subroutine) continue;
        found(l, dwarf_diename(&scopes[i]), file, line);
        file = file_of_call(unit, &scopes[i]);
        line = line_of_call(&scopes[i]);
    }
    free(scopes);
    if (!l->n) found(l, dwfl_module_addrname(l->module, l->pc), file, line);
}

static void look_up(lookup *l)
{
    Dwarf_Addr bias = 0, start = 0;
    const char *path = "";
    l->module = weft__dw_module(l->pc);
    if (!l->module) {
        found(l, NULL, NULL, 0);
        return;
    }
    const char *name = dwfl_module_info(l->module, NULL, &start, NULL, NULL, NULL, &path, NULL);
    if (!path) path = name;
    weft__place_module(&l->base, path);
    l->base.offset = l->pc - start;
    Dwarf_Die *unit = l->base.owner == WEFT__OWNER_SYSTEM ? NULL : unit_of(l->module, l->pc, &bias);
    if (unit && is_weft(unit)) l->base.owner = WEFT__OWNER_WEFT;
    if (unit) look_in_unit(l, unit, l->pc - bias);
    else found(l, dwfl_module_addrname(l->module, l->pc), NULL, 0);
}

int weft__places_of(uintptr_t pc, weft__place *out, int max)
{
    lookup l = { .pc = pc, .out = out, .max = max };
    weft__dw_lock();
    look_up(&l);
    weft__dw_unlock();
    return l.n;
}
