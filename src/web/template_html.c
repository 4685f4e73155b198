/* Just enough of HTML to know whether a value stands in text, in an attribute, or where nothing makes it safe. */
#include <string.h>
#include "web/template.h"

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }
static char small(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }
static bool is_letter(char c) { return small(c) >= 'a' && small(c) <= 'z'; }

static void name_begin(char *name, char c)
{
    memset(name, 0, WEFT__HTML_NAME_MAX + 1);
    name[0] = small(c);
}

static void name_add(char *name, char c)
{
    size_t n = strlen(name);
    if (n < WEFT__HTML_NAME_MAX) name[n] = small(c);
}

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0) return true;
    return false;
}

static void tag_ended(weft__html *h)
{
    static const char *const raw[] = { "script", "style", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext", NULL };
    static const char *const rcdata[] = { "title", "textarea", NULL };
    h->rcdata = is_one_of(h->tag, rcdata);
    h->at = h->rcdata || is_one_of(h->tag, raw) ? WEFT__HTML_RAW : WEFT__HTML_TEXT;
    h->matched = 0;
}

static void attribute(weft__html *h, char c)
{
    name_begin(h->name, c);
    h->at = WEFT__HTML_NAME;
    h->matched = 0;                                  /* 1: white space came behind the name */
}

static void read_bang(weft__html *h, char c)
{
    if (c == '>') h->at = WEFT__HTML_TEXT;
    else if (c != '-') h->matched = 3;               /* <!doctype: until its end */
    else if (h->matched < 2 && ++h->matched == 2) h->at = WEFT__HTML_COMMENT, h->matched = 0;
}

static void read_comment(weft__html *h, char c)
{
    if (c == '>' && h->matched >= 2) h->at = WEFT__HTML_TEXT;
    h->matched = c == '-' ? h->matched + 1 : 0;
}

/* "</script" ends it, whatever case. */
static void read_raw(weft__html *h, char c)
{
    if (c == '<') h->matched = 1;
    else if (h->matched == 1) h->matched = c == '/' ? 2 : 0;
    else if (h->matched >= 2 && small(c) == h->tag[h->matched - 2]) h->matched++;
    else h->matched = 0;
    if (h->matched >= 2 && !h->tag[h->matched - 2]) h->at = WEFT__HTML_END_TAG;
}

static void read_name(weft__html *h, char c)
{
    if (c == '=') h->at = WEFT__HTML_BEFORE_VALUE;
    else if (c == '>') tag_ended(h);
    else if (c == '/') h->at = WEFT__HTML_TAG;
    else if (is_space(c)) h->matched = 1;
    else if (h->matched) attribute(h, c);
    else name_add(h->name, c);
}

static void read_before_value(weft__html *h, char c)
{
    h->begun = false;
    if (c == '"' || c == '\'') h->at = WEFT__HTML_QUOTED, h->quote = c;
    else if (c == '>') tag_ended(h);
    else if (!is_space(c)) h->at = WEFT__HTML_BARE;
}

static void read_char(weft__html *h, char c)
{
    switch (h->at) {
    case WEFT__HTML_TEXT:
        if (c == '<') h->at = WEFT__HTML_OPEN;
        return;
    case WEFT__HTML_OPEN:
        h->matched = 0;
        h->at = c == '/' ? WEFT__HTML_END_TAG : c == '!' || c == '?' ? WEFT__HTML_BANG : is_letter(c) ? WEFT__HTML_TAG_NAME : WEFT__HTML_TEXT;
        if (h->at == WEFT__HTML_TAG_NAME) name_begin(h->tag, c);
        return;
    case WEFT__HTML_BANG: read_bang(h, c); return;
    case WEFT__HTML_COMMENT: read_comment(h, c); return;
    case WEFT__HTML_END_TAG:
        if (c == '>') h->at = WEFT__HTML_TEXT;
        return;
    case WEFT__HTML_TAG_NAME:
        if (c == '>') tag_ended(h);
        else if (is_space(c) || c == '/') h->at = WEFT__HTML_TAG;
        else name_add(h->tag, c);
        return;
    case WEFT__HTML_TAG:
        if (c == '>') tag_ended(h);
        else if (!is_space(c) && c != '/') attribute(h, c);
        return;
    case WEFT__HTML_NAME: read_name(h, c); return;
    case WEFT__HTML_BEFORE_VALUE: read_before_value(h, c); return;
    case WEFT__HTML_QUOTED:
        if (c == h->quote) h->at = WEFT__HTML_TAG;
        else if (!is_space(c)) h->begun = true;      /* browsers take space before a URL away */
        return;
    case WEFT__HTML_BARE:
        if (c == '>') tag_ended(h);
        else if (is_space(c)) h->at = WEFT__HTML_TAG;
        return;
    case WEFT__HTML_RAW: read_raw(h, c); return;
    }
}

void weft__html_read(weft__html *h, weft_str text)
{
    for (size_t i = 0; i < text.len; i++) read_char(h, text.ptr[i]);
}

/* ---- values ---- */

static const char *quoted_value(const weft__html *h, bool raw, weft__escape *out)
{
    static const char *const urls[] = { "href", "src", "action", "formaction", "poster", "cite", "data", "background", "ping", "manifest",
        "xlink:href", "codebase", "longdesc", "usemap", NULL };
    static const char *const unsafe[] = { "style", "srcdoc", NULL };
    static const char *const runs[] = { "script", "object", "embed", "base", NULL };
    if (raw) return "stands in an attribute as it is; with two braces it is escaped";
    if (h->name[0] == 'o' && h->name[1] == 'n') return "stands in an attribute that is a script; give it in one of your own, data-x=\"{{x}}\", and read it from there";
    if (is_one_of(h->name, unsafe)) return "stands in an attribute where no escaping makes it safe";
    bool whole = is_one_of(h->name, urls) && !h->begun;
    if (whole && is_one_of(h->tag, runs)) return "would choose what is run in the page; begin the URL with a text of your own";
    *out = whole ? WEFT__ESCAPE_URL : WEFT__ESCAPE_HTML;
    return NULL;
}

const char *weft__html_value(const weft__html *h, bool raw, weft__escape *out)
{
    *out = raw ? WEFT__ESCAPE_NONE : WEFT__ESCAPE_HTML;
    switch (h->at) {
    case WEFT__HTML_TEXT: return NULL;
    case WEFT__HTML_QUOTED: return quoted_value(h, raw, out);
    case WEFT__HTML_RAW:
        if (h->rcdata) return raw ? "stands in a title or textarea as it is; with two braces it is escaped" : NULL;
        return "stands in a script or style, where no escaping makes it safe; give it in an attribute, data-x=\"{{x}}\", and read it from there";
    case WEFT__HTML_COMMENT:
    case WEFT__HTML_BANG: return "stands in a comment";
    case WEFT__HTML_BARE:
    case WEFT__HTML_BEFORE_VALUE: return "stands in an attribute without quotes; put the value in quotes";
    default: return "stands inside a tag; a value may be that of an attribute, in quotes";
    }
}

static bool is_between(const weft__html *h) { return h->at == WEFT__HTML_TAG || h->at == WEFT__HTML_NAME; }

const char *weft__html_join(const weft__html *from, weft__html *h)
{
    bool quoted = h->at == WEFT__HTML_QUOTED, same = from->at == h->at;
    if (h->at != WEFT__HTML_TEXT) same = same && strcmp(from->tag, h->tag) == 0;
    if (quoted) same = same && from->quote == h->quote && strcmp(from->name, h->name) == 0;
    if (is_between(from) && is_between(h) && strcmp(from->tag, h->tag) == 0) {         /* <option {{#chosen}}selected{{/chosen}}> */
        h->at = WEFT__HTML_NAME;
        h->matched = 1;
        return NULL;
    }
    h->begun = from->begun;          /* what the section begins may be left out */
    return same ? NULL : "ends at another place of the page than it begins, as to tags, quotes and scripts";
}
