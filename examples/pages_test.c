/* Tests of pages.c. */
#include <weft.h>

extern const weft_app app;

static weft_response add(const char *body)
{
    const weft_header type = { WEFT_S("Content-Type"), WEFT_S("application/x-www-form-urlencoded") };
    return weft_test_send(&app, "POST", "/notes", &type, 1, body);
}

WEFT_TEST(a_note_is_shown_as_text_whatever_is_in_it)
{
    weft_response r = add("text=%3Cscript%3Ealert(1)%3C/script%3E");
    WEFT_CHECK_EQ(r.status, 303);
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), "/");
    r = weft_test_get(&app, "/");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/html; charset=utf-8");
    WEFT_CHECK_STR(r.body,
        "<!doctype html>\n<meta charset=utf-8>\n<title>Notes &amp; more</title>\n<h1>Notes &amp; more</h1>\n<ul>\n"
        "  <li><a href=\"/notes/1\">&lt;script&gt;alert(1)&lt;/script&gt;</a>\n</ul>\n"
        "<form method=post action=/notes><input name=text><button>Add</button></form>\n");
    WEFT_CHECK_STR(weft_test_get(&app, "/notes/1").body,
        "<!doctype html>\n<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>\n<p>&lt;script&gt;alert(1)&lt;/script&gt;\n");
}

WEFT_TEST(an_empty_board_says_so)
{
    weft_response r = weft_test_get(&app, "/");
    WEFT_CHECK(__builtin_strstr(r.body.ptr, "<ul>\n</ul>\n<p>Nothing here yet.\n") != NULL);
    WEFT_CHECK_EQ(weft_test_get(&app, "/notes/2").status, 404);
}
