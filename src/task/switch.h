#ifndef WEFT_SRC_TASK_SWITCH_H
#define WEFT_SRC_TASK_SWITCH_H
/* The context switch: three words. It is inline assembly that names every register as changed, so that the
 * compiler saves those that are live and no others, and it ends in a jump: a `ret` here would be mispredicted
 * each time, because the processor remembers the calls of the context that was left. Where it is used
 * is never inlined into anything else and built without LTO (loop.c). */
#include <stddef.h>
#include <stdint.h>

typedef struct weft__context { void *sp, *fp, *pc; } weft__context;

/* Leave the running context in *from and go on in *to; returns when something switches back to *from. */
static inline __attribute__((always_inline)) void weft__switch(weft__context *from, const weft__context *to)
{
#if defined __x86_64__
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
        : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
          "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
          "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
#elif defined __aarch64__
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
        : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18",
          "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",
          "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
          "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
          "v30", "v31", "cc", "memory");
#else
#error "weft's context switch knows x86-64 and aarch64"
#endif
}

/* A context that begins `entry` on the stack that ends (exclusively) at `top`; entry must never return. A function
 * finds its stack as if it had been called: on x86-64 with the address it would return to on top. */
static inline void weft__context_make(weft__context *c, void *top, void (*entry)(void))
{
    void **end = (void **)((uintptr_t)top & ~(uintptr_t)15) - 2;
    end[0] = end[1] = NULL;                /* where unwinders stop */
#if defined __x86_64__
    c->sp = end + 1;
#else
    c->sp = end;
#endif
    c->fp = NULL;
    c->pc = (void *)(uintptr_t)entry;
}
#endif
