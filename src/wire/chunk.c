#include "wire/chunk.h"
#include "wire/bytes.h"

/* What the next byte is. */
enum {
    SIZE_FIRST,                  /* the first digit of a size */
    SIZE,                        /* another, or what follows the size */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    LINE,                        /* the first of a trailer line, or the CR of the empty line */
    NAME,
    VALUE,
    VALUE_LF,
    LAST_LF,
    ENDED
};

static int refuse(weft__chunk *c, const char *fault)
{
    c->fault = fault;
    return WEFT_EPROTO;
}

/* The `wanted` byte and then the `next` state, or a fault. */
static int exactly(weft__chunk *c, char byte, char wanted, unsigned next)
{
    if (byte != wanted)
        return refuse(c, wanted == '\n' ? "a CR without LF" : "a chunk longer than its size");
    c->state = next;
    return 0;
}

static int size_byte(weft__chunk *c, char byte)
{
    if (weft__byte_is(byte, WEFT__HEXDIGIT)) {
        if (c->digits++ == WEFT__CHUNK_DIGITS_MAX)
            return refuse(c, "a chunk size of more than 15 digits");
        c->left = c->left << 4 | weft__hex_value(byte);
        c->state = SIZE;
        return 0;
    }
    if (c->state == SIZE_FIRST)
        return refuse(c, "a chunk size that does not begin with a hex digit");
    if (byte != '\r' && byte != ';')
        return refuse(c, "something other than an extension behind a chunk size");
    c->state = byte == ';' ? EXTENSION : SIZE_LF;
    return 0;
}

/* Extensions never outweigh the data by more than the limit: a hundred bytes for each byte of body
 * is an attack, not a protocol. */
static int extension_byte(weft__chunk *c, char byte)
{
    if (byte == '\r') {
        c->state = SIZE_LF;
        return 0;
    }
    if (!weft__byte_is(byte, WEFT__TEXT))
        return refuse(c, "a control character in a chunk extension");
    if (++c->extension_bytes > WEFT__CHUNK_EXTENSIONS_MAX + c->data_bytes)
        return refuse(c, "too many bytes of chunk extensions");
    return 0;
}

static int size_end(weft__chunk *c, char byte)
{
    c->digits = 0;
    return exactly(c, byte, '\n', c->left ? DATA : LINE);
}

static int too_much(weft__chunk *c, const char *fault)
{
    c->too_much = true;
    return refuse(c, fault);
}

static int name_begins(weft__chunk *c)
{
    c->state = NAME;
    if (++c->trailers <= (c->trailers_max ? c->trailers_max : WEFT__CHUNK_TRAILERS_MAX)) return 0;
    return too_much(c, "more trailers than a head may have headers");
}

static int name_byte(weft__chunk *c, char byte)
{
    if (weft__byte_is(byte, WEFT__TOKEN)) return c->state == NAME ? 0 : name_begins(c);
    if (byte == ':' && c->state == NAME) c->state = VALUE;
    else if (byte == '\r' && c->state == LINE) c->state = LAST_LF;
    else return refuse(c, "a trailer line that does not begin with a name and a colon");
    return 0;
}

static int value_byte(weft__chunk *c, char byte)
{
    if (byte == '\r') c->state = VALUE_LF;
    else if (!weft__byte_is(byte, WEFT__TEXT))
        return refuse(c, "a control character in a trailer line");
    return 0;
}

static int trailer_step(weft__chunk *c, char byte)
{
    switch (c->state) {
    case VALUE: return value_byte(c, byte);
    case VALUE_LF: return exactly(c, byte, '\n', LINE);
    case LAST_LF: return exactly(c, byte, '\n', ENDED);
    default: return name_byte(c, byte);
    }
}

/* The empty line at their end is not kept. */
static int trailer_byte(weft__chunk *c, char byte)
{
    unsigned most = c->trailer_bytes_max ? c->trailer_bytes_max : WEFT__CHUNK_TRAILER_BYTES_MAX;
    if (c->state != LAST_LF && ++c->trailer_bytes > most) return too_much(c, "more bytes of trailers than a head may have");
    int rc = trailer_step(c, byte);
    if (c->kept && rc == 0 && c->state != LAST_LF && c->state != ENDED) weft__buf_add_char(c->kept, byte);
    return rc;
}

static int step(weft__chunk *c, char byte)
{
    switch (c->state) {
    case SIZE_FIRST:
    case SIZE: return size_byte(c, byte);
    case EXTENSION: return extension_byte(c, byte);
    case SIZE_LF: return size_end(c, byte);
    case DATA_CR: return exactly(c, byte, '\r', DATA_LF);
    case DATA_LF: return exactly(c, byte, '\n', SIZE_FIRST);
    default: return trailer_byte(c, byte);
    }
}

static int data_piece(weft__chunk *c, const char *at, size_t len, weft_str *data)
{
    size_t n = len < c->left ? len : (size_t)c->left;
    *data = (weft_str){ at, n };
    c->left -= n;
    c->data_bytes += n;
    if (!c->left) c->state = DATA_CR;
    return WEFT__CHUNK_DATA;
}

int weft__chunk_next(weft__chunk *c, const char *bytes, size_t len, size_t *used, weft_str *data)
{
    *used = 0;
    *data = (weft_str){ 0 };
    if (c->fault) return WEFT_EPROTO;
    for (size_t i = 0; i < len && c->state != ENDED; i++) {
        if (c->state == DATA) {
            int rc = data_piece(c, bytes + i, len - i, data);
            *used = i + data->len;
            return rc;
        }
        int rc = step(c, bytes[i]);
        if (rc < 0) return rc;
        *used = i + 1;
    }
    return c->state == ENDED ? WEFT__CHUNK_END : WEFT__CHUNK_MORE;
}

size_t weft__chunk_head(char out[WEFT__CHUNK_HEAD], uint64_t n)
{
    char digits[16];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789ABCDEF"[n & 15];
        n >>= 4;
    } while (n);
    memcpy(out, digits + at, sizeof digits - at);
    memcpy(out + sizeof digits - at, "\r\n", 2);
    return sizeof digits - at + 2;
}
