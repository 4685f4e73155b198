/* Delimiters begin with CR, which no boundary holds: where a match fails, the next can begin only at
 * the byte that failed, so nothing is ever looked at twice. */
#include "wire/multipart.h"
#include <string.h>
#include "wire/bytes.h"

enum {
    PREAMBLE,                    /* before the first delimiter */
    BEHIND,                      /* behind a delimiter: padding, CR, or the first '-' */
    PADDING,
    BEHIND_LF,
    BEHIND_DASH,
    HEAD,
    DATA,
    DATA_REFUSED,                /* `matched` bytes of a delimiter were data */
    ENDED
};

static int refuse(weft__multipart *m, const char *fault)
{
    m->fault = fault;
    return WEFT_EPROTO;
}

void weft__multipart_init(weft__multipart *m, weft_str boundary)
{
    m->state = PREAMBLE;
    m->matched = 2;                  /* as if the body's begin were that of a line */
    m->head_len = m->skipped = 0;
    m->fault = NULL;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    m->delimiter_len = (uint32_t)(4 + boundary.len);
}

/* ---- delimiters ---- */

/* How many bytes, from `at`, go on with the delimiter. */
static size_t match(const weft__multipart *m, const char *at, size_t len)
{
    size_t wanted = m->delimiter_len - m->matched, n = 0;
    if (wanted > len) wanted = len;
    while (n < wanted && at[n] == m->delimiter[m->matched + n]) n++;
    return n;
}

/* Past a piece of data up to what may be a delimiter: the piece's length. */
static size_t plain(const char *at, size_t len)
{
    const char *cr = memchr(at, '\r', len);
    return cr ? (size_t)(cr - at) : len;
}

static int preamble(weft__multipart *m, const char *bytes, size_t len, size_t *used)
{
    while (*used < len) {
        size_t n = match(m, bytes + *used, len - *used);
        *used += n;
        m->matched += (uint32_t)n;
        if (m->matched == m->delimiter_len) {
            m->state = BEHIND;
            m->skipped = 0;
            return 0;
        }
        if (*used == len) return 0;
        m->skipped += m->matched;
        m->matched = 0;
        size_t skip = bytes[*used] == '\r' ? 0 : plain(bytes + *used, len - *used);
        *used += skip;
        if ((m->skipped += (uint32_t)(skip < len ? skip : len)) > WEFT__PREAMBLE_MAX)
            return refuse(m, "the form does not begin with its boundary");
    }
    return 0;
}

static int padding(weft__multipart *m)
{
    m->state = PADDING;
    return ++m->skipped > WEFT__PREAMBLE_MAX ? refuse(m, "too much white space behind a boundary") : 0;
}

static int behind(weft__multipart *m, char byte)
{
    static const char *const none = "a boundary is followed by neither a line's end nor --";
    bool first = m->state == BEHIND || m->state == PADDING;
    if (first && (byte == ' ' || byte == '\t')) return padding(m);
    if (first && byte == '\r') m->state = BEHIND_LF;
    else if (m->state == BEHIND && byte == '-') m->state = BEHIND_DASH;
    else if (m->state == BEHIND_LF && byte == '\n') m->state = HEAD;
    else if (m->state == BEHIND_DASH && byte == '-') m->state = ENDED;
    else return refuse(m, none);
    return m->state == ENDED ? WEFT__MULTIPART_END : 0;
}

/* ---- heads ---- */

/* One byte of a head: lines that end in CR LF, then an empty one. */
static int head_byte(weft__multipart *m, char byte, weft_str *data)
{
    char *head = m->head;
    uint32_t n = m->head_len;
    bool after_cr = n && head[n - 1] == '\r';
    if (!byte) return refuse(m, "a NUL in the header lines of a part");
    if (after_cr != (byte == '\n')) return refuse(m, "a header line of a part does not end in CR LF");
    if (n == WEFT__PART_HEAD_MAX) return refuse(m, "the header lines of a part are longer than 8192 bytes");
    head[n++] = byte;
    m->head_len = n;
    bool empty = n == 2 || (n > 2 && head[n - 3] == '\n');
    if (byte != '\n' || !empty) return 0;
    *data = (weft_str){ head, n - 2 };
    m->state = DATA;
    m->matched = 2;                  /* the delimiter may follow at once: a part without a byte */
    return WEFT__MULTIPART_PART;
}

/* ---- data ---- */

/* The line end before the first delimiter behind a head belongs to the head: it is never data. */
enum { HEADS_LINE_END = 2 };

static int data_refused(weft__multipart *m, weft_str *data)
{
    uint32_t from = m->head_len ? HEADS_LINE_END : 0;
    *data = (weft_str){ m->delimiter + from, m->matched - from };
    m->state = DATA;
    m->matched = 0;
    m->head_len = 0;
    return data->len ? WEFT__MULTIPART_DATA : 0;
}

static int part_data(weft__multipart *m, const char *bytes, size_t len, size_t *used, weft_str *data)
{
    size_t n = match(m, bytes + *used, len - *used);
    *used += n;
    m->matched += (uint32_t)n;
    if (m->matched == m->delimiter_len) {
        m->state = BEHIND;
        m->head_len = m->skipped = 0;
        return WEFT__MULTIPART_PART_END;
    }
    if (*used == len) return 0;
    if (m->matched) {
        m->state = DATA_REFUSED;
        return 0;
    }
    n = plain(bytes + *used, len - *used);
    *data = (weft_str){ bytes + *used, n };
    *used += n;
    return n ? WEFT__MULTIPART_DATA : 0;
}

int weft__multipart_next(
    weft__multipart *m, const char *bytes, size_t len, size_t *used, weft_str *data)
{
    int event = m->fault ? WEFT_EPROTO : 0;
    *used = 0;
    while (event == 0 && (*used < len || m->state == DATA_REFUSED)) {
        switch (m->state) {
        case PREAMBLE: event = preamble(m, bytes, len, used); break;
        case HEAD: event = head_byte(m, bytes[(*used)++], data); break;
        case DATA: event = part_data(m, bytes, len, used, data); break;
        case DATA_REFUSED: event = data_refused(m, data); break;
        case ENDED: return WEFT__MULTIPART_END;
        default: event = behind(m, bytes[(*used)++]);
        }
    }
    return event;
}
