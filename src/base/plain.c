#include "base/plain.h"
#include <string.h>

static bool goes_on(unsigned char c) { return c >= 0x80 && c <= 0xbf; }

/* The bytes of the printable character that the text begins with; 0: there is none. Which characters exist beyond U+009F
 * matters to nobody who shows them. */
static size_t printable(const unsigned char *p, size_t len)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (n > len) return 0;
    for (size_t i = 1; i < n; i++) {
        if (!goes_on(p[i])) return 0;
    }
    if (n == 1) return p[0] >= ' ' && p[0] != 0x7f;
    bool is_c1 = p[0] == 0xc2 && p[1] < 0xa0;
    return is_c1 ? 0 : n;
}

static size_t escape(unsigned char c, char *to)
{
    static const char digits[] = "0123456789abcdef";
    to[0] = '\\';
    to[1] = c == '\n' ? 'n' : 'x';
    to[2] = digits[c >> 4];
    to[3] = digits[c & 15];
    return c == '\n' ? 2 : 4;
}

size_t weft__plain(weft_str *text, char *to, size_t room, bool lines)
{
    size_t len = 0;
    while (text->len) {
        char escaped[4];
        const char *from = text->ptr;
        size_t taken = lines && *from == '\n' ? 1 : printable((const unsigned char *)from, text->len), n = taken;
        if (!taken) {
            taken = 1;
            n = escape((unsigned char)*from, escaped);
            from = escaped;
        }
        if (n >= room - len) break;
        memcpy(to + len, from, n);
        len += n;
        text->ptr += taken;
        text->len -= taken;
    }
    to[len] = 0;
    return len;
}
