#include "web/docs.h"
#include <string.h>
#include "web/docs_assets.h"
#include "web/router.h"

/* The texts of a page's path; the browser asks again where "no-cache" stands, and 304 is the answer. */
#define ASK_AGAIN "no-cache"
#define KEEP "public, max-age=31536000, immutable"    /* its address has the version in it */

WEFT_INPUT(page_in, header(WEFT_OPT(weft_str), if_none_match));

/* ---- answering ---- */

static bool contains(weft_str text, weft_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (memcmp(text.ptr + i, part.ptr, part.len) == 0) return true;
    return false;
}

static bool is_known(const page_in *in, weft_str etag)
{
    if (!in->if_none_match.set || in->if_none_match.null) return false;
    weft_str known = in->if_none_match.value;
    return weft_str_equal(known, WEFT_S("*")) || contains(known, etag);
}

int weft__page_answer(const weft__page *page, const void *in, void *out)
{
    weft_reply *reply = out;
    WEFT_TRY(weft_reply_header(reply, "ETag", "%s", page->etag.ptr));
    WEFT_TRY(weft_reply_header(reply, "Cache-Control", "%s", page->cache));
    if (is_known(in, page->etag)) return weft_reply_status(reply, 304);
    WEFT_TRY(weft_reply_header(reply, "X-Content-Type-Options", "nosniff"));
    if (page->encoding) WEFT_TRY(weft_reply_header(reply, "Content-Encoding", "%s", page->encoding));
    if (page->policy.len)
        WEFT_TRY(weft_reply_header(reply, "Content-Security-Policy", "%s", page->policy.ptr));
    return weft_reply_bytes(reply, page->type, page->bytes);
}

/* Pages run at a place of their own (run.c): this one is never called. */
static int no_handler(const page_in *in, weft_reply *out)
{
    (void)in, (void)out;
    return weft_fail(WEFT_EINVAL, "a page is answered by weft itself");
}

/* ---- planning ---- */

typedef struct planning {
    const weft_app *app;
    weft_arena *arena;
    weft__pages *pages;
    weft__buf *faults;
    bool out_of_memory;
} planning;

static const char *text_of(planning *p, weft_str made)
{
    if (!made.ptr) p->out_of_memory = true;
    return made.ptr ? made.ptr : "";
}

static weft__page *add_page(planning *p, const char *path, const char *name, const char *type)
{
    weft__page *page = &p->pages->items[p->pages->count++];
    *page = (weft__page){ .type = type, .cache = ASK_AGAIN, .route = {
        .method = "GET", .path = path, .name = name, .handler = (weft__fn *)no_handler,
        .in = &weft_schema_page_in, .out = &weft_schema_weft_reply, .undocumented = true, .run = (weft_run_in)WEFT__RUN_PAGE } };
    return page;
}

/* What a page loads stands below it: /docs/swagger-ui.css. */
static void add_asset(planning *p, const char *page_path, const char *file, const char *type,
    const char *version, const char *encoding, weft_str bytes)
{
    const char *path = text_of(p, weft__arena_printf(p->arena, "%s/%s", page_path, file));
    weft__page *page = add_page(p, path, file, type);
    page->encoding = encoding;
    page->cache = KEEP;
    page->etag = weft__arena_printf(p->arena, "\"%s\"", version);
    page->bytes = bytes;
    text_of(p, page->etag);
}

/* A text as HTML has it, also between the quotes of an attribute. */
static const char *html_of(planning *p, const char *text)
{
    char *out = weft__arena_alloc(p->arena, 6 * strlen(text) + 1), *to = out;
    for (; out && *text; text++) {
        const char *said = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;"
            : *text == '"' ? "&quot;" : NULL;
        if (!said) *to++ = *text;
        for (; said && *said; said++) *to++ = *said;
    }
    if (out) *to = 0;
    else p->out_of_memory = true;
    return out ? out : "";
}

/* How a page at `from` reaches the path `to` of the same application, wherever a proxy puts that. */
static const char *relative(planning *p, const char *from, const char *to)
{
    unsigned deep = 0;
    for (const char *c = from + 1; *c; c++) deep += *c == '/';
    char up[3 * WEFT__SEGMENTS_MAX + 3] = "./";
    for (unsigned i = 0; i < deep && i < WEFT__SEGMENTS_MAX; i++) memcpy(up + 3 * i, "../", 4);
    return html_of(p, text_of(p, weft__arena_printf(p->arena, "%s%s", up, to + 1)));
}

/* The beginning of an absolute URL up to its path; empty of any other. */
static weft_str origin_of(const char *url)
{
    size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
    if (!scheme) return (weft_str){ "", 0 };
    return (weft_str){ url, scheme + strspn(url + scheme, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") };
}

/* Origins that the page may ask besides its own: those of the servers that the document names. */
static const char *origins_of(planning *p)
{
    weft_str all = { "", 0 };
    for (const weft_server_doc *s = p->app->servers; s && s->url; s++) {
        weft_str origin = origin_of(s->url);
        if (origin.len) all = weft__arena_printf(p->arena, "%s %.*s", text_of(p, all), WEFT_FMT(origin));
    }
    return text_of(p, all);
}

static const char *title_of(planning *p)
{
    return html_of(p, p->app->title && *p->app->title ? p->app->title : "weft");
}

static const char *last_segment(planning *p, const char *path)
{
    return html_of(p, strrchr(path, '/') + 1);
}

static weft_str sum_of(weft_arena *arena, weft_str text)
{
    uint64_t sum = 14695981039346656037u;    /* FNV-1a */
    for (size_t i = 0; i < text.len; i++) sum = (sum ^ (unsigned char)text.ptr[i]) * 1099511628211u;
    return weft__arena_printf(arena, "\"%016llx\"", (unsigned long long)sum);
}

static void finish_page(planning *p, weft__page *page, weft_str html)
{
    page->bytes = html;
    text_of(p, html);
    page->etag = sum_of(p->arena, html);
    text_of(p, page->etag);
    text_of(p, page->policy);
}

/* ---- Swagger UI ---- */

/* Without a validator: it is another machine's. */
static const weft_str swagger_start = WEFT_S(
    "const place = document.getElementById('swagger-ui');\n"
    "SwaggerUIBundle({ url: place.dataset.url, domNode: place, presets: [SwaggerUIBundle.presets.apis],\n"
    "    layout: 'BaseLayout', deepLinking: true, showExtensions: true, showCommonExtensions: true,\n"
    "    oauth2RedirectUrl: new URL(place.dataset.redirect, location.href).href, validatorUrl: null });\n");

/* Where an identity provider sends the browser back to, in a window of its own: what it said is handed to Swagger UI in the window
 * that opened this one, unless the state is not the one that was sent. RFC 6749, 4.1.2 and 10.12 */
static const weft_str swagger_redirect = WEFT_S(
    "const asked = window.opener && window.opener.swaggerUIRedirectOauth2;\n"
    "const said = new URLSearchParams(location.hash.length > 1 ? location.hash.slice(1) : location.search);\n"
    "function refuse(message) {\n"
    "    asked.errCb({ authId: asked.auth.name, source: 'auth', level: 'error', message });\n"
    "}\n"
    "if (asked) {\n"
    "    const { auth, redirectUrl } = asked, isValid = said.get('state') === asked.state;\n"
    "    if (said.has('error')) refuse(said.get('error') + ': ' + (said.get('error_description') || 'no more was said'));\n"
    "    else if (!isValid) refuse('What came back is not the answer to what was asked (state)');\n"
    "    else if (said.has('code')) {\n"
    "        auth.code = said.get('code');\n"
    "        asked.callback({ auth, redirectUrl });\n"
    "    } else asked.callback({ auth, token: Object.fromEntries(said), isValid, redirectUrl });\n"
    "    window.close();\n"
    "}\n");

static void plan_swagger(planning *p, const char *path, const char *document)
{
    const char *own = last_segment(p, path);
    weft__page *page = add_page(p, path, "Swagger UI", "text/html; charset=utf-8");
    page->policy = weft__arena_printf(p->arena,
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src data:; connect-src 'self'%s; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        origins_of(p));
    finish_page(p, page, weft__arena_printf(p->arena,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>%s - Swagger UI</title>\n<link rel=\"icon\" href=\"data:,\">\n"
        "<link rel=\"stylesheet\" href=\"./%s/swagger-ui.css?" WEFT__SWAGGER_UI "\">\n</head>\n<body>\n"
        "<div id=\"swagger-ui\" data-url=\"%s\" data-redirect=\"./%s/oauth2-redirect\"></div>\n"
        "<script src=\"./%s/swagger-ui-bundle.js?" WEFT__SWAGGER_UI "\"></script>\n"
        "<script src=\"./%s/start.js?" WEFT__SWAGGER_UI "-2\"></script>\n</body>\n</html>\n",
        title_of(p), own, relative(p, path, document), own, own, own));
    add_asset(p, path, "swagger-ui-bundle.js", "text/javascript; charset=utf-8", WEFT__SWAGGER_UI, "gzip",
        WEFT__ASSET(weft__swagger_ui_js));
    add_asset(p, path, "swagger-ui.css", "text/css; charset=utf-8", WEFT__SWAGGER_UI, "gzip",
        WEFT__ASSET(weft__swagger_ui_css));
    add_asset(p, path, "start.js", "text/javascript; charset=utf-8", WEFT__SWAGGER_UI "-2", NULL, swagger_start);
    add_asset(p, path, "oauth2-redirect.js", "text/javascript; charset=utf-8", WEFT__SWAGGER_UI "-2", NULL, swagger_redirect);
    page = add_page(p, text_of(p, weft__arena_printf(p->arena, "%s/oauth2-redirect", path)), "OAuth2 redirect", "text/html; charset=utf-8");
    page->policy = WEFT_S("default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    finish_page(p, page, WEFT_S("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>OAuth2</title>\n</head>\n<body>\n"
        "<script src=\"./oauth2-redirect.js?" WEFT__SWAGGER_UI "-2\"></script>\n</body>\n</html>\n"));
}

/* ---- Redoc ---- */

static void plan_redoc(planning *p, const char *path, const char *document)
{
    const char *own = last_segment(p, path);
    weft__page *page = add_page(p, path, "Redoc", "text/html; charset=utf-8");
    page->policy = weft__arena_printf(p->arena,
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src data:; worker-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'");
    finish_page(p, page, weft__arena_printf(p->arena,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>%s - ReDoc</title>\n<link rel=\"icon\" href=\"data:,\">\n"
        "<style>body { margin: 0; padding: 0; }</style>\n</head>\n<body>\n"
        "<redoc spec-url=\"%s\"></redoc>\n"
        "<script src=\"./%s/redoc.standalone.js?" WEFT__REDOC "\"></script>\n</body>\n</html>\n",
        title_of(p), relative(p, path, document), own));
    add_asset(p, path, "redoc.standalone.js", "text/javascript; charset=utf-8", WEFT__REDOC, "gzip",
        WEFT__ASSET(weft__redoc_js));
}

/* ---- the whole ---- */

static bool path_fits(planning *p, const char *option, const char *path)
{
    weft__pattern pattern;
    const char *why = NULL;
    if (weft__pattern_parse(weft_str_of(path), &pattern, &why) == 0 && pattern.params)
        why = "it cannot have parameters";
    if (!why && path[strlen(path) - 1] == '/') why = "it cannot end with '/'";
    if (why) weft__buf_printf(p->faults, "application: %s '%s': %s\n", option, path, why);
    return !why;
}

/* The path that an option says, NULL for none. */
static const char *path_of(planning *p, const char *option, const char *said, const char *usual)
{
    if (!said) return usual;
    return *said && path_fits(p, option, said) ? said : NULL;
}

int weft__docs_plan(const weft_app *app, weft_arena *arena, weft__pages *out, weft__buf *faults)
{
    planning p = { .app = app, .arena = arena, .pages = out, .faults = faults };
    const char *document = path_of(&p, ".openapi_path", app->openapi_path, "/openapi.json");
    const char *docs = path_of(&p, ".docs_path", app->docs_path, WEFT__HAS_PAGES ? "/docs" : NULL);
    const char *redoc = path_of(&p, ".redoc_path", app->redoc_path, WEFT__HAS_PAGES ? "/redoc" : NULL);
    if ((docs || redoc) && !WEFT__HAS_PAGES)
        weft__buf_printf(faults, "application: %s: this weft was built without its pages (-Ddocs=false)\n",
            docs ? ".docs_path" : ".redoc_path");
    if (!document) return 0;
    add_page(&p, document, "OpenAPI", "application/json");
    if (docs) plan_swagger(&p, docs, document);
    if (redoc) plan_redoc(&p, redoc, document);
    return p.out_of_memory ? WEFT_ENOMEM : 0;
}

int weft__docs_document(weft__pages *pages, weft_arena *arena, weft_str document)
{
    pages->items[0].bytes = document;
    pages->items[0].etag = sum_of(arena, document);
    return pages->items[0].etag.ptr ? 0 : WEFT_ENOMEM;
}

/* Behind what its policy says of connections already. */
static int connect_to(weft__page *page, weft_arena *arena, weft_str origin)
{
    static const char mark[] = "; base-uri";
    const char *end = strstr(page->policy.ptr, mark), *known = strstr(page->policy.ptr, "connect-src");
    for (const char *at = known; at && at + origin.len <= end; at++)
        if (memcmp(at, origin.ptr, origin.len) == 0 && (at[origin.len] == ' ' || at[origin.len] == ';')) return 0;
    weft_str policy = weft__arena_printf(arena, "%.*s %.*s%s", (int)(end - page->policy.ptr), page->policy.ptr, WEFT_FMT(origin), end);
    if (!policy.ptr) return WEFT_ENOMEM;
    page->policy = policy;
    return 0;
}

int weft__docs_connect(weft__pages *pages, weft_arena *arena, const char *url)
{
    weft_str origin = url ? origin_of(url) : (weft_str){ "", 0 };
    for (unsigned i = 0; origin.len && i < pages->count; i++)
        if (strcmp(pages->items[i].route.name, "Swagger UI") == 0) return connect_to(&pages->items[i], arena, origin);
    return 0;
}
