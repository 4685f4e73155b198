#define _GNU_SOURCE
#include "libpq_alloc.h"
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

libpq_memory libpq_mem;

static bool refused(void)
{
    if (__atomic_add_fetch(&libpq_mem.made, 1, __ATOMIC_RELAXED) != libpq_mem.fail_at) return false;
    return libpq_mem.failed = true;
}

static void *their_malloc(size_t n) { return refused() ? NULL : malloc(n); }
static void *their_calloc(size_t n, size_t size) { return refused() ? NULL : calloc(n, size); }
static void *their_realloc(void *p, size_t n) { return refused() ? NULL : realloc(p, n); }
static char *their_strdup(const char *s) { return refused() ? NULL : strdup(s); }

typedef void function(void);
static const struct { const char *name; function *ours; } led[] = { { "malloc", (function *)their_malloc }, { "calloc", (function *)their_calloc },
    { "realloc", (function *)their_realloc }, { "strdup", (function *)their_strdup } };

/* The place lies in memory that is read only by now. */
static bool lead(uintptr_t place, function *ours)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (mprotect((void *)(place & ~(page - 1)), page, PROT_READ | PROT_WRITE) != 0) return false;
    memcpy((void *)place, &ours, sizeof ours);
    return true;
}

static int lead_all(const ElfW(Rela) *at, size_t bytes, const ElfW(Sym) *symbols, const char *names, uintptr_t base)
{
    int count = 0;
    for (const ElfW(Rela) *end = at + bytes / sizeof *at; at && at < end; at++) {
        size_t symbol = at->r_info >> 32;
        for (size_t i = 0; symbol && i < sizeof led / sizeof *led; i++)
            if (strcmp(names + symbols[symbol].st_name, led[i].name) == 0) count += lead(base + at->r_offset, led[i].ours);
    }
    return count;
}

static int on_library(struct dl_phdr_info *info, size_t size, void *ctx)
{
    const ElfW(Dyn) *d = NULL;
    uintptr_t at[DT_NUM] = { 0 };
    (void)size;
    if (!strstr(info->dlpi_name, "libpq.so")) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) d = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    for (; d && d->d_tag != DT_NULL; d++)
        if (d->d_tag > 0 && d->d_tag < DT_NUM) at[d->d_tag] = d->d_un.d_ptr;
    const ElfW(Sym) *symbols = (const void *)at[DT_SYMTAB];
    const char *names = (const char *)at[DT_STRTAB];
    *(int *)ctx += lead_all((const void *)at[DT_JMPREL], at[DT_PLTRELSZ], symbols, names, info->dlpi_addr);
    *(int *)ctx += lead_all((const void *)at[DT_RELA], at[DT_RELASZ], symbols, names, info->dlpi_addr);
    return 0;
}

bool libpq_mem_watch(void)
{
    int count = 0;
    dl_iterate_phdr(on_library, &count);
    return count >= 3;
}
