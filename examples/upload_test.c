/* Tests of upload.c; the rows that it exports go to another server of the same application, under the name it asks. */
#include <weft.h>

extern const weft_app app;

WEFT_TEST(rows_are_summed_up_as_they_come)
{
    weft_response r = weft_test_post(&app, "/import", "{\"number\":1,\"price\":2.5}\n\n{\"number\":2,\"price\":4}");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "rows": 2, "sum": 6.5 });
    WEFT_CHECK_JSON(weft_test_send(&app, "POST", "/import", NULL, 0, NULL).body, { "rows": 0, "sum": 0 });
}

WEFT_TEST(a_row_that_is_none_is_told_with_its_number)
{
    weft_response r = weft_test_post(&app, "/import", "{\"number\":1,\"price\":2.5}\n{\"number\":2,\"price\":-4}\n{}");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": "line 2 of the body is no Order: body.price: Input should be greater than or equal to 0" });
}

WEFT_TEST(rows_are_sent_while_they_are_made)
{
    weft_test_upstream("localhost:8000", &app);
    weft_response r = weft_test_post(&app, "/export/20000", "");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "rows": 20000, "sum": 100005000 });
}
