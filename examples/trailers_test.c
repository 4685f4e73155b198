/* Tests of trailers.c; what it copies goes to another server of the same application, under the name it asks. */
#include <weft.h>

extern const weft_app app;

WEFT_TEST(an_answer_ends_with_how_many_rows_it_had)
{
    weft_response r = weft_test_get(&app, "/rows/2");
    WEFT_CHECK_STR(r.body, "{\"number\":1}\n{\"number\":2}\n");
    WEFT_CHECK_STR(weft_response_header(&r, "Trailer"), "X-Rows");
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Rows"), "2");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Rows"), "");
    r = weft_test_get(&app, "/rows/0");
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Rows"), "0");
}

WEFT_TEST(a_request_without_trailers_is_taken_too)
{
    weft_response r = weft_test_post(&app, "/take", "{\"number\":1}\n{\"number\":2}\n");
    WEFT_CHECK_JSON(r.body, { "rows": 2 });
}

WEFT_TEST(what_is_copied_is_counted_on_both_sides)
{
    weft_test_upstream("localhost:8000", &app);
    weft_response r = weft_test_post(&app, "/copy/5000", "");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "rows": 5000 });
}
