#ifndef WEFT_TEMPLATE_H
#define WEFT_TEMPLATE_H
/* Pages made of models: templates in a small language like Mustache, compiled and checked against their models when the
 * program starts.
 *
 *     WEFT_MODEL(Shelf, field(weft_str, title), list(Book, books));
 *     WEFT_TEMPLATE(shelf_page, Shelf, "shelf.html",
 *         "<h1>{{title}}</h1>\n"
 *         "{{#books}}\n<p><a href=\"{{url}}\">{{name}}</a>\n{{/books}}\n"
 *         "{{^books}}\n<p>Nothing here.\n{{/books}}\n");
 *     static int show(const show_in *in, weft_reply *out) { ... return weft_render(out, shelf_page, &shelf); }
 *     const weft_app app = { .templates = WEFT_TEMPLATES(shelf_page), ... };
 *
 * {{name}} is a member: a scalar or an enum, as JSON has it, without quotes. It is escaped. {{a.b}} is a member of a member, {{.}} the
 *     item that a section stands at. Names are those of JSON, looked for in the innermost section's model, then in those around it.
 * {{#name}}...{{/name}} is there once for each item of a list; once when an option or ref is there, a bool is true, a text or bytes are not empty, a
 *     number is not 0, and for a model. Inside, names are those of the item or model. {{^name}}...{{/name}} is there when that is not.
 * {{{name}}} is the text as it is, for HTML that is known to be good. {{! a comment }}
 * {{> header.html}} is another template's text, read as if it stood there. WEFT_PARTIAL(header, "header.html", "...") has no model.
 * Tags of sections, comments and partials that stand alone on a line take the line with them.
 *
 * weft reads the HTML, too: a value may stand in text and in attributes in quotes. In scripts and styles, comments, attributes without
 * quotes, on... and style attributes, and URLs that are scripts (javascript:), no escaping makes it safe: that is a fault. Of an attribute
 * that is a URL (href, src, action ...), a value at its start whose scheme is not http, https, mailto or tel becomes "#", and none may be a
 * scheme by what follows it; the URL of a script begins with a path or host of your own. A template whose name ends in .txt is plain text.
 * Faults are told when the program starts, all of them: "template shelf.html:2:13: no member 'nmae' in Book; it has name, url".
 *
 * Limits: 64 KiB and 4096 tags and pieces of text a template with its partials, 16 sections in each other, 8 partials in each other, 8 parts of
 * a name; 16 MiB a page, and request_bytes_max.                                    Example: examples/pages.c  */
#include "weft/each.h"
#include "weft/model.h"
#include "weft/task.h"

typedef struct weft_template {
    const char *name;
    const weft_schema *model;        /* NULL: a partial */
    weft_str text;
} weft_template;

/* In the file that renders it, and in the application's: a header is a good place. The text is a string literal; tools/embed-text makes one of a file. */
#define WEFT_TEMPLATE(id, Model, name_, text_) \
    static const struct { weft_template page; const Model *model; } id __attribute__((unused)) = \
        { { .name = name_, .model = &weft_schema_##Model, .text = { "" text_, sizeof(text_) - 1 } }, 0 }
#define WEFT_PARTIAL(id, name_, text_) \
    static const struct { weft_template page; const void *model; } id __attribute__((unused)) = \
        { { .name = name_, .text = { "" text_, sizeof(text_) - 1 } }, 0 }

/* Those of an application: .templates = WEFT_TEMPLATES(shelf_page, header). An application mounted in it has them, too. */
#define WEFT_TEMPLATES(...) (const weft_template *const[]){ WEFT__EACH(WEFT__TEMPLATE_OF, 0, __VA_ARGS__) 0 }
#define WEFT__TEMPLATE_OF(x, id) &(id).page,

/* Make the page the body of a reply, text/html (or text/plain). 0; WEFT_EINVAL, recorded: the template is none of the application's,
 * or a value cannot be written; WEFT_ELIMIT: it is too large; WEFT_ENOMEM. Waits: never. */
#define weft_render(reply, id, value) weft__render(WEFT__HERE, (reply), &(id).page, (__typeof__((id).model)){ (value) })
int weft__render(const char *place, weft_reply *, const weft_template *, const void *value) WEFT_NODISCARD;
#endif
