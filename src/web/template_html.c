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
    h->matched = 0;
}

static void read_bang(weft__html *h, char c)
{
    if (c == '>') h->at = WEFT__HTML_TEXT;
    else if (c != '-') h->matched = 3;               /* <!doctype: until its end */
    else if (h->matched < 2 && ++h->matched == 2) h->at = WEFT__HTML_COMMENT, h->matched = 4;
}

/* "-->" and "--!>" end it, and "<!-->" and "<!--->" are whole ones. `matched` counts the dashes; 3: "--!" came, 4: nothing, 5: one dash alone. */
static void read_comment(weft__html *h, char c)
{
    static const unsigned char dash[] = { 1, 2, 2, 1, 5, 2 };
    if (c == '>' && h->matched >= 2) h->at = WEFT__HTML_TEXT;
    else if (c == '-') h->matched = dash[h->matched];
    else h->matched = c == '!' && h->matched == 2 ? 3 : 0;
}

/* What ends a name. */
static bool is_apart(char c) { return is_space(c) || c == '/' || c == '>'; }

/* "</script" ends it, whatever case, and not "</scripts". */
static void read_raw(weft__html *h, char c)
{
    if (h->matched >= 2 && !h->tag[h->matched - 2] && is_apart(c)) h->at = c == '>' ? WEFT__HTML_TEXT : WEFT__HTML_END_TAG;
    else if (c == '<') h->matched = 1;
    else if (h->matched == 1) h->matched = c == '/' ? 2 : 0;
    else if (h->matched >= 2 && h->tag[h->matched - 2] && small(c) == h->tag[h->matched - 2]) h->matched++;
    else h->matched = 0;
}

/* `matched` is 1 when white space came behind the name. Where a section ended that may be left out it is 2, or 3 with a space:
 * an attribute may end or begin there, but what is not known must not get a longer name, or a value. */
static void read_name(weft__html *h, char c)
{
    if (h->matched >= 2 && (c == '=' || (h->matched == 2 && !is_apart(c))))
        h->wrong = "goes on with an attribute that a section has begun or ended; put a space between them, and the whole attribute into the section";
    if (c == '=') h->at = WEFT__HTML_BEFORE_VALUE;
    else if (c == '>') tag_ended(h);
    else if (c == '/') h->at = WEFT__HTML_TAG;
    else if (is_space(c)) h->matched |= 1;
    else if (h->matched) attribute(h, c);
    else name_add(h->name, c);
}

static void read_before_value(weft__html *h, char c)
{
    if (c == '"' || c == '\'') {
        h->at = WEFT__HTML_QUOTED;
        h->quote = c;
        h->url = WEFT__URL_START;
        h->valued = h->unsure = false;
        memset(h->scheme, 0, sizeof h->scheme);
    } else if (c == '>') tag_ended(h);
    else if (!is_space(c)) h->at = WEFT__HTML_BARE;
}

/* ---- URLs ---- */

static bool is_url(const weft__html *h)
{
    static const char *const urls[] = { "href", "src", "action", "formaction", "poster", "cite", "data", "background", "ping", "manifest",
        "xlink:href", "codebase", "longdesc", "usemap", NULL };
    return is_one_of(h->name, urls);
}

/* A picture as a URL is no more than that. */
static weft__url_at behind_scheme(const weft__html *h)
{
    static const char *const scripts[] = { "javascript", "vbscript", "data", NULL };
    static const char *const pictures[] = { "img", "source", "video", "audio", NULL };
    if (strcmp(h->scheme, "data") == 0 && is_one_of(h->tag, pictures)) return WEFT__URL_PATH;
    return is_one_of(h->scheme, scripts) ? WEFT__URL_SCRIPT : WEFT__URL_COLON;
}

/* Before it is known whether there is a scheme. */
static void read_scheme(weft__html *h, char c, bool slash)
{
    if (c == ':' && h->valued) h->wrong = "makes a value, or a section, the scheme of a URL; write the scheme as a text, or give the URL as one value";
    if (c == ':') h->url = behind_scheme(h);
    else if (slash) h->url = h->url == WEFT__URL_START ? WEFT__URL_SLASH : WEFT__URL_PATH;
    else if (c == '?' || c == '#') h->url = WEFT__URL_PATH;
    else if (c == '&') {
        h->url = WEFT__URL_ENTITY;
        memset(h->scheme, 0, sizeof h->scheme);
    } else {
        h->url = WEFT__URL_SCHEME;
        name_add(h->scheme, c);
    }
}

/* No scheme has an '&' or what most entities mean. But &colon; may end one, and &#115; be its letter. */
static void read_entity(weft__html *h, char c)
{
    static const char *const of_schemes[] = { "colon", "tab", "newline", NULL };
    if (is_letter(c)) name_add(h->scheme, c);
    else h->url = (c == '#' && !*h->scheme) || (c == ';' && is_one_of(h->scheme, of_schemes)) ? WEFT__URL_SCRIPT : WEFT__URL_PATH;
}

/* As browsers do: white space counts for nothing, and '\\' is '/'. WHATWG URL, 4.4 */
static void read_url(weft__html *h, char c)
{
    bool slash = c == '/' || c == '\\';
    if (is_space(c)) return;
    switch (h->url) {
    case WEFT__URL_START:
    case WEFT__URL_SCHEME: read_scheme(h, c, slash); return;
    case WEFT__URL_ENTITY: read_entity(h, c); return;
    case WEFT__URL_SLASH: h->url = slash ? WEFT__URL_SLASHES : WEFT__URL_PATH; return;
    case WEFT__URL_COLON:
    case WEFT__URL_SLASHES: h->url = slash ? WEFT__URL_SLASHES : WEFT__URL_HOST; return;
    case WEFT__URL_HOST:
        if (slash || c == '?' || c == '#') h->url = WEFT__URL_PATH;
        return;
    default: return;
    }
}

/* ---- one after the other ---- */

static void read_char(weft__html *h, char c)
{
    switch (h->at) {
    case WEFT__HTML_TEXT:
        if (c == '<') h->at = WEFT__HTML_OPEN;
        return;
    case WEFT__HTML_OPEN:
        h->matched = c == '?' ? 3 : 0;
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
        else if (is_url(h)) read_url(h, c);
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

static const char *url_value(weft__html *h, weft__escape *out)
{
    static const char *const runs[] = { "script", "object", "embed", "base", NULL };
    bool known = h->url == WEFT__URL_SCHEME || h->url == WEFT__URL_PATH;
    if (h->url == WEFT__URL_ENTITY) return "stands behind an '&', and could make it another character; write &amp;";
    if (h->url == WEFT__URL_SCRIPT) return "stands in a URL that is a script or a document of its own, where no escaping makes it safe";
    if (is_one_of(h->tag, runs) && (!known || h->unsure))
        return "would choose what is run in the page; begin the URL with a path or a host of your own";
    if (h->url > WEFT__URL_SCHEME) return NULL;
    h->valued = true;
    *out = WEFT__ESCAPE_URL;
    return NULL;
}

/* What moves or changes a link may make it another: <animate attributeName="href" to="..."> */
static bool is_animated(const weft__html *h)
{
    static const char *const tags[] = { "animate", "set", NULL }, *const names[] = { "to", "from", "by", "values", "attributename", NULL };
    return is_one_of(h->tag, tags) && is_one_of(h->name, names);
}

static const char *quoted_value(weft__html *h, bool raw, weft__escape *out)
{
    static const char *const unsafe[] = { "style", "srcdoc", NULL };
    if (raw) return "stands in an attribute as it is; with two braces it is escaped";
    if (h->name[0] == 'o' && h->name[1] == 'n') return "stands in an attribute that is a script; give it in one of your own, data-x=\"{{x}}\", and read it from there";
    if (is_one_of(h->name, unsafe) || is_animated(h)) return "stands in an attribute where no escaping makes it safe";
    return is_url(h) ? url_value(h, out) : NULL;
}

static const char *raw_value(const weft__html *h, bool raw)
{
    if (!h->rcdata) return "stands in a script or style, where no escaping makes it safe; give it in an attribute, data-x=\"{{x}}\", and read it from there";
    if (h->matched) return "stands inside a tag; a value may be that of an attribute, in quotes";
    return raw ? "stands in a title or textarea as it is; with two braces it is escaped" : NULL;
}

const char *weft__html_value(weft__html *h, bool raw, weft__escape *out)
{
    *out = raw ? WEFT__ESCAPE_NONE : WEFT__ESCAPE_HTML;
    switch (h->at) {
    case WEFT__HTML_TEXT: return NULL;
    case WEFT__HTML_QUOTED: return quoted_value(h, raw, out);
    case WEFT__HTML_RAW: return raw_value(h, raw);
    case WEFT__HTML_COMMENT:
    case WEFT__HTML_BANG: return "stands in a comment";
    case WEFT__HTML_BARE:
    case WEFT__HTML_BEFORE_VALUE: return "stands in an attribute without quotes; put the value in quotes";
    default: return "stands inside a tag; a value may be that of an attribute, in quotes";
    }
}

/* ---- sections ---- */

static bool is_between(const weft__html *h) { return h->at == WEFT__HTML_TAG || h->at == WEFT__HTML_NAME; }
static bool is_open_name(const weft__html *h) { return h->at == WEFT__HTML_NAME && !(h->matched & 1); }

/* <option {{#chosen}}selected{{/chosen}}>. What is there twice may end in half an attribute once, and go on with it. */
static const char *join_attributes(const weft__html *from, weft__html *h, bool repeats)
{
    if (from->at == WEFT__HTML_TAG && h->at == WEFT__HTML_TAG) return NULL;
    if (repeats) return "is there for each item, and its text is no whole attributes, each with a value in quotes";
    h->matched = is_open_name(from) || is_open_name(h) ? 2 : 3;
    h->at = WEFT__HTML_NAME;
    return NULL;
}

/* Either may be what was before. Where the section tells where the URL leads it goes on as without it; where it ends in the middle
 * of what could be a scheme, nothing behind it may be one. */
static void join_urls(const weft__html *from, weft__html *h)
{
    bool same = from->url == h->url && strcmp(from->scheme, h->scheme) == 0, told = h->url > WEFT__URL_ENTITY;
    h->valued = from->valued || (same ? h->valued : !told);
    h->unsure |= from->unsure || !same;
    if (same || h->url == WEFT__URL_SCRIPT) return;
    if (from->url == WEFT__URL_ENTITY || h->url == WEFT__URL_ENTITY) h->url = WEFT__URL_SCRIPT;
    else if (from->url < h->url) {
        h->url = from->url;
        memcpy(h->scheme, from->scheme, sizeof h->scheme);
    }
}

const char *weft__html_join(const weft__html *from, weft__html *h, bool repeats)
{
    bool text = h->at == WEFT__HTML_TEXT, attribute = h->at >= WEFT__HTML_NAME && h->at <= WEFT__HTML_BARE;
    bool counts = h->at == WEFT__HTML_RAW || h->at == WEFT__HTML_COMMENT || h->at == WEFT__HTML_BANG;
    bool same_tag = strcmp(from->tag, h->tag) == 0, same = from->at == h->at && (text || same_tag);
    if (is_between(from) && is_between(h) && same_tag) return join_attributes(from, h, repeats);
    if (attribute) same = same && strcmp(from->name, h->name) == 0;
    if (counts) same = same && from->matched == h->matched;
    if (h->at == WEFT__HTML_QUOTED) same = same && from->quote == h->quote;
    if (!same) return "ends at another place of the page than it begins, as to tags, quotes and scripts";
    if (h->at == WEFT__HTML_QUOTED) join_urls(from, h);
    return NULL;
}

const char *weft__html_end(const weft__html *h)
{
    if (h->at == WEFT__HTML_TEXT || h->at == WEFT__HTML_OPEN) return NULL;
    if (h->at == WEFT__HTML_QUOTED) return "ends inside an attribute: a quote lacks";
    if (h->at == WEFT__HTML_RAW) return "ends inside a script, style, title or the like: its end tag lacks";
    return h->at == WEFT__HTML_COMMENT ? "ends inside a comment" : "ends inside a tag: a '>' lacks";
}
