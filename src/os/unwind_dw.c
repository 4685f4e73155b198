/* Stacks by their unwind tables: for each frame the table says how its caller's registers follow from its own and
 * from memory (DWARF 5, 6.4). Where that needs a register that is not known (of a thread in a system call the kernel
 * tells pc and sp alone), the return address is looked for on the stack, and a find counts when it leads on to the
 * stack's end. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>
#include "os/call_site.h"
#include "os/dw.h"
#include "os/unwind.h"

enum { VALUES_MAX = 16, TRIES_MAX = 48, NESTED_MAX = 6, FRAMES_MAX = 64, CUT_MAX = 1 << 16 };

typedef struct unwinding {
    const weft__stack_bytes *stack;
    int tries, nested;                   /* guesses left; those that the current one stands on */
} unwinding;

/* One attempt: the calls found so far, and where it stands. `exact`: pc is an instruction that runs, not one that a
 * call returns to. `ended`: the stack's end is reached, or so many calls that they cannot be made up. */
typedef struct attempt {
    weft__registers regs;
    bool exact, ended;
    int count;
    uintptr_t pcs[FRAMES_MAX];
} attempt;

static bool known(const weft__registers *r, unsigned i) { return i < WEFT__REGS && (r->known >> i & 1); }

static void learn(weft__registers *r, unsigned i, uintptr_t value)
{
    if (i >= WEFT__REGS) return;
    r->r[i] = value;
    r->known |= (uint64_t)1 << i;
}

/* Words lie at multiples of their size. The stack may be a live one, of which sanitizers allow its owner alone to read
 * certain parts. */
__attribute__((no_sanitize("address", "thread"))) static bool load(const weft__stack_bytes *s, uintptr_t at, uintptr_t *out)
{
    uintptr_t offset = at - s->low;
    if (at < s->low || s->size < sizeof *out || offset > s->size - sizeof *out || offset % sizeof *out) return false;
    *out = ((const volatile uintptr_t *)s->bytes)[offset / sizeof *out];
    return true;
}

/* ---- expressions (DWARF 5, 2.5): what unwind tables use of them ---- */

typedef struct values { uintptr_t v[VALUES_MAX]; int n; bool bad; } values;

static void push(values *s, uintptr_t v)
{
    if (s->n == VALUES_MAX) s->bad = true;
    else s->v[s->n++] = v;
}

static uintptr_t pop(values *s)
{
    if (s->n) return s->v[--s->n];
    s->bad = true;
    return 0;
}

static void push_register(values *s, const weft__registers *r, unsigned i, uintptr_t offset)
{
    if (!known(r, i)) s->bad = true;
    else push(s, r->r[i] + offset);
}

static void two_operands(values *s, int op)
{
    uintptr_t b = pop(s), a = pop(s);
    switch (op) {
    case DW_OP_plus: push(s, a + b); break;
    case DW_OP_minus: push(s, a - b); break;
    case DW_OP_and: push(s, a & b); break;
    case DW_OP_or: push(s, a | b); break;
    case DW_OP_mul: push(s, a * b); break;
    case DW_OP_shl: push(s, b < 64 ? a << b : 0); break;
    case DW_OP_shr: push(s, b < 64 ? a >> b : 0); break;
    case DW_OP_ge: push(s, (intptr_t)a >= (intptr_t)b); break;
    case DW_OP_gt: push(s, (intptr_t)a > (intptr_t)b); break;
    case DW_OP_le: push(s, (intptr_t)a <= (intptr_t)b); break;
    case DW_OP_lt: push(s, (intptr_t)a < (intptr_t)b); break;
    case DW_OP_eq: push(s, a == b); break;
    case DW_OP_ne: push(s, a != b); break;
    default: s->bad = true;
    }
}

static void dereference(values *s, const weft__stack_bytes *stack)
{
    uintptr_t v = 0;
    if (!load(stack, pop(s), &v)) s->bad = true;
    else push(s, v);
}

static void operate(values *s, const Dwarf_Op *op, const weft__registers *r, const weft__stack_bytes *stack, uintptr_t cfa)
{
    if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
        push_register(s, r, op->atom - DW_OP_breg0, op->number);
        return;
    }
    if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) {
        push(s, op->atom - DW_OP_lit0);
        return;
    }
    switch (op->atom) {
    case DW_OP_bregx: push_register(s, r, (unsigned)op->number, op->number2); break;
    case DW_OP_call_frame_cfa: push(s, cfa); break;
    case DW_OP_deref: dereference(s, stack); break;
    case DW_OP_dup: push(s, s->n ? s->v[s->n - 1] : 0); break;
    case DW_OP_drop: (void)pop(s); break;
    case DW_OP_plus_uconst: push(s, pop(s) + op->number); break;
    case DW_OP_addr:
    case DW_OP_const1u: case DW_OP_const2u: case DW_OP_const4u: case DW_OP_const8u: case DW_OP_constu:
    case DW_OP_const1s: case DW_OP_const2s: case DW_OP_const4s: case DW_OP_const8s: case DW_OP_consts:
        push(s, op->number);
        break;
    case DW_OP_nop:
    case DW_OP_stack_value: break;
    default: two_operands(s, op->atom);
    }
}

static bool evaluate(const Dwarf_Op *ops, size_t n, const attempt *a, const weft__stack_bytes *stack, uintptr_t cfa, uintptr_t *out)
{
    values s = { .n = 0 };
    for (size_t i = 0; i < n && !s.bad; i++) operate(&s, &ops[i], &a->regs, stack, cfa);
    *out = pop(&s);
    return !s.bad;
}

/* ---- one step ---- */

static Dwarf_Frame *frame_at(const attempt *a)
{
    uintptr_t pc = a->regs.pc - !a->exact;
    Dwfl_Module *m = weft__dw_module(pc);
    Dwarf_Frame *f = NULL;
    Dwarf_Addr bias;
    Dwarf_CFI *cfi = m ? dwfl_module_eh_cfi(m, &bias) : NULL;
    if (cfi && dwarf_cfi_addrframe(cfi, pc - bias, &f) == 0) return f;
    cfi = m ? dwfl_module_dwarf_cfi(m, &bias) : NULL;
    return cfi && dwarf_cfi_addrframe(cfi, pc - bias, &f) == 0 ? f : NULL;
}

/* A register of the caller. Undefined ones stay unknown; *gone tells that it is so by the table. */
static void restore(Dwarf_Frame *f, const attempt *a, const weft__stack_bytes *stack, uintptr_t cfa, unsigned i, weft__registers *up, bool *gone)
{
    Dwarf_Op mem[3], *ops;
    size_t n;
    uintptr_t value;
    *gone = false;
    if (dwarf_frame_register(f, (int)i, mem, &ops, &n) != 0) return;
    if (n == 0) {
        *gone = ops == mem;
        if (!ops && known(&a->regs, i)) learn(up, i, a->regs.r[i]);
        return;
    }
    if (ops[0].atom == DW_OP_regx || (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)) {
        unsigned from = ops[0].atom == DW_OP_regx ? (unsigned)ops[0].number : (unsigned)(ops[0].atom - DW_OP_reg0);
        if (known(&a->regs, from)) learn(up, i, a->regs.r[from]);
        return;
    }
    if (!evaluate(ops, n, a, stack, cfa, &value)) return;
    if (ops[n - 1].atom == DW_OP_stack_value || load(stack, value, &value)) learn(up, i, value);
}

typedef enum outcome { STEPPED, ENDED, CUT_OFF, STUCK } outcome;

static outcome step_by(Dwarf_Frame *f, attempt *a, const weft__stack_bytes *stack)
{
    Dwarf_Op *ops;
    size_t n;
    uintptr_t cfa;
    bool gone, unreturning = false, signal = false;
    int link = dwarf_frame_info(f, NULL, NULL, &signal);
    if (link < 0 || dwarf_frame_cfa(f, &ops, &n) != 0 || !n || !evaluate(ops, n, a, stack, 0, &cfa)) return STUCK;
    weft__registers up = { 0 };
    learn(&up, WEFT__REG_SP, cfa);
    for (unsigned i = 0; i < WEFT__REGS; i++) {
        restore(f, a, stack, cfa, i, &up, &gone);
        if (gone && i == (unsigned)link) unreturning = true;
    }
    if (unreturning) return ENDED;
    /* Where the stack is cut off the calls end; further away a guess was wrong. */
    uintptr_t top = stack->low + stack->size;
    if (cfa >= top) return cfa - top < CUT_MAX ? CUT_OFF : STUCK;
    if (!known(&up, (unsigned)link) || !known(&up, WEFT__REG_SP)) return STUCK;
    up.pc = weft__code_address(up.r[link]);
    if (!up.pc) return ENDED;
    /* Callers lie above; one that keeps nothing on the stack, at the same place. */
    uintptr_t sp = a->regs.r[WEFT__REG_SP], sp_up = up.r[WEFT__REG_SP];
    if (!signal && (sp_up < sp || (sp_up == sp && up.pc == a->regs.pc))) return STUCK;
    a->regs = up;
    a->exact = signal;
    return STEPPED;
}

/* ---- guesses ---- */

static bool in_code(uintptr_t pc) { return pc > 4096 && weft__dw_module(pc) != NULL; }

/* 0: not known, or of no use: where the link register is not known the return address that is found first may be
 * the caller's, whose own is on the stack. */
static uintptr_t function_start(const attempt *a)
{
#ifdef __aarch64__
    if (a->exact && !known(&a->regs, 30)) return 0;
#endif
    uintptr_t pc = a->regs.pc - !a->exact;
    Dwfl_Module *m = weft__dw_module(pc);
    GElf_Off offset;
    GElf_Sym sym;
    return m && dwfl_module_addrinfo(m, pc, &offset, &sym, NULL, NULL, NULL) ? pc - offset : 0;
}

/* Was a call that returns to `ret` the call of the function that starts there? Surely, if it names it. Perhaps, if it does
 * not tell: by a pointer, or of another module's function, which may have jumped on to this one. */
typedef enum likelihood { NO, PERHAPS, SURELY } likelihood;

static likelihood has_called(uintptr_t ret, uintptr_t start)
{
    if (!in_code(ret)) return NO;
    weft__call_site site = weft__call_before(ret);
    if (!site.is_call) return NO;
    if (!site.target || !start) return PERHAPS;
    if (site.target == start) return SURELY;
    Dwfl_Module *callee = weft__dw_module(start);
    return weft__dw_module(site.target) == callee && weft__dw_module(ret) != callee ? PERHAPS : NO;
}

static bool returns_to_call(uintptr_t ret) { return in_code(ret) && weft__call_before(ret).is_call; }

static void unwind(unwinding *u, attempt *a);

/* The frame above, if its return address lies in the slot at `at`, and, where functions keep frame pointers, the
 * caller's one below it. */
static void try_slot(unwinding *u, attempt *a, uintptr_t at, uintptr_t ret)
{
    uintptr_t fp;
    attempt with_table = *a;
    learn(&with_table.regs, WEFT__REG_FP, at - sizeof(uintptr_t));
    Dwarf_Frame *f = frame_at(&with_table);
    outcome o = f ? step_by(f, &with_table, u->stack) : STUCK;
    bool by_table = o == STEPPED && with_table.regs.pc == ret;
    free(f);
    if (by_table) *a = with_table;
    else {
        weft__registers up = { .pc = ret };
        learn(&up, WEFT__REG_SP, at + sizeof(uintptr_t));
        if (load(u->stack, at - sizeof(uintptr_t), &fp) && fp > at && fp < u->stack->low + u->stack->size) learn(&up, WEFT__REG_FP, fp);
        a->regs = up;
        a->exact = false;
    }
    unwind(u, a);
}

/* Goes up the stack from where the frame may begin; keeps the first find that leads to the end, else the longest. */
static void guess_those(unwinding *u, const attempt *a, likelihood how, attempt *best)
{
    uintptr_t start = function_start(a), word, from = (a->regs.r[WEFT__REG_SP] + 7) & ~(uintptr_t)7;
    for (uintptr_t at = from; u->tries > 0 && !best->ended && load(u->stack, at, &word); at += sizeof word) {
        uintptr_t ret = weft__code_address(word);
        if (has_called(ret, start) != how) continue;
        attempt next = *a;
        u->tries--;
        try_slot(u, &next, at, ret);
        if (next.ended || next.count > best->count) *best = next;
    }
}

/* Old calls leave their return addresses behind, so those that are sure come first. */
static void guess(unwinding *u, attempt *a)
{
    if (u->nested == NESTED_MAX) return;
    attempt best = *a;
    u->nested++;
    guess_those(u, a, SURELY, &best);
    guess_those(u, a, PERHAPS, &best);
    u->nested--;
    *a = best;
}

static void unwind(unwinding *u, attempt *a)
{
    while (a->count < FRAMES_MAX) {
        a->pcs[a->count++] = a->regs.pc - !a->exact;
        Dwarf_Frame *f = frame_at(a);
        outcome o = f ? step_by(f, a, u->stack) : STUCK;
        free(f);
        /* What stands on a guess must look right too. */
        if (o == STEPPED && u->nested && !a->exact && !returns_to_call(a->regs.pc)) return;
        a->ended = o == ENDED;
        if (o == STUCK) guess(u, a);
        if (o != STEPPED) return;
    }
    a->ended = true;
}

int weft__unwind(const weft__registers *regs, const weft__stack_bytes *stack, uintptr_t *pcs, int max)
{
    unwinding u = { .stack = stack, .tries = TRIES_MAX };
    attempt a = { .regs = *regs, .exact = true };
#ifdef __x86_64__
    learn(&a.regs, 16, regs->pc);
#endif
    weft__dw_lock();
    unwind(&u, &a);
    weft__dw_unlock();
    int n = a.count < max ? a.count : max;
    memcpy(pcs, a.pcs, (size_t)n * sizeof *pcs);
    return n;
}
