/* Built without libdw: calls are what looks like a return address on the stack, which may show some that are long
 * over, and names are those of exported functions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include "os/call_site.h"
#include "os/place.h"
#include "os/unwind.h"

typedef struct search { uintptr_t at; bool found; } search;

static int in_segment(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    search *s = ctx;
    for (int i = 0; i < info->dlpi_phnum && !s->found; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        s->found = p->p_type == PT_LOAD && (p->p_flags & PF_X) && s->at - (info->dlpi_addr + p->p_vaddr) < p->p_memsz;
    }
    return s->found;
}

static bool in_code(uintptr_t at)
{
    search s = { .at = at };
    if (at > 4096) dl_iterate_phdr(in_segment, &s);
    return s.found;
}

/* A live stack has parts that sanitizers allow its owner alone to read. */
__attribute__((no_sanitize("address", "thread"))) static uintptr_t word_of(const weft__stack_bytes *s, uintptr_t at)
{
    return ((const volatile uintptr_t *)s->bytes)[(at - s->low) / sizeof at];
}

int weft__unwind(const weft__registers *regs, const weft__stack_bytes *stack, uintptr_t *pcs, int max)
{
    int n = 0;
    uintptr_t from = (regs->r[WEFT__REG_SP] + 7) & ~(uintptr_t)7;
    if (n < max) pcs[n++] = regs->pc;
    for (uintptr_t at = from; n < max && at - stack->low + sizeof at <= stack->size; at += sizeof at) {
        uintptr_t ret = weft__code_address(word_of(stack, at));
        if (in_code(ret) && weft__call_before(ret).is_call) pcs[n++] = ret - 1;
    }
    return n;
}

int weft__places_of(uintptr_t pc, weft__place *out, int max)
{
    Dl_info info = { 0 };
    if (max < 1) return 0;
    *out = (weft__place){ .offset = pc };
    if (!dladdr((void *)pc, &info)) return 1;
    weft__place_module(out, info.dli_fname ? info.dli_fname : "");
    weft__place_text(out->function, sizeof out->function, info.dli_sname);
    if (out->owner != WEFT__OWNER_SYSTEM) out->owner = weft__place_owner(out->function, out->owner);
    out->offset = pc - (uintptr_t)info.dli_fbase;
    return 1;
}

void weft__unwind_forget(void) {}
