#include "wire/bytes.h"

#define BRACE (WEFT__TEXT | WEFT__TARGET)
#define PLAIN (BRACE | WEFT__TEMPLATE)
#define MARK (PLAIN | WEFT__TOKEN)
#define ALNUM (MARK | WEFT__HOST | WEFT__UNRESERVED)

const unsigned char weft__byte_class[256] = {
    ['\t'] = WEFT__TEXT, [' '] = WEFT__TEXT, [0x80 ... 0xFF] = WEFT__TEXT,
    ['0' ... '9'] = ALNUM | WEFT__DIGIT | WEFT__HEXDIGIT,
    ['A' ... 'F'] = ALNUM | WEFT__HEXDIGIT, ['G' ... 'Z'] = ALNUM,
    ['a' ... 'f'] = ALNUM | WEFT__HEXDIGIT, ['g' ... 'z'] = ALNUM,
    ['-'] = ALNUM, ['.'] = ALNUM, ['_'] = ALNUM, ['~'] = MARK | WEFT__UNRESERVED,
    ['!'] = MARK, ['$'] = MARK, ['%'] = MARK, ['&'] = MARK, ['\''] = MARK, ['*'] = MARK,
    ['+'] = MARK, ['^'] = MARK, ['`'] = MARK, ['|'] = MARK, ['#'] = WEFT__TOKEN | WEFT__TEXT,
    ['"'] = PLAIN, ['('] = PLAIN, [')'] = PLAIN, [','] = PLAIN, ['/'] = PLAIN, [':'] = PLAIN,
    [';'] = PLAIN, ['<'] = PLAIN, ['='] = PLAIN, ['>'] = PLAIN, ['?'] = PLAIN, ['@'] = PLAIN,
    ['['] = PLAIN, ['\\'] = PLAIN, [']'] = PLAIN, ['{'] = BRACE, ['}'] = BRACE,
};

bool weft__same_but_case(weft_str a, weft_str b)
{
    for (size_t i = 0; i < a.len; i++) {
        if (weft__lower(a.ptr[i]) != weft__lower(b.ptr[i])) return false;
    }
    return true;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

weft_str weft__trim(weft_str s)
{
    while (s.len && is_blank(s.ptr[0])) s = (weft_str){ s.ptr + 1, s.len - 1 };
    while (s.len && is_blank(s.ptr[s.len - 1])) s.len--;
    return s;
}

int64_t weft__decimal(weft_str digits, int64_t max)
{
    int64_t n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = digits.ptr[i] - '0';
        if (digit < 0 || digit > 9) return -1;
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n) || n > max)
            return -1;
    }
    return digits.len ? n : -1;
}
