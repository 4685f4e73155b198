#ifndef WEFT_SRC_OS_UNWIND_H
#define WEFT_SRC_OS_UNWIND_H
/* From a stack to the calls on it, and from an address to function, file and line. It works on code without frame
 * pointers, from its unwind tables (.eh_frame, .debug_frame), and needs libdw of elfutils for that; built without,
 * it looks for return addresses on the stack instead and knows the names that dladdr knows (see
 * docs/decisions/0005-stacks-are-read-with-libdw.md).
 *
 * Everything here allocates, reads files and takes milliseconds; none of it, but weft__registers_of, may be called in a signal handler. Any
 * thread may call: there is one lock. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers by their DWARF numbers (System V psABI of x86-64, figure 3.36; AADWARF64, 4.1). */
#if defined __x86_64__
enum { WEFT__REG_FP = 6, WEFT__REG_SP = 7, WEFT__REGS = 17 };
#elif defined __aarch64__
enum { WEFT__REG_FP = 29, WEFT__REG_SP = 31, WEFT__REGS = 32 };
#endif

/* pc and sp must be known, others may be: bit i of `known` says that r[i] is. The fewer there are, the more has to
 * be guessed from what lies on the stack, and checked by whether a guess leads to the stack's end. */
typedef struct weft__registers { uintptr_t pc, r[WEFT__REGS]; uint64_t known; } weft__registers;

/* The stack, or a copy of a part of it: `bytes`, aligned to words, is what lies at address `low`, which is at or below
 * the stack pointer. Where it is cut off the calls end. */
typedef struct weft__stack_bytes { uintptr_t low; size_t size; const void *bytes; } weft__stack_bytes;

/* The calls, innermost first, at most max: pcs[0] is the pc, the others lie within the call instructions, so that
 * each belongs to the line of its call. Returns how many, at least 1. */
int weft__unwind(const weft__registers *regs, const weft__stack_bytes *stack, uintptr_t *pcs, int max);

/* Those of a context that weft__switch saved (all registers but these three are dead), on a stack that ends at `end`
 * and that nobody else runs on. */
int weft__unwind_saved(const void *sp, const void *fp, const void *pc, const void *end, uintptr_t *pcs, int max);

/* Those of the caller, innermost first (this function is one of them), on a stack that ends at `end`. */
int weft__unwind_here(const void *end, uintptr_t *pcs, int max);

/* The registers in the third argument of a signal handler, or in a ucontext_t. Async-signal-safe. */
void weft__registers_of(const void *context, weft__registers *r);

/* Whose code an address lies in. System: a shared object in /lib or /usr/lib, or what a compiler brings. */
typedef enum weft__owner { WEFT__OWNER_USER, WEFT__OWNER_WEFT, WEFT__OWNER_SYSTEM } weft__owner;

/* Long names are cut. Without debug information `file` is empty, without symbols `function` is; `module` is the name
 * of the program or shared object, `offset` the address within it as `addr2line -e` wants it. */
typedef struct weft__place {
    char function[96], file[160], module[64];
    uintptr_t offset;
    int line;
    weft__owner owner;
} weft__place;

/* What an address stands for, innermost first: a function that was inlined, the one that it was inlined into, and so
 * on. Returns how many, at least 1 (for max >= 1). */
int weft__places_of(uintptr_t pc, weft__place *out, int max);

/* "NAME (FILE.c:LINE)", "NAME (MODULE+0x1f0)", "(MODULE+0x1f0)": FILE without its directories. */
void weft__place_format(const weft__place *p, char *to, size_t room);

/* Give back the memory and the files behind all this; the next use opens them again. */
void weft__unwind_forget(void);
#endif
