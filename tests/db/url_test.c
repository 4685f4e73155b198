/* URLs of databases that are wrong, or passwords in them that are not encoded: what is told has no password in it. */
#include "db/url.h"
#include "db_world.h"

static int told(const char *url)
{
    weft_db *db = NULL;
    return weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1 });
}

static bool hushes(int rc)
{
    const char *text = weft_error_of(rc)->text, *trace = weft_error_of(rc)->trace;
    bool shown = strstr(text, "s3") || strstr(text, "cr3t") || strstr(trace, "cr3t");
    if (shown) fprintf(stderr, "  the text of %d is: %s\n", rc, text);
    return !shown;
}

/* Port 1 answers to nobody; what is refused before is refused with a word about what to write. */
static int passwords(void)
{
    static const char *const schemes[] = {
#if WEFT__HAS_POSTGRES
        "postgresql://", "postgres://",
#endif
#if WEFT__HAS_MARIADB
        "mysql://",
#endif
    };
    static const char *const hostile[] = { "u:s3/cr3t@127.0.0.1:1/db", "u:s3?cr3t@127.0.0.1:1/db", "u:s3@cr3t/x@127.0.0.1:1/db", "u:1/s3/cr3t@127.0.0.1:1/db", "u:1?s3=cr3t@127.0.0.1:1/db",
        "u:s3:cr3t@127.0.0.1:x/db", "u:s3%zzcr3t@127.0.0.1:1/db", "u:s3%00cr3t@127.0.0.1:1/db", "u:cr3t@127.0.0.1:1/db?nonsense=1", "127.0.0.1:1/db?user=u&password=s3%zzcr3t", "127.0.0.1:1/db?user=u&password=cr3t&cr3t2",
        "127.0.0.1:1/db?user=u&%70assword=cr3t", "127.0.0.1:1/db?user=u&password=p@cr3t", "127.0.0.1:1/db?user=u&password=cr3t&sslmode=none", "u:cr3t@[::1:1/db", "u:cr3t@[]:1/db", "u:cr3t@127.0.0.1:1/db" };
    for (size_t i = 0; i < weft_count(schemes); i++)
        for (size_t k = 0; k < weft_count(hostile); k++) {
            char url[200];
            snprintf(url, sizeof url, "%s%s", schemes[i], hostile[k]);
            int rc = told(url);
            WEFT_CHECK(rc == WEFT_EINVAL || rc == WEFT_EDB_AWAY);
            WEFT_CHECK(hushes(rc));
            if (k < 2) WEFT_CHECK(rc == WEFT_EINVAL && db_says(rc, "%2F"));
        }
    static const char *const none[] = { "postgresql:u:cr3t@127.0.0.1/db", "u:cr3t@127.0.0.1", "u:cr3t://127.0.0.1/db", "cr3t@x://y", "odd://u:cr3t@x/y" };
    for (size_t i = 0; i < weft_count(none); i++) {
        WEFT_CHECK_EQ(told(none[i]), WEFT_EINVAL);
        WEFT_CHECK(hushes(WEFT_EINVAL));
    }
    return 0;
}

WEFT_TEST(what_is_told_of_a_url_has_no_password_in_it) { world_epoll(weft_call(passwords)); }

WEFT_TEST(urls_are_shown_without_passwords)
{
    static const char *const shown[][2] = {
        { "postgresql://u:se/c@ret?x@host:5432/db", "postgresql://u:@host:5432/db" }, { "postgresql://u@host/db", "postgresql://u@host/db" }, { "postgresql://host:5432/db", "postgresql://host:5432/db" },
        { "mysql://host/db?password=se&user=u", "mysql://host/db?password=&user=u" }, { "mysql://host/db?user=u&password=a&b&sslmode=require", "mysql://host/db?user=u&password=&sslmode=require" },
        { "mysql://host/db?password=a&b", "mysql://host/db?password=" }, { "mysql://host/db?sslpassword=x&p%61ssword=y", "mysql://host/db?sslpassword=&p%61ssword=" }, { "sqlite:///a:b.db", "sqlite:///a:b.db" }, 
        { "mysql://host:1/db?user=u&password=p@ss&sslmode=require", "mysql://host:&sslmode=require" }, { "x", "x" }, { "", "" } };
    for (size_t i = 0; i < weft_count(shown); i++) {
        char url[100];
        snprintf(url, sizeof url, "%s", shown[i][0]);
        weft__db_url_hide(url);
        WEFT_CHECK_STR(weft_str_of(url), shown[i][1]);
    }
}

WEFT_TEST(a_url_that_cannot_be_meant_is_told_from_one_that_can)
{
    static const char *const fine[] = { "", "h", "h:1", "h:1/db", "h:1,i:2/db", "[::1]:5432/db", "[::1]", "u:p@h:1/db?x=a@b", "u:p@x@h", "/db?host=/run/x@y", "%2Frun%2Fpg/db", "u@/db", "h:/db" };
    static const char *const bad[] = { "u:p/w@h/db", "u:p?w@h/db", "u:1/w@h", "u@h:x", "[::1]:y", "h:1,i:z" };
    for (size_t i = 0; i < weft_count(fine); i++) WEFT_CHECK(weft__db_url_fault(weft_str_of(fine[i])) == NULL);
    for (size_t i = 0; i < weft_count(bad); i++) WEFT_CHECK(weft__db_url_fault(weft_str_of(bad[i])) != NULL);
}

/* ---- what no driver is there for ---- */

static int too_long(void)
{
    static char url[6000];
    memset(url, 'x', sizeof url - 1);
    memcpy(url, "postgresql://", 13);
    WEFT_CHECK_EQ(told(url), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "5999 bytes") && !strstr(weft_error_of(WEFT_EINVAL)->text, "built without"));
    WEFT_CHECK_EQ(told("mongodb://host/db"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "no database for 'mongodb://'"));
    return 0;
}

WEFT_TEST(a_url_that_is_too_long_is_told_as_that) { world_epoll(weft_call(too_long)); }
