#include "web/openapi.h"
#include "wire/json.h"

static void comma(weft__doc *d)
{
    if (d->comma) weft__buf_add_char(&d->out, ',');
    d->comma = false;
}

void weft__doc_open(weft__doc *d, char bracket)
{
    comma(d);
    weft__buf_add_char(&d->out, bracket);
}

void weft__doc_close(weft__doc *d, char bracket)
{
    weft__buf_add_char(&d->out, bracket);
    d->comma = true;
}

void weft__doc_text(weft__doc *d, weft_str text)
{
    comma(d);
    weft__json_add_text_lossy(&d->out, text);
    d->comma = true;
}

void weft__doc_key(weft__doc *d, weft_str key)
{
    weft__doc_text(d, key);
    weft__buf_add_char(&d->out, ':');
    d->comma = false;
}

void weft__doc_raw(weft__doc *d, weft_str json)
{
    comma(d);
    weft__buf_add_str(&d->out, json);
    d->comma = true;
}

void weft__doc_say_of(weft__doc *d, weft_str key, weft_str text)
{
    if (!text.len) return;
    weft__doc_key(d, key);
    weft__doc_text(d, text);
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

weft_str weft__doc_title(weft__doc *d, weft_str name)
{
    weft_str copy = weft__arena_dup(&d->arena, name);
    char *text = (char *)copy.ptr;
    for (size_t i = 0; text && i < copy.len; i++) {
        bool first = i == 0 || !is_letter(text[i - 1]);
        if (text[i] == '_') text[i] = ' ';
        else if (is_letter(text[i])) text[i] = (char)(first ? text[i] & ~0x20 : text[i] | 0x20);
    }
    if (!text) d->out.failed = WEFT_ENOMEM;
    return copy;
}
