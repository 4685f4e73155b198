/* In a file of its own, compiled without LTO and never inlined: the callers then hold nothing in the
 * registers that a call may change, and the clobber list makes the compiler save the others. */
#include "task/switch.h"
#include <stdint.h>

#if defined __x86_64__
__attribute__((noinline, no_sanitize_address)) void weft__switch(weft__context *from, const weft__context *to)
{
    __asm__ volatile(
        "movq %%rsp, 0(%0)\n\t"
        "movq %%rbp, 8(%0)\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "movq %%rax, 16(%0)\n\t"
        "movq 0(%1), %%rsp\n\t"
        "movq 8(%1), %%rbp\n\t"
        "jmpq *16(%1)\n"
        "1:\n\t"
#ifdef __CET__
        "endbr64\n\t"
#endif
        : "+D"(from), "+S"(to)
        :
        : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory");
}

enum { CALL_OFFSET = sizeof(void *) };    /* a function finds its stack as if it had been called */

#elif defined __aarch64__
__attribute__((noinline, no_sanitize_address)) void weft__switch(weft__context *from, const weft__context *to)
{
    register weft__context *f __asm__("x0") = from;
    register const weft__context *t __asm__("x1") = to;
    __asm__ volatile(
        "mov x9, sp\n\t"
        "adr x10, 1f\n\t"
        "str x9, [%0]\n\t"
        "stp x29, x10, [%0, #8]\n\t"
        "ldr x9, [%1]\n\t"
        "ldp x29, x10, [%1, #8]\n\t"
        "mov sp, x9\n\t"
        "br x10\n"
        "1:\n\t"
        : "+r"(f), "+r"(t)
        :
        : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
          "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",
          "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "cc", "memory");
}

enum { CALL_OFFSET = 0 };
#else
#error "weft's context switch knows x86-64 and aarch64"
#endif

void weft__context_make(weft__context *c, void *top, void (*entry)(void))
{
    uintptr_t sp = ((uintptr_t)top & ~(uintptr_t)15) - 16;
    *(void **)sp = 0;                      /* where unwinders stop */
    *((void **)sp + 1) = 0;
    c->sp = (void *)(sp + 16 - CALL_OFFSET - (CALL_OFFSET ? 0 : 16));
    c->fp = 0;
    c->pc = (void *)(uintptr_t)entry;
}
