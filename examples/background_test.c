/* Tests of background.c. */
#include <weft.h>

extern const weft_app app;

static int read_mail(weft_str *out) { return weft_file_text("mail.txt", 0, out); }
static int read_count(weft_str *out) { return weft_file_text("count.txt", 0, out); }

WEFT_TEST(the_client_is_answered_at_once_and_the_mail_written_behind_it)
{
    weft_str mail = { 0 }, count = { 0 };
    weft_response r = weft_test_post(&app, "/signup/?email=ada@example.org", NULL);
    WEFT_CHECK_JSON(r.body, { "message": "You will hear from us" });
    WEFT_CHECK_EQ(weft_test_ms(), 0);
    WEFT_CHECK_EQ(weft_test_run(read_mail, NULL, &mail), 0);
    WEFT_CHECK_STR(mail, "ada@example.org: welcome, here is news of looms\n");
    WEFT_CHECK_EQ(weft_test_run(read_count, NULL, &count), 0);
    WEFT_CHECK_STR(count, "1\n");
}

WEFT_TEST(who_is_refused_gets_no_mail)
{
    weft_str mail = { 0 };
    WEFT_CHECK_EQ(weft_test_post(&app, "/signup/?email=ada", NULL).status, 422);
    WEFT_CHECK_EQ(weft_test_run(read_mail, NULL, &mail), WEFT_ENOENT);
}

WEFT_TEST(the_mail_is_written_two_seconds_later)
{
    weft_str mail = { 0 };
    weft_test_serve();
    weft_test_post(&app, "/signup/?email=ada@example.org", NULL);
    weft_test_sleep(1999);
    WEFT_CHECK_EQ(weft_test_run(read_mail, NULL, &mail), WEFT_ENOENT);
    weft_test_sleep(2);
    WEFT_CHECK_EQ(weft_test_run(read_mail, NULL, &mail), 0);
}
