#include "os/call_site.h"
#include <string.h>
#include "os/peek.h"

static uintptr_t word_at(uintptr_t at)
{
    uintptr_t word;
    return weft__os_peek(at, &word, sizeof word) == sizeof word ? word : 0;
}

#if defined __x86_64__
enum { BEFORE = 7, STUB = 11 };

/* The length of `call r/m64` (opcode ff /2), from its first byte on; 0: it is another instruction. */
static int indirect_length(const uint8_t *code)
{
    int mod = code[1] >> 6, rm = code[1] & 7, sib = rm == 4;
    if (code[0] != 0xff || ((code[1] >> 3) & 7) != 2) return 0;
    if (mod == 3) return 2;
    if (mod == 2) return 6 + sib;
    if (mod == 1) return 3 + sib;
    if (rm == 5 || (sib && (code[2] & 7) == 5)) return 6 + sib;
    return 2 + sib;
}

static uintptr_t relative(uintptr_t to, const uint8_t *distance)
{
    int32_t d;
    memcpy(&d, distance, sizeof d);
    return to + (uintptr_t)(intptr_t)d;
}

/* Where an entry of the linkage table leads: [endbr64] [bnd] jmp *slot(%rip). */
static uintptr_t behind_stub(uintptr_t target)
{
    static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
    uint8_t code[STUB] = { 0 };
    size_t n = weft__os_peek(target, code, STUB), i = memcmp(code, endbr64, sizeof endbr64) == 0 ? sizeof endbr64 : 0;
    i += code[i] == 0xf2;
    if (i + 6 > n || code[i] != 0xff || code[i + 1] != 0x25) return target;
    return word_at(relative(target + i + 6, code + i + 2));
}

weft__call_site weft__call_before(uintptr_t ret)
{
    uint8_t code[BEFORE + 1] = { 0 };
    if (ret < BEFORE || weft__os_peek(ret - BEFORE, code, BEFORE) != BEFORE) return (weft__call_site){ 0 };
    if (code[BEFORE - 5] == 0xe8) return (weft__call_site){ true, behind_stub(relative(ret, code + BEFORE - 4)) };
    for (int n = 2; n <= BEFORE; n++) {
        const uint8_t *call = code + BEFORE - n;
        if (indirect_length(call) != n) continue;
        return (weft__call_site){ true, call[1] == 0x15 ? word_at(relative(ret, call + 2)) : 0 };
    }
    return (weft__call_site){ 0 };
}

#elif defined __aarch64__
/* Where an entry of the linkage table leads: [bti] adrp x16, page; ldr x17, [x16, #offset]; ... */
static uintptr_t behind_stub(uintptr_t target)
{
    uint32_t code[3];
    if (weft__os_peek(target, code, sizeof code) != sizeof code) return target;
    int i = code[0] == 0xd503245f;
    if ((code[i] & 0x9f00001f) != 0x90000010 || (code[i + 1] & 0xffc003ff) != 0xf9400211) return target;
    uint64_t pages = (code[i] >> 29 & 3) | (uint64_t)(code[i] >> 5 & 0x7ffff) << 2;
    int64_t distance = (int64_t)(pages << 43) >> 31;
    uintptr_t page = (target + 4 * (uintptr_t)i) & ~(uintptr_t)4095;
    return word_at(page + (uintptr_t)distance + (code[i + 1] >> 10 & 0xfff) * 8);
}

weft__call_site weft__call_before(uintptr_t ret)
{
    uint32_t code;
    if (ret % 4 || ret < 4 || weft__os_peek(ret - 4, &code, sizeof code) != sizeof code) return (weft__call_site){ 0 };
    if ((code & 0xfc000000) == 0x94000000) {
        int64_t distance = (int64_t)((uint64_t)code << 38) >> 36;
        return (weft__call_site){ true, behind_stub(ret - 4 + (uintptr_t)distance) };
    }
    /* blr, and its forms that check a signature */
    bool indirect = (code & 0xfffffc1f) == 0xd63f0000 || (code & 0xfefff800) == 0xd63f0800;
    return (weft__call_site){ .is_call = indirect };
}
#endif
