#include <stdlib.h>
#include "base/author.h"
#include "task/fiber.h"
#include "task/sanitizer.h"

/* What a function that was suspended may keep below its stack pointer (System V ABI: 128 bytes), and more. */
enum { BELOW = 256 };

#if defined WEFT__SANITIZED
/* Sanitizers would have to be told of two switches for each call: there it runs where it is. */
static int call_on(void *top, int (*fn)(void *), void *arg)
{
    (void)top;
    return fn(arg);
}
#else
/* The address of its frame is asked for so that the frame is found by the frame pointer, not by the stack pointer, which
 * unwinders see on another stack. */
static __attribute__((noinline)) int call_on(void *top, int (*fn)(void *), void *arg)
{
    __asm__ volatile("" : : "r"(__builtin_frame_address(0)));
#if defined __x86_64__
    int rc;
    __asm__ volatile(
        "movq %%rsp, %%rbx\n\t"
        "movq %[top], %%rsp\n\t"
        "callq *%[fn]\n\t"
        "movq %%rbx, %%rsp\n\t"
        : "=a"(rc), "+D"(arg)
        : [top] "r"(top), [fn] "r"(fn)
        : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11",
          "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
          "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
    return rc;
#elif defined __aarch64__
    register void *x0 __asm__("x0") = arg;
    __asm__ volatile(
        "mov x19, sp\n\t"
        "mov sp, %[top]\n\t"
        "blr %[fn]\n\t"
        "mov sp, x19\n\t"
        : "+r"(x0)
        : [top] "r"(top), [fn] "r"(fn)
        : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18",
          "x19", "x30",
          "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
          "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
          "v30", "v31", "cc", "memory");
    return (int)(intptr_t)x0;
#endif
}
#endif

int weft__leaf(int (*fn)(void *arg), void *arg)
{
    weft__fiber *f = weft__running();
    if (!f || f->loop->in_leaf) return fn(arg);
    weft__loop *loop = f->loop;
    void *top = (void *)(((uintptr_t)loop->context.sp - BELOW) & ~(uintptr_t)15);
    if (__builtin_expect(loop->stacks.on_valgrind, 0)) weft__stack_valgrind_below(top);
    loop->in_leaf = true;
    int rc = call_on(top, fn, arg);
    loop->in_leaf = false;
    return rc;
}

void weft__wait_forbidden(const weft__loop *loop)
{
    const weft__fiber *f = loop->current;
    const weft__author *a = weft__author_runs;
    if (a)
        weft__say("weft: %s%s%s waits%s%s, in task %s%s%s, started at %s; it must not: others would run in the middle of what called it. Do it in the handler\n",
            a->what, a->name ? " " : "", a->name ? a->name : "", f->state == WEFT__PARKED ? " for " : "", f->state == WEFT__PARKED ? f->waits_for : "",
            f->task->name, f->label ? " of " : "", f->label ? f->label : "", f->task->place);
    else
        weft__say("weft: task %s, started at %s, waits in a function that must not wait: it runs on the loop's own stack\n", f->task->name,
            f->task->place);
    abort();
}
