#include "wire/email.h"
#include <string.h>
#include "wire/bytes.h"

enum { EMAIL_MAX = 254, LOCAL_MAX = 64, LABEL_MAX = 63 };

static bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static bool is_local(char c)
{
    return is_letter(c) || weft__byte_is(c, WEFT__DIGIT) || (unsigned char)c >= 0x80 ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}
static bool is_label(char c)
{
    return is_letter(c) || weft__byte_is(c, WEFT__DIGIT) || (unsigned char)c >= 0x80 || c == '-';
}

static const char *local_fault(weft_str s)
{
    if (!s.len) return "There must be something before the @-sign.";
    if (s.len > LOCAL_MAX) return "The email address is too long before the @-sign.";
    if (*s.ptr == '.') return "An email address cannot start with a period.";
    if (s.ptr[s.len - 1] == '.')
        return "An email address cannot have a period immediately before the @-sign.";
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.' && s.ptr[i - 1] == '.')
            return "An email address cannot have two periods in a row.";
        if (s.ptr[i] != '.' && !is_local(s.ptr[i]))
            return "The email address contains invalid characters before the @-sign.";
    }
    return NULL;
}

static const char *label_fault(weft_str s)
{
    if (!s.len) return "The part after the @-sign has an empty name between periods.";
    if (s.len > LABEL_MAX) return "After the @-sign, a name between periods is too long.";
    if (*s.ptr == '-' || s.ptr[s.len - 1] == '-')
        return "The part after the @-sign has a hyphen at the end of a name.";
    for (size_t i = 0; i < s.len; i++)
        if (!is_label(s.ptr[i])) return "The part after the @-sign contains invalid characters.";
    return NULL;
}

static const char *domain_fault(weft_str s)
{
    if (!s.len) return "There must be something after the @-sign.";
    const char *at = s.ptr, *end = at + s.len, *dot = NULL;
    for (;;) {
        const char *begin = at;
        while (at < end && *at != '.') at++;
        const char *wrong = label_fault((weft_str){ begin, (size_t)(at - begin) });
        if (wrong) return wrong;
        if (at == end) break;
        dot = at++;
    }
    if (!dot) return "The part after the @-sign is not valid. It should have a period.";
    if (!is_letter(end[-1]) && (unsigned char)end[-1] < 0x80)
        return "The part after the @-sign is not valid. It is not within a valid top-level domain.";
    return NULL;
}

const char *weft__email_fault(weft_str text)
{
    const char *at = text.len ? memchr(text.ptr, '@', text.len) : NULL;
    if (!at) return "An email address must have an @-sign.";
    if (text.len > EMAIL_MAX) return "The email address is too long.";
    size_t before = (size_t)(at - text.ptr);
    const char *wrong = local_fault((weft_str){ text.ptr, before });
    return wrong ? wrong : domain_fault((weft_str){ at + 1, text.len - before - 1 });
}
