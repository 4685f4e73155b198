/* Templates: what they make of models, what they let nobody do, and which mistakes are told at the start. */
#include "scratch.h"
#include "web/template.h"
#include <string.h>
#include "faults.h"
#include "model/plan.h"
#include "pairs.h"
#include "task/world.h"

WEFT_ENUM(Mood, value(MOOD_GOOD, "good"), value(MOOD_BAD, "<bad>"));
WEFT_MODEL(Maker, field(weft_str, name), opt(weft_str, town));
WEFT_MODEL(Book, field(weft_str, name), field(weft_str, url, .as = "link"), list(weft_str, tags), ref(Maker, by), field(int, stock));
WEFT_MODEL(Shelf, field(weft_str, title), list(Book, books), opt(Maker, owner), field(Mood, mood), field(_Bool, open), field(double, price), field(weft_date, day), map(int, counts));
WEFT_INPUT(shelf_in, query(weft_str, title, .initial = "T"), query(weft_str, url, .initial = "/b/1"), query(int, n, .initial = "2"));

static Maker ada = { .name = WEFT_S("Ada & Co") };

static Shelf shelf_of(const shelf_in *in)
{
    Shelf s = { .title = in->title, .mood = MOOD_BAD, .open = in->n > 1, .price = 2.5, .day = { 2026, 3, 4 } };
    for (int i = 0; i < in->n; i++) {
        Book b = { .name = weft_format("<%d>", i), .url = in->url, .by = i ? &ada : NULL, .stock = i };
        if (i) weft_push(&b.tags, WEFT_S("a"));
        if (i) weft_push(&b.tags, WEFT_S("b\""));
        weft_push(&s.books, b);
    }
    if (in->n > 1) s.owner = (weft_opt_Maker)WEFT_SOME((Maker){ .name = WEFT_S("Bo") });
    return s;
}

/* Each is a page with a route of its own. */
#define PAGES(_) \
    _(value,    "value.html",    "<p>{{title}} {{mood}} {{open}} {{price}} {{day}} {{ title }}") \
    _(list,     "list.html",     "{{#books}}[{{name}}|{{title}}|{{stock}}]{{/books}}{{^books}}none{{/books}}") \
    _(tags,     "tags.html",     "{{#books}}({{#tags}}{{.}};{{/tags}}{{^tags}}-{{/tags}}){{/books}}") \
    _(dotted,   "dotted.html",   "{{owner.name}}{{owner.town}}/{{#books}}{{by.name}},{{/books}}") \
    _(option,   "option.html",   "{{#owner}}of {{name}}{{#town}} from {{.}}{{/town}}{{/owner}}{{^owner}}of {{title}}{{/owner}}") \
    _(truth,    "truth.html",    "{{#open}}open{{/open}}{{^open}}shut{{/open}} {{#title}}has{{/title}}{{^title}}no{{/title}} {{#books}}{{#stock}}s{{/stock}}{{^stock}}0{{/stock}}{{/books}}") \
    _(raw,      "raw.html",      "<p>{{{title}}}{{&title}}") \
    _(comment,  "comment.html",  "a{{! not {here} }}b") \
    _(lines,    "lines.html",    "<ul>\n  {{#books}}\n  <li>{{name}}\n  {{/books}}\n{{! gone }}\n</ul>\n  {{#open}}x{{/open}}\n") \
    _(attrs,    "attrs.html",    "<a title='{{title}}' href=\"{{#books}}{{link}}{{/books}}\" data-x=\"{{title}}\"{{#open}} hidden{{/open}}>") \
    _(spaced,   "spaced.html",   "<a href=\" {{title}}\">") \
    _(prefixed, "prefixed.html", "<a href=\"/q?x={{title}}\">") \
    _(part,     "part.html",     "<a href=\"java{{title}}\">") \
    _(rcdata,   "rcdata.html",   "<title>{{title}}</title><script>var x = '</p>';</script>{{title}}") \
    _(plain,    "plain.txt",     "{{title}} <script>{{title}}{{{title}}}") \
    _(outer,    "outer.html",    "<p>{{title}}\n  {{> row.html }}\n{{#books}}{{> row.html}}{{/books}}") \
    _(no_tags,  "none.html",     "") \
    _(open_end, "open.html",     "{{#books}}\n{{/books}}")

WEFT_PARTIAL(row_part, "row.html", "<b>{{title}}</b>\n");
#define DECLARED(id, name, text) \
    WEFT_TEMPLATE(id##_page, Shelf, name, text); \
    static int show_##id(const shelf_in *in, weft_reply *out) { Shelf s = shelf_of(in); return weft_render(out, id##_page, &s); }
PAGES(DECLARED)
#define ROUTE(id, name, text) WEFT_GET("/" #id, show_##id, shelf_in, weft_reply),
#define LISTED(id, name, text) &id##_page.page,

static int gone(const weft_failure *f, weft_reply *out) { Shelf s = { .title = f->text }; return weft_render(out, prefixed_page, &s); }
WEFT_TEMPLATE(lost_page, Maker, "lost.html", "{{name}}");
static int show_lost(const shelf_in *in, weft_reply *out) { return weft_render(out, lost_page, &(Maker){ .name = in->title }); }
static const weft_app inner = { .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/value", show_value, shelf_in, weft_reply)) };
static const weft_template *const templates[] = { PAGES(LISTED) &row_part.page, NULL };
static const weft_app app = { .openapi_path = "", .templates = templates, .mounts = WEFT_MOUNTS(WEFT_MOUNT("/in", inner)), .on_failure = WEFT_ON_FAILURE({ 404, gone }),
    .routes = WEFT_ROUTES(PAGES(ROUTE) WEFT_GET("/lost", show_lost, shelf_in, weft_reply)) };

static void page_is(int line, const char *path, const char *expected)
{
    weft_response r = weft_test_get(&app, path);
    if (r.status != 200) weft__check_fail(__FILE__, line, "status %d of %s", r.status, path);
    weft__check_str(__FILE__, line, path, r.body, expected);
}
#define PAGE(path, expected) page_is(__LINE__, path, expected)

WEFT_TEST(values_are_their_text_escaped)
{
    PAGE("/value", "<p>T &lt;bad&gt; true 2.5 2026-03-04 T");
    PAGE("/value?title=%3Cscript%3E%22%27%26", "<p>&lt;script&gt;&quot;&#39;&amp; &lt;bad&gt; true 2.5 2026-03-04 &lt;script&gt;&quot;&#39;&amp;");
    PAGE("/raw?title=%3Cb%3E", "<p><b><b>");
    PAGE("/comment", "ab");
    PAGE("/no_tags", "");
}

WEFT_TEST(sections_are_there_for_each_item_and_names_are_looked_for_outwards)
{
    PAGE("/list", "[&lt;0&gt;|T|0][&lt;1&gt;|T|1]");
    PAGE("/list?n=0", "none");
    PAGE("/tags", "(-)(a;b&quot;;)");
    PAGE("/open_end?n=3", "");
}

WEFT_TEST(what_is_absent_is_nothing_and_its_section_is_not_there)
{
    PAGE("/dotted", "Bo/,Ada &amp; Co,");
    PAGE("/dotted?n=1", "/,");
    PAGE("/option", "of Bo");
    PAGE("/option?n=0", "of T");
    PAGE("/truth", "open has 0s");
    PAGE("/truth?n=1&title=", "shut no 0");
}

WEFT_MODEL(Sum, field(weft_decimal, cost), field(weft_bytes, seal));
WEFT_INPUT(sum_in, query(weft_decimal, cost), query(weft_bytes, seal, .initial = ""));
WEFT_TEMPLATE(sum_page, Sum, "sum.txt", "{{#cost}}some{{/cost}}{{^cost}}nothing{{/cost}} {{#seal}}{{seal}}{{/seal}}{{^seal}}open{{/seal}}");
static int show_sum(const sum_in *in, weft_reply *out) { return weft_render(out, sum_page, (&(Sum){ in->cost, in->seal })); }
static const weft_app sums = { .openapi_path = "", .templates = WEFT_TEMPLATES(sum_page), .routes = WEFT_ROUTES(WEFT_GET("/", show_sum, sum_in, weft_reply)) };

WEFT_TEST(amounts_and_bytes_are_there_unless_they_are_nothing)
{
    WEFT_CHECK_STR(weft_test_get(&sums, "/?cost=0.00").body, "nothing open");
    WEFT_CHECK_STR(weft_test_get(&sums, "/?cost=-0E3").body, "nothing open");
    WEFT_CHECK_STR(weft_test_get(&sums, "/?cost=0.01&seal=aGk%3D").body, "some aGk=");
}

WEFT_TEST(tags_alone_on_a_line_take_the_line_with_them)
{
    PAGE("/lines", "<ul>\n  <li>&lt;0&gt;\n  <li>&lt;1&gt;\n</ul>\n  x\n");
    PAGE("/lines?n=0", "<ul>\n</ul>\n  \n");
    PAGE("/outer", "<p>T\n<b>T</b>\n<b>T</b>\n<b>T</b>\n");
}

WEFT_TEST(attributes_are_escaped_and_urls_run_nothing)
{
    PAGE("/attrs?n=1&title=%27%20onload%3D%27x", "<a title='&#39; onload=&#39;x' href=\"/b/1\" data-x=\"&#39; onload=&#39;x\">");
    PAGE("/attrs?n=2", "<a title='T' href=\"/b/1/b/1\" data-x=\"T\" hidden>");
    static const char *const wild[] = { "javascript:alert(1)", "JaVaScRiPt:x", "%20javascript:x", "java%0Ascript:x", "%01javascript:x", "data:text/html,x", "vbscript:x", ":x", "averylongschemeindeed:x" };
    static const char *const tame[] = { "https://a.example/", "HTTP://a", "mailto:a@b", "tel:1", "/a:b", "?a:b", "#a:b", "a/b:c", "" };
    for (size_t i = 0; i < weft_count(wild) + weft_count(tame); i++) {
        bool is_wild = i < weft_count(wild);
        const char *url = is_wild ? wild[i] : tame[i - weft_count(wild)];
        char path[200], expected[200];
        snprintf(path, sizeof path, "/attrs?n=1&url=%s", *url == '#' ? "%23a:b" : url);
        snprintf(expected, sizeof expected, "<a title='T' href=\"%s\" data-x=\"T\">", is_wild ? "#" : url);
        PAGE(path, expected);
    }
    PAGE("/spaced?title=javascript:x", "<a href=\" #\">");
    PAGE("/prefixed?title=javascript:x", "<a href=\"/q?x=javascript:x\">");
    PAGE("/rcdata?title=%3C/title%3E", "<title>&lt;/title&gt;</title><script>var x = '</p>';</script>&lt;/title&gt;");
    PAGE("/plain?title=%3Cb%3E", "<b> <script><b><b>");
}

WEFT_TEST(pages_have_their_type_and_serve_failures_and_mounts_too)
{
    weft_response r = weft_test_get(&app, "/value");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/html; charset=utf-8");
    r = weft_test_get(&app, "/plain");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/plain; charset=utf-8");
    r = weft_test_get(&app, "/none");
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_STR(r.body, "<a href=\"/q?x=Not Found\">");
    PAGE("/in/value", "<p>T &lt;bad&gt; true 2.5 2026-03-04 T");
}

WEFT_TEST(a_template_that_is_not_the_applications_is_an_error_that_says_so)
{
    world_capture_begin();
    weft_response r = weft_test_get(&app, "/lost");
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(r.status, 500);
    WEFT_CHECK(strstr(log, "weft_render: lost.html is not among the .templates of the application") && strstr(log, "template_test.c:"));
}

/* ---- mistakes, told at the start ---- */

static weft_str faults_of_list(const weft_template *const *list)
{
    const weft_app faulty = { .openapi_path = "", .templates = list };
    return weft_str_of(faults_of(&faulty));
}

static weft_str fault_of(const char *text)
{
    const weft_template t = { "a.html", &weft_schema_Shelf, weft_str_of(text) }, itself = { "self.html", NULL, WEFT_S("x\n {{> self.html}}") };
    return faults_of_list((const weft_template *const[]){ &t, &row_part.page, &itself, NULL });
}

WEFT_TEST(mistakes_are_told_with_line_and_column)
{
    static const char *const rows[][2] = {
        { "x\n  {{nmae}}", "a.html:2:3: no member 'nmae' in Shelf; it has title, books, owner, mood, open, price, day, counts" },
        { "{{#books}}\n{{nmae}}{{/books}}", "a.html:2:1: no member 'nmae' in Book; it has name, link, tags, by, stock" },
        { "{{owner.nmae}}", "a.html:1:1: no member 'nmae' in Maker; it has name, town" },
        { "{{title.x}}", "a.html:1:1: no member 'x' in weft_str; it has no members" },
        { "{{books}}", "a.html:1:1: 'books' is a list: {{#books}}{{.}}{{/books}} shows each item" },
        { "{{owner}}", "a.html:1:1: 'owner' is a Maker, and no text; name one of its members" },
        { "{{#counts}}{{x}}{{/counts}}", "a.html:1:1: 'counts' is a map, which no section can go through" },
        { "{{#books}}", "a.html:1:1: the section 'books' has no end" },
        { "{{/books}}", "a.html:1:1: {{/books}} closes a section that is not open" },
        { "{{#books}}{{/title}}", "a.html:1:11: {{/title}} stands where {{/books}} is expected" },
        { "a {{title", "a.html:1:3: a tag without its end, }}" }, { "a {{title}", "a.html:1:3: a tag without its end, }}" },
        { "{{}}", "a.html:1:1: a tag without a name" }, { "{{{title}}", "a.html:1:1: a tag of three braces ends with three" },
        { "{{=<% %>=}}", "a.html:1:1: other delimiters than {{ and }} there are not" },
        { "{{> none.html}}", "a.html:1:1: no template is named 'none.html' in the application" },
        { "\n\n{{> self.html}}", "self.html:2:2, in a.html:3:1: self.html is a part of itself" },
        { "{{#owner}}{{> row.html}}{{/owner}}{{> a.html}}", "a.html:1:35: a.html is a part of itself" },
        { "<script>{{title}}</script>", "a.html:1:9: 'title' stands in a script or style, where no escaping makes it safe; give it in an attribute, data-x=\"{{x}}\", and read it from there" },
        { "<SCRIPT src=x>{{title}}", "a.html:1:15: 'title' stands in a script or style, where no escaping makes it safe; give it in an attribute, data-x=\"{{x}}\", and read it from there" },
        { "<a href={{title}}>", "a.html:1:9: 'title' stands in an attribute without quotes; put the value in quotes" },
        { "<a href=x{{title}}>", "a.html:1:10: 'title' stands in an attribute without quotes; put the value in quotes" },
        { "<a {{title}}>", "a.html:1:4: 'title' stands inside a tag; a value may be that of an attribute, in quotes" },
        { "<{{title}}>", "a.html:1:2: 'title' stands inside a tag; a value may be that of an attribute, in quotes" },
        { "<a onclick=\"f('{{title}}')\">", "a.html:1:16: 'title' stands in an attribute that is a script; give it in one of your own, data-x=\"{{x}}\", and read it from there" },
        { "<a STYLE='{{title}}'>", "a.html:1:11: 'title' stands in an attribute where no escaping makes it safe" },
        { "<a title=\"{{{title}}}\">", "a.html:1:11: 'title' stands in an attribute as it is; with two braces it is escaped" },
        { "<script src=\"{{title}}\">", "a.html:1:14: 'title' would choose what is run in the page; begin the URL with a path or a host of your own" },
        { "<script src=\"/app.js?v={{title}}\"></script>", "" },
        { "<!-- {{title}} -->", "a.html:1:6: 'title' stands in a comment" },
        { "{{#open}}<script>{{/open}}{{title}}", "a.html:1:18: the section 'open' ends at another place of the page than it begins, as to tags, quotes and scripts" },
        { "<a href=\"{{#open}}\" title=\"{{/open}}\">", "a.html:1:28: the section 'open' ends at another place of the page than it begins, as to tags, quotes and scripts" },
        { "<a href=\" \n{{title}}\">", "" },
        { "<a href=\"{{#open}}/{{/open}}{{title}}\"><!-- a -- > --><!doctype html>{{title}}<a title='\"'>{{title}}", "" },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        char expected[400], *end;
        weft_str found = fault_of(rows[i][0]);
        snprintf(expected, sizeof expected, "%s%s%s", *rows[i][1] ? "template " : "", rows[i][1], *rows[i][1] ? "\n" : "");
        if ((end = strchr(found.ptr, '\n'))) found.len = (size_t)(end + 1 - found.ptr);
        weft__check_str(__FILE__, __LINE__, rows[i][0], found, expected);
    }
}

#define RUNS "'title' would choose what is run in the page; begin the URL with a path or a host of your own"
#define SCRIPT "'title' stands in a URL that is a script or a document of its own, where no escaping makes it safe"
#define SCHEME "what stands here makes a value, or a section, the scheme of a URL; write the scheme as a text, or give the URL as one value"
#define ENTITY "'title' stands behind an '&', and could make it another character; write &amp;"
#define GOES_ON "what stands here goes on with an attribute that a section has begun or ended; put a space between them, and the whole attribute into the section"
#define ELSEWHERE "the section 'open' ends at another place of the page than it begins, as to tags, quotes and scripts"
#define TWICE "the section 'books' is there for each item, and its text is no whole attributes, each with a value in quotes"
#define IN_SCRIPT "'title' stands in a script or style, where no escaping makes it safe; give it in an attribute, data-x=\"{{x}}\", and read it from there"

/* The first thing that is wrong with a template, without its place; "" when nothing is. */
static void wrong_is(int line, const char *text, const char *expected)
{
    weft_str found = fault_of(text);
    const char *at = found.len ? strstr(found.ptr, ": ") + 2 : "", *end = strchr(at, '\n');
    weft__check_str(__FILE__, line, text, (weft_str){ at, end ? (size_t)(end - at) : 0 }, expected);
}
#define WRONG(text, expected) wrong_is(__LINE__, text, expected)

WEFT_TEST(no_value_becomes_part_of_a_url_that_is_a_script)
{
    WRONG("<a href=\"javascript:f('{{title}}')\">", SCRIPT);
    WRONG("<a href=\" JavaScript: {{title}}\">", SCRIPT);
    WRONG("<iframe src=\"data:text/html,{{title}}\">", SCRIPT);
    WRONG("<a href=\"{{#open}}javascript:{{/open}}{{title}}\">", SCRIPT);
    WRONG("<a href=\"javascript&#58;{{title}}\">", SCRIPT);
    WRONG("<a href=\"javascript&colon;{{title}}\">", SCRIPT);
    WRONG("<a href=\"{{title}}:alert(1)\">", SCHEME);
    WRONG("<a href=\"{{title}}://{{title}}\">", SCHEME);
    WRONG("<a href=\"java{{title}}:x\">", SCHEME);
    WRONG("<a href=\"{{#books}}{{name}}:{{/books}}\">", SCHEME);
    WRONG("<a href=\"{{#open}}java{{/open}}script:f('{{title}}')\">", SCHEME);
    WRONG("<a href=\"{{title}}&{{title}}=1\">", ENTITY);
    WRONG("<animate attributeName=\"href\" to=\"{{title}}\">", "'title' stands in an attribute where no escaping makes it safe");
}

WEFT_TEST(no_value_chooses_where_a_script_comes_from)
{
    WRONG("<script src=\"/{{title}}\"></script>", RUNS);
    WRONG("<script src=\"//{{title}}\"></script>", RUNS);
    WRONG("<script src=\"\\{{title}}\"></script>", RUNS);
    WRONG("<script src=\"https://cdn{{title}}/\"></script>", RUNS);
    WRONG("<base href=\"https:{{title}}\">", RUNS);
    WRONG("<script src=\"{{#open}}/{{/open}}/a{{title}}\"></script>", RUNS);
    WRONG("<script src=\"/js/{{title}}\"></script><script src=\"https://cdn.example/{{title}}\"></script><script src=\"app-{{title}}.js\"></script>", "");
}

WEFT_TEST(links_of_many_kinds_have_values)
{
    WRONG("<a href=\"mailto:{{title}}\"><a href=\"https://{{title}}.example/{{title}}\"><a href=\"/{{title}}/{{title}}\"><a href=\"app://open/{{title}}\">", "");
    WRONG("<a href=\"{{title}}&amp;page={{title}}\"><a href=\"{{title}}?a=b:c&d={{title}}\"><a href=\"item-{{title}}.html\"><img src=\"data:image/png;base64,{{title}}\">", "");
    WRONG("<a href=\"{{#open}}/{{title}}{{/open}}{{^open}}https://a.example/{{title}}{{/open}}\"><a href=\"{{#books}}/{{name}}{{/books}}\">", "");
    PAGE("/part?title=script:alert(1)", "<a href=\"java#\">");
    PAGE("/part?title=x", "<a href=\"javax\">");
}

WEFT_TEST(sections_join_no_attributes)
{
    WRONG("<a {{#open}}on{{/open}}click=\"{{title}}\">", GOES_ON);
    WRONG("<a style{{#open}} title{{/open}}=\"{{title}}\">", GOES_ON);
    WRONG("<a {{#open}}onclick{{/open}} =\"{{title}}\">", GOES_ON);
    WRONG("<a {{#open}}title=\"x\"{{/open}}b=\"{{title}}\">", "");
    WRONG("<a hidden{{#open}} title=\"x\"{{/open}}b=\"{{title}}\">", GOES_ON);
    WRONG("<a onclick={{#open}}1 x={{/open}}\"{{title}}\">", ELSEWHERE);
    WRONG("<a {{#books}}nx=\"{{name}}\"o{{/books}}>", TWICE);
    WRONG("<option {{#open}}selected{{/open}}><option {{#open}}selected {{/open}}value=\"{{title}}\"{{#books}} data-x=\"{{name}}\"{{/books}}>", "");
}

WEFT_TEST(html_ends_where_browsers_end_it)
{
    WRONG("<script>'</scripts>'{{title}}</script>", IN_SCRIPT);
    WRONG("<script></SCRIPT\n>{{title}}<style></style/>{{title}}", "");
    WRONG("<script>{{#open}}</scr{{/open}}ipt>{{title}}", ELSEWHERE);
    WRONG("<title></tit{{title}}le></title>", "'title' stands inside a tag; a value may be that of an attribute, in quotes");
    WRONG("<!--><script>-->{{title}}</script>", IN_SCRIPT);
    WRONG("<!---><script>-->{{title}}</script>", IN_SCRIPT);
    WRONG("<!-- --!><script>-->{{title}}</script>", IN_SCRIPT);
    WRONG("<?--><script>-->{{title}}</script>", IN_SCRIPT);
    WRONG("<!--!> {{title}} -->", "'title' stands in a comment");
    WRONG("<!-- a - b --!-> -- > <script> -->{{title}}", "");
}

WEFT_TEST(a_page_that_breaks_off_is_told)
{
    WRONG("<a href=\"{{title}}>x</a>", "the page ends inside an attribute: a quote lacks");
    WRONG("<a href=\"{{title}}\"", "the page ends inside a tag: a '>' lacks");
    WRONG("<title>{{title}}", "the page ends inside a script, style, title or the like: its end tag lacks");
    WRONG("<!-- x ->", "the page ends inside a comment");
    WRONG("1 < 2 <", "");
}

WEFT_MODEL(Chain, field(weft_str, name), ref(Chain, next));
static const weft_field options_fields[] = { { .name = "o", .name_len = 1, .place = WEFT__field, .type = &(const weft_schema){ .name = "int", .kind = WEFT__list,
    .size = sizeof(weft_list_int), .item_size = sizeof(weft_opt_int), .of = &weft_schema_weft_opt_int } } };
static struct weft__plan *options_plan;
static const weft_schema options_schema = { .name = "Options", .kind = WEFT__model, .size = sizeof(weft_list_int), .fields = options_fields, .count = 1, .plan = &options_plan };

WEFT_TEST(names_sections_and_partials_go_so_deep_and_no_deeper)
{
    weft_template t = { "a.html", &weft_schema_Chain, WEFT_S("{{next.next.next.next.next.next.next.name}}") };
    const weft_template *const one[] = { &t, NULL };
    WEFT_CHECK_STR(faults_of_list(one), "");
    t.text = WEFT_S("{{next.next.next.next.next.next.next.next.name}}");
    WEFT_CHECK_STR(faults_of_list(one), "template a.html:1:1: a name of more than 8 parts\n");
    t = (weft_template){ "a.html", &options_schema, WEFT_S("{{#o}}x{{/o}}") };
    WEFT_CHECK(strstr(faults_of_list(one).ptr, "template a.html:1:1: 'o' is a list of options, which no section can go through\n"));
    weft__model_forget();
    WRONG("<title>{{{title}}}</title>", "'title' stands in a title or textarea as it is; with two braces it is escaped");

    weft_template part[10];
    static char text[10][32], name[10][16];
    const weft_template *list[11] = { NULL };
    for (int i = 0; i < 10; i++) {
        snprintf(name[i], sizeof name[i], "%d.html", i);
        snprintf(text[i], sizeof text[i], i < 9 ? "{{> %d.html}}" : "x", i + 1);
        part[i] = (weft_template){ name[i], i ? NULL : &weft_schema_Chain, weft_str_of(text[i]) };
        list[i] = &part[i];
    }
    WEFT_CHECK_STR(faults_of_list(list), "template 7.html:1:1, in 6.html:1:1, in 5.html:1:1, in 4.html:1:1, in 3.html:1:1, in 2.html:1:1, "
        "in 1.html:1:1, in 0.html:1:1: more than 8 partials in each other\n");
}

WEFT_TEST(templates_have_limits_and_names)
{
    static char many[8 * 4200 + 1], deep[17 * 10 + 1], large[70 * 1024];
    for (size_t i = 0; i < 4200; i++) memcpy(many + 8 * i, "{{name}}", 8);
    for (size_t i = 0; i < 17; i++) memcpy(deep + 10 * i, "{{#owner}}", 10);
    memset(large, 'x', sizeof large - 1);
    WEFT_CHECK(strstr(fault_of(deep).ptr, "more than 16 sections in each other"));
    WEFT_CHECK(strstr(fault_of(large).ptr, "template a.html:1:1: more than 64 KiB with its partials"));
    const weft_template text = { "m.txt", &weft_schema_Maker, weft_str_of(many) };
    WEFT_CHECK(strstr(faults_of_list((const weft_template *const[]){ &text, NULL }).ptr, "more than 4096 tags and pieces of text"));
    const weft_template twice = { "row.html", &weft_schema_Maker, WEFT_S("x") }, nameless = { "", &weft_schema_Maker, WEFT_S("x") };
    WEFT_CHECK_STR(faults_of_list((const weft_template *const[]){ &row_part.page, &twice, &nameless, NULL }), "template row.html: another one has its name\ntemplate without a name\n");
}

WEFT_TEST(any_text_is_compiled_or_refused)
{
    static const char *const pieces[] = { "{{", "}}", "{{title}}", "{{#books}}", "{{/books}}", "{{^owner}}", "{{/owner}}", "{{#tags}}", "{{/tags}}", "{{.}}", "{{> row.html}}", "{{> self.html}}",
        "{{{", "}}}", "{{!", "\n", " ", "<", ">", "\"", "'", "=", "a", "/", "<a href=\"", "<script>", "</script", "<!--", "-->", "<title>", "{{&url}}", "{{a.b.c}}", "{", "}", "\xff" };
    uint64_t state = 7;
    for (int i = 0; i < 3000; i++) {
        char text[400] = "";
        for (int k = 0; k < 14; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            strcat(text, pieces[(state >> 33) % weft_count(pieces)]);
        }
        weft_str faults = fault_of(text);
        if (faults.len) WEFT_CHECK(strstr(faults.ptr, "template ") == faults.ptr);
    }
}

WEFT_MODEL(Endless, list(int, items));
WEFT_TEMPLATE(endless_page, Endless, "endless.html", "{{#items}}0123456789012345678901234567890123456789012345678901234567890123456789{{/items}}");
WEFT_TEMPLATE(bytes_page, Book, "bytes.html", "{{stock}}{{name}}");
static int endless(const shelf_in *in, weft_reply *out)
{
    enum { ITEMS = 400 * 1000 };
    int *items = scratch(ITEMS * sizeof *items);
    (void)in;
    return weft_render(out, endless_page, (&(Endless){ { items, ITEMS, 0 } }));
}
static const weft_app limited = { .openapi_path = "", .templates = WEFT_TEMPLATES(endless_page, bytes_page), .routes = WEFT_ROUTES(WEFT_GET("/endless", endless, shelf_in, weft_reply)) };

WEFT_TEST(a_page_that_is_too_large_is_an_error_that_says_so)
{
    world_capture_begin();
    weft_response r = weft_test_get(&limited, "/endless");
    const char *log = world_capture_end();
    WEFT_CHECK(r.status >= 400);
    WEFT_CHECK(strstr(log, "endless.html: a page of more than 16 MiB") || strstr(log, "more than request_bytes_max leaves"));
}
