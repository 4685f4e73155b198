#ifndef WEFT_FUZZ_MODEL_TEXT_H
#define WEFT_FUZZ_MODEL_TEXT_H
/* JSON made of bytes for a schema: most of it as the schema asks, some of it not, as the bytes say. Where they end it
 * becomes as small as can be, so that it ends too. */
#include <stdio.h>
#include <stdint.h>
#include "base/buf.h"
#include "model/schema.h"
#include "wire/json.h"

typedef struct input { const uint8_t *at, *end; } input;
static inline unsigned byte(input *in) { return in->at < in->end ? *in->at++ : 0; }

enum { TEXT_CHOICES = 8, TEXT_DEEP = 5 };

static const char *const text_of_scalar[][TEXT_CHOICES] = {
    [WEFT__no_scalar] = { "null", "7", "\"low\"", "[]", "{}", "\"high\"", "\"it's\"", "true" },
    [WEFT__int32] = { "3", "0", "-1", "\" +7\"", "3.0", "2147483648", "1e1", "1.5" },
    [WEFT__int64] = { "3", "-9223372036854775808", "9223372036854775807", "\"1_000\"", "-0", "9223372036854775808", "2e0", "9.3e18" },
    [WEFT__double] = { "2.5", "-0.0", "1e308", "5e-324", "9007199254740993", "\"1.5\"", "0.1", "1e400" },
    [WEFT__bool] = { "true", "false", "1", "0", "\"off\"", "\"Y\"", "\"x\"", "0.0" },
    [WEFT__text] = { "\"ab\"", "\"\"", "\"a\\u0000\\n\\\"\"", "\"\\ud83d\\ude00\"", "\"a@b.example\"", "\"https://a.example/\"", "\"::1\"", "\"127.0.0.1\"" },
    [WEFT__json] = { "null", "[1,{\"a\":[]}]", "\"\\u00e9\"", "1e400", "{\"a\":1,\"a\":2}", " [ ] ", "-0", "tru" },
    [WEFT__date] = { "\"2024-02-29\"", "\"0001-01-01\"", "\"9999-12-31\"", "86400", "\"2024-02-29T00:00:00Z\"", "\"1e3\"", "-62135596800", "\"2023-02-29\"" },
    [WEFT__time] = { "\"12:30\"", "\"23:59:59.999999Z\"", "\"00:00:00+23:59\"", "3600.5", "\"12:30:00-0100\"", "86399", "\"24:00\"", "\"1:2\"" },
    [WEFT__datetime] = { "\"2024-02-29T12:30:00Z\"", "\"0001-01-01T00:00:00\"", "\"9999-12-31 23:59:59.999999\"", "1654646400",
        "\"2022-06-08T12:13:14.5+02:00\"", "253402300799999", "\"2024-02-29\"", "\"0001-01-01T00:00:00+01:00\"" },
    [WEFT__duration] = { "\"PT1H\"", "\"-P1Y2M3W4DT5H6M7.5S\"", "3600.000001", "\"3 days, 12:30\"", "\"P106751991D\"", "\"-12:30:00\"", "-0.5", "\"P\"" },
    [WEFT__uuid] = { "\"f47ac10b-58cc-4372-a567-0e02b2c3d479\"", "\"F47AC10B58CC4372A5670E02B2C3D479\"", "\"{00000000-0000-0000-0000-000000000000}\"",
        "\"urn:uuid:f47ac10b-58cc-1372-a567-0e02b2c3d479\"", "\"f47ac10b\"", "1", "\"\"", "\"f47ac10b-58cc-4372-a567-0e02b2c3d47\"" },
    [WEFT__decimal] = { "\"1.50\"", "1.10", "\"-1E+3\"", "0.0", "\" +.5_0e0 \"", "1e999999999", "\"-0\"", "\"NaN\"" },
    [WEFT__bytes] = { "\"AAA=\"", "\"\"", "\"_-8\"", "\"+/8=\"", "\"AAAA\"", "\"A\"", "\"AB==\"", "\"\\u0041A\"" },
};

static void make_any_number(input *in, weft__buf *out)
{
    union { uint8_t bytes[8]; int64_t integer; double real; } n;
    unsigned how = byte(in);
    for (size_t i = 0; i < sizeof n; i++) n.bytes[i] = (uint8_t)byte(in);
    const char *quote = how & 1 ? "\"" : "";
    if (how & 2) weft__buf_printf(out, "%s%.17g%s", quote, n.real, quote);    /* "nan" and "inf" are none */
    else weft__buf_printf(out, "%s%lld%s", quote, (long long)(n.integer >> how / 4), quote);
}

static void make_scalar(input *in, const weft_schema *leaf, weft__buf *out)
{
    unsigned what = byte(in);
    if (what < 0xC0) weft__buf_add_str(out, weft_str_of(text_of_scalar[leaf->scalar][what % TEXT_CHOICES]));
    else if (what < 0xE0) make_any_number(in, out);
    else weft__buf_add_str(out, weft_str_of(text_of_scalar[byte(in) % weft_count(text_of_scalar)][what % TEXT_CHOICES]));
}

static void make_key(weft__buf *out, weft_str name, unsigned *count)
{
    if ((*count)++) weft__buf_add_char(out, ',');
    (void)!weft__json_add_text(out, name);
    weft__buf_add_char(out, ':');
}

static void make_text(input *in, const weft_schema *s, weft__buf *out, unsigned depth);

static void make_member(input *in, const weft_field *f, weft__buf *out, unsigned depth, unsigned *count)
{
    bool extra = f->place == WEFT__extra;
    make_key(out, extra ? WEFT_S("more") : weft__field_name(f), count);
    if (extra) make_scalar(in, &weft_schema_int, out);
    else if (f->place == WEFT__ref && (depth > TEXT_DEEP || byte(in) % 2 == 0)) weft__buf_lit(out, "null");
    else make_text(in, f->type, out, depth + 1);
}

static void make_members(input *in, const weft_schema *s, weft__buf *out, unsigned depth, unsigned *count)
{
    unsigned how = byte(in);
    for (size_t i = 0; i < s->count; i++) {
        const weft_field *f = &s->fields[how & 1 ? s->count - 1 - i : i];
        if (weft__field_is_remark(f) || f->place == WEFT__hidden) continue;
        if (f->place == WEFT__embed) {
            make_members(in, f->type, out, depth, count);
            continue;
        }
        bool may_lack = weft__field_may_lack(f) || f->initial || f->place == WEFT__extra;
        if (may_lack ? byte(in) % 2 : how >= 0xF0 && byte(in) % 4 == 0) continue;
        make_member(in, f, out, depth, count);
    }
    if (!(how & 2)) return;
    make_key(out, WEFT_S("unknown"), count);
    make_scalar(in, &weft_schema_weft_json, out);
}

/* The tag in front, and perhaps a second time. */
static void make_case(input *in, const weft_schema *s, weft__buf *out, unsigned depth, unsigned *count)
{
    unsigned which = byte(in);
    if (s->count < 2) return;
    const weft_field *f = &s->fields[1 + which % (s->count - 1)];
    make_key(out, weft__field_name(&s->fields[0]), count);
    (void)!weft__json_add_text(out, which >= 0xF0 ? WEFT_S("none") : weft__field_name(f));
    make_members(in, f->type, out, depth, count);
    if (which < 0xE0) return;
    make_key(out, weft__field_name(&s->fields[0]), count);
    make_scalar(in, &weft_schema_weft_str, out);
}

static void make_items(input *in, const weft_schema *s, weft__buf *out, unsigned depth)
{
    static const char *const keys[] = { "a", "7", "-07", "", "\xC3\xA9\"", "9223372036854775807" };
    unsigned count = 0, items = depth > TEXT_DEEP ? 0 : byte(in) % 5;
    bool map = s->kind == WEFT__map;
    weft__buf_add_char(out, map ? '{' : '[');
    for (unsigned i = 0; i < items; i++) {
        if (map) make_key(out, weft_str_of(keys[byte(in) % weft_count(keys)]), &count);
        else if (i) weft__buf_lit(out, " ,");
        make_text(in, s->of, out, depth + 1);
    }
    weft__buf_add_char(out, map ? '}' : ']');
}

static void make_text(input *in, const weft_schema *s, weft__buf *out, unsigned depth)
{
    unsigned count = 0;
    if (s->kind == WEFT__opt && byte(in) % 4 == 1) weft__buf_lit(out, "null");
    else if (s->kind == WEFT__opt) make_text(in, s->of, out, depth);
    else if (s->kind == WEFT__list || s->kind == WEFT__map) make_items(in, s, out, depth);
    else if (s->kind != WEFT__model && s->kind != WEFT__union) make_scalar(in, s, out);
    else {
        weft__buf_add_char(out, '{');
        if (s->kind == WEFT__union) make_case(in, s, out, depth, &count);
        else make_members(in, s, out, depth, &count);
        weft__buf_add_char(out, '}');
    }
}
#endif
