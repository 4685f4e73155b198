/* Tests of site.c: the disk of a test is empty at first. */
#include <weft.h>

extern const weft_app app;

static int make_files(void)
{
    WEFT_TRY(weft_dir_make("site"));
    WEFT_TRY(weft_dir_make("reports"));
    WEFT_TRY(weft_file_save("site/index.html", WEFT_S("<h1>Looms</h1>")));
    return weft_file_save("reports/2024.csv", WEFT_S("item,sold\nloom,3\n"));
}

static weft_response get_with(const char *path, weft_str name, weft_str value)
{
    weft_header header = { name, value };
    return weft_test_send(&app, "GET", path, &header, 1, NULL);
}

WEFT_TEST(a_report_is_kept_under_its_name)
{
    WEFT_CHECK_EQ(weft_test_run(make_files), 0);
    weft_response r = weft_test_get(&app, "/reports/2024.csv");
    WEFT_CHECK_STR(r.body, "item,sold\nloom,3\n");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/csv; charset=utf-8");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Disposition"), "attachment; filename=\"2024.csv\"");
    WEFT_CHECK_EQ(weft_test_get(&app, "/reports/2023.csv").status, 404);
    WEFT_CHECK_EQ(weft_test_get(&app, "/reports/..%2Fsite%2Findex.html").status, 404);
}

WEFT_TEST(a_report_is_sent_in_part_or_not_again)
{
    WEFT_CHECK_EQ(weft_test_run(make_files), 0);
    weft_response r = get_with("/reports/2024.csv", WEFT_S("Range"), WEFT_S("bytes=10-"));
    WEFT_CHECK_EQ(r.status, 206);
    WEFT_CHECK_STR(r.body, "loom,3\n");
    WEFT_CHECK_EQ(get_with("/reports/2024.csv", WEFT_S("If-None-Match"), weft_response_header(&r, "ETag")).status, 304);
}

WEFT_TEST(the_site_is_its_folder)
{
    WEFT_CHECK_EQ(weft_test_run(make_files), 0);
    WEFT_CHECK_STR(weft_test_get(&app, "/").body, "<h1>Looms</h1>");
    WEFT_CHECK_STR(get_with("/looms/7", WEFT_S("Accept"), WEFT_S("text/html")).body, "<h1>Looms</h1>");
    WEFT_CHECK_EQ(weft_test_get(&app, "/looms/7").status, 404);
}
