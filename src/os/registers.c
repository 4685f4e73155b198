#define _GNU_SOURCE
#include <ucontext.h>
#include "os/unwind.h"

void weft__registers_of(const void *context, weft__registers *r)
{
    const ucontext_t *uc = context;
#if defined __x86_64__
    static const int order[WEFT__REGS] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
        REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP };
    for (int i = 0; i < WEFT__REGS; i++) r->r[i] = (uintptr_t)uc->uc_mcontext.gregs[order[i]];
    r->pc = r->r[16];
#elif defined __aarch64__
    for (int i = 0; i < 31; i++) r->r[i] = uc->uc_mcontext.regs[i];
    r->r[WEFT__REG_SP] = uc->uc_mcontext.sp;
    r->pc = uc->uc_mcontext.pc;
#endif
    r->known = ((uint64_t)1 << WEFT__REGS) - 1;
}

int weft__unwind_here(const void *end, uintptr_t *pcs, int max)
{
    ucontext_t here;
    weft__registers r;
    if (getcontext(&here) < 0) return 0;
    weft__registers_of(&here, &r);
    uintptr_t sp = r.r[WEFT__REG_SP];
    weft__stack_bytes s = { sp, (uintptr_t)end - sp, (const void *)sp };
    return weft__unwind(&r, &s, pcs, max);
}

int weft__unwind_saved(const void *sp, const void *fp, const void *pc, const void *end, uintptr_t *pcs, int max)
{
    weft__registers r = { .pc = (uintptr_t)pc, .known = (uint64_t)1 << WEFT__REG_SP | (uint64_t)1 << WEFT__REG_FP };
    weft__stack_bytes s = { (uintptr_t)sp, (uintptr_t)end - (uintptr_t)sp, sp };
    r.r[WEFT__REG_SP] = (uintptr_t)sp;
    r.r[WEFT__REG_FP] = (uintptr_t)fp;
    return weft__unwind(&r, &s, pcs, max);
}
