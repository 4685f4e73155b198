#include <string.h>
#include "wire/bytes.h"
#include "wire/cookie.h"
#include "wire/http1.h"

static bool has_control(weft_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 127) return true;
    return false;
}

static bool is_attribute(weft_str s) { return !has_control(s) && !(s.len && memchr(s.ptr, ';', s.len)); }

static bool is_domain(weft_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i], low = (char)(c | 32);
        if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.')) return false;
    }
    return true;
}

static bool begins(weft_str s, weft_str with)
{
    return s.len >= with.len && weft__same_nocase((weft_str){ s.ptr, with.len }, with);
}

static bool same_site_known(weft_str s)
{
    return !s.len || weft__same_nocase(s, WEFT_S("lax")) || weft__same_nocase(s, WEFT_S("strict"))
        || weft__same_nocase(s, WEFT_S("none"));
}

static bool is_octet(char c)
{
    return c > ' ' && c < 127 && c != '"' && c != ',' && c != ';' && c != '\\';
}

static bool is_plain(weft_str value)
{
    size_t n = 0;
    while (n < value.len && is_octet(value.ptr[n])) n++;
    return n == value.len;
}

/* Of what add_value makes of it. */
static size_t bytes_sent(weft_str value)
{
    size_t n = 2;
    if (is_plain(value)) return value.len;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        n += c == '"' || c == '\\' ? 2 : c == ' ' || is_octet(c) ? 1 : 4;
    }
    return n;
}

const char *weft__set_cookie_fault(const weft__set_cookie *c)
{
    bool host = begins(c->name, WEFT_S("__Host-")), prefixed = host || begins(c->name, WEFT_S("__Secure-"));
    if (!weft__http_name_valid(c->name)) return "its name is no token";
    if (has_control(c->value)) return "control characters in its value";
    if (c->value.len > WEFT__COOKIE_BYTES_MAX || c->name.len + bytes_sent(c->value) > WEFT__COOKIE_BYTES_MAX) return "more than 4096 bytes";
    if (!is_attribute(c->path)) return "its path has a semicolon or control characters";
    if (c->path.len && c->path.ptr[0] != '/') return "its path does not begin with '/'";
    if (!is_domain(c->domain)) return "its domain is no host name";
    if (!same_site_known(c->same_site)) return "same_site is none of lax, strict and none";
    if (weft__same_nocase(c->same_site, WEFT_S("none")) && !c->secure) return "same_site none is for .secure cookies alone";
    if (prefixed && !c->secure) return "its name asks for .secure";
    if (host && (c->domain.len || !weft_str_equal(c->path, WEFT_S("/")))) return "its name asks for the path '/' and no domain";
    return NULL;
}

/* As whole as it is, or quoted: a semicolon would end it even in quotes, so it is escaped like bytes that are no ASCII. */
static void add_value(weft__buf *out, weft_str value)
{
    if (is_plain(value)) {
        weft__buf_add_str(out, value);
        return;
    }
    weft__buf_add_char(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '"' || c == '\\') weft__buf_printf(out, "\\%c", c);
        else if (c == ' ' || is_octet(c)) weft__buf_add_char(out, c);
        else weft__buf_printf(out, "\\%03o", (unsigned)(unsigned char)c);
    }
    weft__buf_add_char(out, '"');
}

static void add_attribute(weft__buf *out, weft_str name, weft_str value)
{
    if (!value.len) return;
    weft__buf_add_str(out, name);
    weft__buf_add_str(out, value);
}

void weft__set_cookie_add(weft__buf *out, const weft__set_cookie *c)
{
    weft__buf_add_str(out, c->name);
    weft__buf_add_char(out, '=');
    add_value(out, c->value);
    add_attribute(out, WEFT_S("; Path="), c->path);
    add_attribute(out, WEFT_S("; Domain="), c->domain);
    if (c->max_age_s >= 0) {
        weft__buf_lit(out, "; Max-Age=");
        weft__buf_add_int(out, c->max_age_s);
    }
    if (c->secure) weft__buf_lit(out, "; Secure");
    if (c->http_only) weft__buf_lit(out, "; HttpOnly");
    add_attribute(out, WEFT_S("; SameSite="), c->same_site);
}
