#include "wire/uuid.h"
#include "wire/bytes.h"

enum { BYTES = 16, HYPHENS = 4 };

/* The hex digits of each group of the form with hyphens. */
static const unsigned char group_digits[HYPHENS + 1] = { 8, 4, 4, 4, 12 };

/* Where no hyphen stands there are 32 digits; both forms have the bytes in the same order. */
static void digits_store(weft_str digits, weft_uuid *out)
{
    unsigned n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] == '-') continue;
        unsigned value = weft__hex_value(digits.ptr[i]);
        out->bytes[n / 2] = (uint8_t)(n % 2 ? out->bytes[n / 2] << 4 | value : value);
        n++;
    }
}

static bool fault_at(weft__uuid_fault *fault, const char *msg, int64_t first, int64_t second)
{
    *fault = (weft__uuid_fault){ msg, { first, second }, { 0 } };
    return false;
}

static bool character_fault(weft_str text, const char *at, weft__uuid_fault *fault)
{
    size_t left = (size_t)(text.ptr + text.len - at), len = 1;
    while (len < left && len < 4 && ((unsigned char)at[len] & 0xC0) == 0x80) len++;
    fault_at(fault, "invalid character: found `{c}` at {1}", at - text.ptr + 1, 0);
    fault->found = (weft_str){ at, len };
    return false;
}

static bool groups_valid(weft_str text, unsigned hyphens, weft__uuid_fault *fault)
{
    if (hyphens != HYPHENS)
        return fault_at(
            fault, "invalid group count: expected 5, found {1}", (int64_t)hyphens + 1, 0);
    static const char *const msgs[HYPHENS + 1] = {
        "invalid group length in group 0: expected {1}, found {2}",
        "invalid group length in group 1: expected {1}, found {2}",
        "invalid group length in group 2: expected {1}, found {2}",
        "invalid group length in group 3: expected {1}, found {2}",
        "invalid group length in group 4: expected {1}, found {2}",
    };
    const char *at = text.ptr, *end = at + text.len;
    for (int group = 0; group <= HYPHENS; group++, at++) {
        const char *begin = at;
        while (at < end && *at != '-') at++;
        if (at - begin != group_digits[group])
            return fault_at(fault, msgs[group], group_digits[group], at - begin);
    }
    return true;
}

static bool starts_with(weft_str text, weft_str start)
{
    return text.len >= start.len && memcmp(text.ptr, start.ptr, start.len) == 0;
}

bool weft__uuid_read(weft_str text, weft_uuid *out, weft__uuid_fault *fault)
{
    weft_str digits = text;
    bool dressed = false;
    if (text.len >= 2 && *text.ptr == '{' && text.ptr[text.len - 1] == '}') {
        digits = (weft_str){ text.ptr + 1, text.len - 2 };
        dressed = true;
    } else if (starts_with(text, WEFT_S("urn:uuid:"))) {
        digits = (weft_str){ text.ptr + 9, text.len - 9 };
        dressed = true;
    }
    unsigned hyphens = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] == '-') hyphens++;
        else if (!weft__byte_is(digits.ptr[i], WEFT__HEXDIGIT))
            return character_fault(text, digits.ptr + i, fault);
    }
    if (hyphens == 0 && !dressed) {
        if (digits.len != 2 * BYTES)
            return fault_at(fault,
                "invalid length: expected length 32 for simple format, found {1}",
                (int64_t)digits.len, 0);
    } else if (!groups_valid(digits, hyphens, fault)) {
        return false;
    }
    digits_store(digits, out);
    return true;
}

size_t weft__uuid_write(char *to, weft_uuid uuid)
{
    static const char hex[] = "0123456789abcdef";
    char *at = to;
    for (int i = 0; i < BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        *at++ = hex[uuid.bytes[i] >> 4];
        *at++ = hex[uuid.bytes[i] & 15];
    }
    return (size_t)(at - to);
}

int weft_uuid_parse(weft_str text, weft_uuid *out)
{
    weft__uuid_fault fault;
    return weft__uuid_read(text, out, &fault) ? 0 : WEFT_EINVAL;
}

const char *weft_uuid_text(weft_uuid uuid, char to[WEFT_UUID_TEXT])
{
    to[weft__uuid_write(to, uuid)] = 0;
    return to;
}

bool weft_uuid_equal(weft_uuid a, weft_uuid b) { return memcmp(a.bytes, b.bytes, BYTES) == 0; }

int weft_uuid_version(weft_uuid uuid)
{
    bool standard = (uuid.bytes[8] & 0xC0) == 0x80;
    int version = uuid.bytes[6] >> 4;
    return standard && version <= 8 ? version : 0;
}
