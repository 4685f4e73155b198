/* Tests of forms.c. */
#include <weft.h>

extern const weft_app app;

static weft_response send(const char *path, const char *type, const char *body)
{
    weft_header header = { WEFT_S("Content-Type"), { type, __builtin_strlen(type) } };
    return weft_test_send(&app, "POST", path, &header, 1, body);
}

#define URLENCODED "application/x-www-form-urlencoded"

WEFT_TEST(a_login_takes_name_and_password)
{
    WEFT_CHECK_JSON(send("/login", URLENCODED, "username=ada&password=secret").body, { "name": "ada", "language": null });
    WEFT_CHECK_EQ(send("/login", URLENCODED, "username=ada&password=guess").status, 401);
}

WEFT_TEST(what_a_login_lacks_is_told_with_what_came)
{
    weft_response r = send("/login", URLENCODED, "username=ada");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [{ "type": "missing", "loc": ["body", "password"], "msg": "Field required",
        "input": { "username": "ada" } }] });
}

WEFT_TEST(a_cookie_and_a_header_are_read)
{
    const weft_header headers[] = { { WEFT_S("Cookie"), WEFT_S("theme=dark; session=ada") }, { WEFT_S("Accept-Language"), WEFT_S("eo") } };
    weft_response r = weft_test_send(&app, "GET", "/me", headers, weft_count(headers), NULL);
    WEFT_CHECK_JSON(r.body, { "name": "ada", "language": "eo" });
    WEFT_CHECK_EQ(weft_test_get(&app, "/me").status, 422);
}

WEFT_TEST(a_language_is_kept_in_a_cookie)
{
    weft_response r = weft_test_send(&app, "PUT", "/language?language=eo", NULL, 0, NULL);
    WEFT_CHECK_EQ(r.status, 204);
    WEFT_CHECK_STR(weft_response_header(&r, "Set-Cookie"), "language=eo; Path=/; Max-Age=31536000; SameSite=Lax");
}

WEFT_TEST(a_picture_is_read_in_pieces)
{
    weft_response r = send("/pictures", "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nholiday\r\n"
        "--x\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"beach.jpg\"\r\nContent-Type: image/jpeg\r\n\r\nsand\r\n"
        "--x\r\nContent-Disposition: form-data; name=\"attachments\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n"
        "--x--\r\n");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "title": "holiday", "filename": "beach.jpg", "type": "image/jpeg", "bytes": 4, "attachments": 0 });
}

WEFT_TEST(the_page_has_a_form)
{
    weft_response r = weft_test_get(&app, "/");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK(__builtin_strstr(r.body.ptr, "multipart/form-data") != NULL);
}

WEFT_TEST(a_form_is_sent_as_a_browser_does_and_cookies_are_kept)
{
    weft_response r = weft_test_form(&app, "/pictures", weft_test_field("title", "A loom"),
        weft_test_file("picture", "loom.png", "image/png", WEFT_S("\x89PNG")));
    WEFT_CHECK_JSON(r.body, { "title": "A loom", "filename": "loom.png", "type": "image/png", "bytes": 4, "attachments": 0 });
    weft_test_send(&app, "PUT", "/language?language=eo", NULL, 0, NULL);
    WEFT_CHECK_STR(weft_test_cookie(&app, "language"), "eo");
}
