/* A folder of files as a route. */
#include <string.h>
#include "pairs.h"
#include "task/world.h"
#include "web/app.h"

static int api(const weft_none *in, int *out) { (void)in; *out = 1; return 0; }

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_STATIC("/assets", "dist"),
    WEFT_GET("/api", api, weft_none, int),
    WEFT_STATIC("", "dist", .fallback = "index.html")) };

static int make_files(void)
{
    WEFT_TRY(weft_dir_make("dist/docs/.git", .parents = true));
    WEFT_TRY(weft_dir_make("dist/.well-known", .parents = true));
    WEFT_TRY(weft_file_save("secret.txt", WEFT_S("secret")));
    WEFT_TRY(weft_file_save("dist/index.html", WEFT_S("<h1>start")));
    WEFT_TRY(weft_file_save("dist/docs/index.html", WEFT_S("<h1>docs")));
    WEFT_TRY(weft_file_save("dist/docs/a b.js", WEFT_S("let a")));
    WEFT_TRY(weft_file_save("dist/docs/.git/config", WEFT_S("secret")));
    WEFT_TRY(weft_file_save("dist/.env", WEFT_S("secret")));
    WEFT_TRY(weft_file_save("dist/.well-known/x", WEFT_S("known")));
    WEFT_TRY(weft_dir_make("dist/bare"));
    return weft_sleep_ms(2000);
}

static weft_response ask(const char *method, const char *path, const char *header)
{
    pair p = { method, path, header, NULL, 0, NULL };
    static bool made;
    if (!made) WEFT_NEED(weft_test_run(make_files) == 0);
    made = true;
    return pair_send(&app, &p);
}

static void gives(int line, const char *path, const char *type, const char *body)
{
    weft_response r = ask("GET", path, NULL);
    if (r.status != 200) weft__check_fail(__FILE__, line, "%s gives %d", path, r.status);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), type);
    WEFT_CHECK_STR(weft_response_header(&r, "X-Content-Type-Options"), "nosniff");
    WEFT_CHECK_STR(r.body, body);
}

WEFT_TEST(files_of_a_folder_are_answered_by_their_paths)
{
    gives(__LINE__, "/assets/docs/a%20b.js", "text/javascript; charset=utf-8", "let a");
    gives(__LINE__, "/assets/index.html", "text/html; charset=utf-8", "<h1>start");
    gives(__LINE__, "/assets/.well-known/x", "application/octet-stream", "known");
    weft_response r = ask("GET", "/assets/docs/a%20b.js", "Range: bytes=1-2");
    WEFT_CHECK_EQ(r.status, 206);
    WEFT_CHECK_STR(r.body, "et");
    WEFT_CHECK_EQ(ask("GET", "/assets/index.html", "If-None-Match: *").status, 304);
    WEFT_CHECK_EQ(ask("POST", "/assets/index.html", NULL).status, 405);
    WEFT_CHECK_JSON(ask("GET", "/api", NULL).body, 1);
}

WEFT_TEST(a_folder_is_its_index_and_is_never_listed)
{
    gives(__LINE__, "/", "text/html; charset=utf-8", "<h1>start");
    gives(__LINE__, "/assets/", "text/html; charset=utf-8", "<h1>start");
    gives(__LINE__, "/assets/docs/", "text/html; charset=utf-8", "<h1>docs");
    weft_response r = ask("GET", "/assets/docs?v=%31", NULL);
    WEFT_CHECK_EQ(r.status, 307);
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), "/assets/docs/?v=%31");
    WEFT_CHECK_EQ(ask("GET", "/assets/bare/", NULL).status, 404);
    r = ask("GET", "/assets", NULL);
    WEFT_CHECK(r.status == 404 || r.status == 307);
}

WEFT_TEST(what_is_outside_or_hidden_is_not_found)
{
    static const char *const paths[] = { "/assets/../secret.txt", "/assets/%2e%2e/secret.txt", "/assets/..%2fsecret.txt", "/assets/docs/../../secret.txt", "/assets//secret.txt",
        "/assets/%2fsecret.txt", "/assets/.env", "/assets/docs/.git/config", "/assets/docs%2f.git%2fconfig", "/assets/./.env", "/assets/none", "/assets/index.html/", "/assets/index.html/x",
        "/assets/.well-known/../.env", "//docs", "//evil.example/docs", "/../secret.txt", "/.env" };
    world_capture_begin();
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = ask("GET", paths[i], NULL);
        if (r.status != 404) weft__check_fail(__FILE__, __LINE__, "%s gives %d: %.*s", paths[i], r.status, WEFT_FMT(r.body));
    }
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    weft_response r = ask("GET", "/assets/a%00b", NULL);
    WEFT_CHECK(r.status >= 400 && r.status < 500);
}

WEFT_TEST(who_wants_a_page_gets_the_fallback_for_what_is_not_there)
{
    const char *page = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";
    weft_response r = ask("GET", "/orders/7", page);
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/html; charset=utf-8");
    WEFT_CHECK_STR(r.body, "<h1>start");
    WEFT_CHECK_EQ(ask("GET", "/orders/7", "Accept: application/json").status, 404);
    WEFT_CHECK_EQ(ask("GET", "/orders/7", NULL).status, 404);
    WEFT_CHECK_EQ(ask("GET", "/.env", page).status, 404);
    WEFT_CHECK_EQ(ask("GET", "/assets/none", page).status, 404);
}

WEFT_TEST(caches_are_told_what_a_fallback_depends_on)
{
    const char *page = "Accept: text/html";
    weft_response r = ask("GET", "/orders/7", page);
    WEFT_CHECK_STR(weft_response_header(&r, "Vary"), "Accept");
    r = ask("GET", "/orders/7", NULL);
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_STR(weft_response_header(&r, "Vary"), "Accept");
    r = ask("GET", "/index.html", page);
    WEFT_CHECK_STR(weft_response_header(&r, "Vary"), "");
    r = ask("GET", "/assets/none", page);
    WEFT_CHECK_STR(weft_response_header(&r, "Vary"), "");
}

/* ---- URLs ---- */

WEFT_INPUT(url_in, query(weft_str, name), query(weft_str, path), request(request));
static int url(const url_in *in, weft_str *out) { return weft_url_for(in->request, in->name.ptr, weft_static_in, &(weft_static_in){ in->path }, out); }
static const weft_app linked = { .openapi_path = "", .routes = WEFT_ROUTES(WEFT_STATIC("/assets", "dist"), WEFT_STATIC("/more", "dist", .url_name = "more"),
    WEFT_GET("/url", url, url_in, weft_str)) };

WEFT_TEST(files_of_a_folder_have_urls)
{
    PAIRS(&linked, { "GET", "/url?name=static&path=docs/a+b.js", 0, 0, 200, "\"/assets/docs/a%20b.js\"" },
        { "GET", "/url?name=more&path=", 0, 0, 200, "\"/more/\"" }, { "GET", "/url?name=static&path=../secret", 0, 0, 500, 0 });
    (void)ask("GET", "/api", NULL);
    WEFT_CHECK_STR(weft_test_get(&linked, "/assets/docs/a%20b.js").body, "let a");
}

static const weft_app faulty = { .routes = WEFT_ROUTES(
    WEFT_STATIC("/a", ""),
    WEFT_STATIC("/b/", "dist"),
    WEFT_STATIC("/", "dist"),
    WEFT_GET("/c", api, weft_none, int, .fallback = "index.html")) };

WEFT_TEST(folders_that_cannot_be_served_are_told_at_the_start)
{
    weft__buf faults;
    weft__app *compiled = NULL;
    weft__buf_init(&faults, 4096);
    WEFT_CHECK_EQ(weft__app_compile(&faulty, &compiled, &faults), WEFT_EINVAL);
    WEFT_CHECK_STR(weft__buf_str(&faults),
        "route GET /a/{path:path}: an empty folder or fallback; expected a path\n"
        "route GET /b//{path:path}: the path of WEFT_STATIC ends with '/'; expected one like \"/assets\", or \"\" for the whole site\n"
        "route GET //{path:path}: the path of WEFT_STATIC ends with '/'; expected one like \"/assets\", or \"\" for the whole site\n"
        "route GET /c: folder and fallback are for WEFT_STATIC, which runs at a place of its own\n");
    weft__buf_free(&faults);
    weft__app_free(compiled);
}
