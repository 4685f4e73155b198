#include "wire/resp.h"
#include "wire/number.h"

enum { COUNT_MAX = 1 << 30, DIGITS_MAX = 18, DOUBLE_CHARS = 400 };
static const char NO_TYPE[] = "a byte that begins no value", NO_LENGTH[] = "a length that is none", TOO_DEEP[] = "lists in lists, deeper than 32",
    NO_END[] = "no end of a line where one belongs", TOO_LONG[] = "a line that is too long", NO_NUMBER[] = "a number that is none",
    NO_VALUE[] = "a line that says nothing", TOO_MANY[] = "a list of more values than there can be";

/* ---- where it ends ---- */

static bool has_length(char type) { return type == '$' || type == '=' || type == '!' || type == '*' || type == '%' || type == '~' || type == '>' || type == '|'; }
static bool is_text(char type) { return type == '$' || type == '=' || type == '!'; }
static bool is_line(char type) { return type == '+' || type == '-' || type == '(' || type == ':' || type == ',' || type == '_' || type == '#'; }
static bool is_long(char type) { return type == '+' || type == '-' || type == '('; }

/* A value has ended: so have those whose last one it was. True: the whole has. */
static bool value_ended(weft__resp_scan *s)
{
    while (--s->left[s->depth] == 0) {
        if (s->depth == 0) return true;
        s->depth--;
    }
    return false;
}

/* The values of an attribute stand before the one that they are said of, and are none of those that were counted. */
static const char *open_list(weft__resp_scan *s)
{
    bool pairs = s->type == '%' || s->type == '|';
    if (s->number > COUNT_MAX) return TOO_MANY;
    if (s->depth == WEFT__RESP_DEPTH_MAX) return TOO_DEEP;
    if (s->type == '|') s->left[s->depth]++;
    s->left[++s->depth] = (uint32_t)(s->number * (pairs ? 2 : 1));
    return NULL;
}

/* Behind the end of a line or a text: 1: the whole value has ended, 0: it has not. */
static int line_ended(weft__resp_scan *s, const char **fault)
{
    if (s->head && has_length(s->type)) {
        bool nil = s->negative;
        if (!s->digits || (nil && (s->number != 1 || (s->type != '$' && s->type != '*')))) return *fault = NO_LENGTH, WEFT_EPROTO;
        if (!nil && is_text(s->type)) {
            s->skip = s->number;
            s->head = false;
            s->ends = s->skip ? 0 : 2;
            return 0;
        }
        if (!nil && s->number) {
            s->line = 0;
            return (*fault = open_list(s)) ? WEFT_EPROTO : 0;
        }
        if (s->type == '|') return s->line = 0, 0;               /* an attribute that says nothing */
    }
    s->line = 0;
    return value_ended(s);
}

static const char *line_begins(weft__resp_scan *s, char type)
{
    if (!has_length(type) && !is_line(type)) return NO_TYPE;
    if (!s->depth && !s->first && type != '|') s->first = type;
    s->type = type;
    s->line = 1;
    s->number = s->digits = 0;
    s->negative = false;
    return NULL;
}

static const char *length_digit(weft__resp_scan *s, char c)
{
    if (c == '-' && s->line == 1) s->negative = true;
    else if (c < '0' || c > '9' || s->digits == DIGITS_MAX) return NO_LENGTH;
    else {
        s->number = s->number * 10 + (uint64_t)(c - '0');
        s->digits++;
    }
    s->line++;
    return NULL;
}

/* What comes of a line before its end: how many bytes of it. */
static size_t line_goes_on(weft__resp_scan *s, const char *at, size_t n, const char **fault)
{
    if (has_length(s->type) && *at != '\r') return *fault = length_digit(s, *at), 1;
    const char *end = memchr(at, '\r', n);
    size_t len = end ? (size_t)(end - at) : n, most = is_long(s->type) ? WEFT__RESP_LINE_MAX : WEFT__RESP_HEAD_MAX;
    const char *stray = memchr(at, '\n', len);
    size_t good = stray ? (size_t)(stray - at) : len;
    if (s->line + good > most) return *fault = TOO_LONG, 0;
    if (stray) return *fault = NO_END, 0;            /* what comes first is the fault, however the bytes are cut */
    s->line += (uint32_t)len;
    if (!end) return len;
    s->ends = 1;
    s->head = true;
    return len + 1;
}

static size_t step(weft__resp_scan *s, const char *at, size_t n, int *done, const char **fault)
{
    if (s->skip) {
        size_t some = s->skip < n ? (size_t)s->skip : n;
        s->skip -= some;
        if (!s->skip) s->ends = 2;
        return some;
    }
    if (s->ends) {
        if (*at != (s->ends == 2 ? '\r' : '\n')) *fault = NO_END;
        else if (--s->ends == 0) *done = line_ended(s, fault);
        return 1;
    }
    if (s->line) return line_goes_on(s, at, n, fault);
    *fault = line_begins(s, *at);
    return 1;
}

int weft__resp_scan_on(weft__resp_scan *s, const char *bytes, size_t n, size_t *used, const char **fault)
{
    if (!s->begun) {
        s->begun = true;
        s->left[0] = 1;
    }
    *fault = NULL;
    for (size_t at = 0; at < n;) {
        int done = 0;
        at += step(s, bytes + at, n - at, &done, fault);
        if (*fault) return WEFT_EPROTO;
        *used = at;
        if (done) return 1;
    }
    *used = n;
    return 0;
}

/* ---- what it says ---- */

static int bad(const char **fault, const char *what)
{
    *fault = what;
    return WEFT_EPROTO;
}

/* The line, without its type and end; false: there is none. */
static bool take_line(weft_str *rest, char *type, weft_str *line)
{
    const char *end = rest->len ? memchr(rest->ptr, '\r', rest->len) : NULL;
    if (!end || end == rest->ptr || (size_t)(end - rest->ptr) + 2 > rest->len) return false;
    *type = *rest->ptr;
    *line = (weft_str){ rest->ptr + 1, (size_t)(end - rest->ptr) - 1 };
    size_t whole = line->len + 3;
    rest->ptr += whole;
    rest->len -= whole;
    return true;
}

static bool read_int(weft_str s, int64_t *out)
{
    bool negative = s.len && *s.ptr == '-';
    size_t at = negative || (s.len && *s.ptr == '+');
    uint64_t u = 0, most = (uint64_t)INT64_MAX + negative;
    if (at == s.len) return false;
    for (; at < s.len; at++) {
        unsigned digit = (unsigned)(s.ptr[at] - '0');
        if (digit > 9 || u > (most - digit) / 10) return false;
        u = u * 10 + digit;
    }
    *out = (int64_t)(negative ? 0 - u : u);
    return true;
}

static bool read_double(weft_str s, double *out)
{
    weft__number number;
    bool negative = s.len && *s.ptr == '-', sign = negative || (s.len && *s.ptr == '+');
    weft_str bare = { s.ptr + sign, s.len - sign };
    if (weft_str_equal(bare, WEFT_S("inf"))) return *out = negative ? -__builtin_inf() : __builtin_inf(), true;
    if (weft_str_equal(bare, WEFT_S("nan"))) return *out = __builtin_nan(""), true;
    if (!bare.len || *bare.ptr == '-' || weft__number_scan(bare.ptr, bare.ptr + bare.len, &number) != bare.ptr + bare.len) return false;
    double d = weft__number_double(&number);
    *out = negative ? -d : d;
    return true;
}

static bool is_big(weft_str s)
{
    size_t at = s.len && (*s.ptr == '-' || *s.ptr == '+');
    if (at == s.len) return false;
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9') at++;
    return at == s.len;
}

static int text_step(char type, int64_t n, weft_str *rest, weft__resp *out, const char **fault)
{
    if (n == -1) return *out = (weft__resp){ .kind = WEFT__RESP_NIL }, 0;
    if (n < 0 || (uint64_t)n + 2 > rest->len) return bad(fault, NO_LENGTH);
    *out = (weft__resp){ type == '!' ? WEFT__RESP_ERROR : WEFT__RESP_TEXT, .s = { rest->ptr, (size_t)n } };
    rest->ptr += n + 2;
    rest->len -= (size_t)n + 2;
    if (type != '=') return 0;
    if (n < 4 || out->s.ptr[3] != ':') return bad(fault, NO_VALUE);
    out->s = (weft_str){ out->s.ptr + 4, out->s.len - 4 };
    return 0;
}

static int list_step(char type, int64_t n, weft__resp *out, const char **fault)
{
    bool map = type == '%';
    if (n == -1) return *out = (weft__resp){ .kind = WEFT__RESP_NIL }, 0;
    if (n < 0 || n > COUNT_MAX) return bad(fault, NO_LENGTH);
    *out = (weft__resp){ map ? WEFT__RESP_MAP : WEFT__RESP_LIST, .count = (uint32_t)n * (map ? 2 : 1) };
    return 0;
}

static int line_step(char type, weft_str line, weft__resp *out, const char **fault)
{
    *out = (weft__resp){ .s = line };
    switch (type) {
    case '+': out->kind = WEFT__RESP_TEXT; return 0;
    case '-': out->kind = WEFT__RESP_ERROR; return 0;
    case '(': out->kind = WEFT__RESP_TEXT; return is_big(line) ? 0 : bad(fault, NO_NUMBER);
    case ':': out->kind = WEFT__RESP_INT; return read_int(line, &out->i) ? 0 : bad(fault, NO_NUMBER);
    case ',': out->kind = WEFT__RESP_DOUBLE; return read_double(line, &out->d) ? 0 : bad(fault, NO_NUMBER);
    case '_': out->kind = WEFT__RESP_NIL; return line.len == 0 ? 0 : bad(fault, NO_VALUE);
    case '#': break;
    default: return bad(fault, NO_TYPE);
    }
    if (line.len != 1 || (*line.ptr != 't' && *line.ptr != 'f')) return bad(fault, NO_VALUE);
    *out = (weft__resp){ WEFT__RESP_BOOL, .b = *line.ptr == 't' };
    return 0;
}

int weft__resp_next(weft_str *rest, weft__resp *out, const char **fault)
{
    char type;
    weft_str line;
    for (;;) {
        int64_t n;
        if (!take_line(rest, &type, &line)) return bad(fault, NO_END);
        if (!has_length(type)) return line_step(type, line, out, fault);
        if (!read_int(line, &n)) return bad(fault, NO_LENGTH);
        if (is_text(type)) return text_step(type, n, rest, out, fault);
        if (type != '|') return list_step(type, n, out, fault);
        if (n < 0 || n > COUNT_MAX) return bad(fault, NO_LENGTH);
        for (int64_t i = 0; i < 2 * n; i++)
            if (weft__resp_skip(rest, fault) < 0) return WEFT_EPROTO;
    }
}

/* An attribute inside may hold values with attributes: as deep as the scan allowed. */
int weft__resp_skip(weft_str *rest, const char **fault)
{
    for (uint64_t left = 1; left; left--) {
        weft__resp step;
        int rc = weft__resp_next(rest, &step, fault);
        if (rc < 0) return rc;
        if (step.kind == WEFT__RESP_LIST || step.kind == WEFT__RESP_MAP) left += step.count;
    }
    return 0;
}

/* ---- commands ---- */

enum { HEAD_MAX = WEFT__INT_MAX + 3 };

static size_t length_line(char line[HEAD_MAX], char type, size_t n)
{
    line[0] = type;
    size_t len = 1 + weft__int64_write(line + 1, (int64_t)n);
    line[len] = '\r';
    line[len + 1] = '\n';
    return len + 2;
}

static void put_length(weft__buf *to, char type, size_t n)
{
    char line[HEAD_MAX];
    weft__buf_add(to, line, length_line(line, type, n));
}

void weft__resp_put_head(weft__buf *to, size_t words) { put_length(to, '*', words); }

void weft__resp_put(weft__buf *to, weft_str word)
{
    put_length(to, '$', word.len);
    weft__buf_add(to, word.ptr, word.len);
    weft__buf_add(to, "\r\n", 2);
}

/* The length stands before the bytes and is known behind them: they are moved to the end of its line. */
size_t weft__resp_begin(weft__buf *to)
{
    static const char space[HEAD_MAX];
    size_t begun = to->len;
    weft__buf_add(to, space, sizeof space);
    return begun;
}

void weft__resp_end(weft__buf *to, size_t begun)
{
    char line[HEAD_MAX];
    if (to->failed) return;
    size_t n = to->len - begun - HEAD_MAX, len = length_line(line, '$', n);
    memmove(to->ptr + begun + len, to->ptr + begun + HEAD_MAX, n);
    memcpy(to->ptr + begun, line, len);
    to->len = begun + len + n;
    weft__buf_add(to, "\r\n", 2);
}
