/* A database whose library was not there when weft was built is refused by its name; one that is there is not. tests/tools/features_test.sh builds without them. */
#include <stdio.h>
#include <string.h>
#include "db/features.h"
#include "task/world.h"
#include "weft/db.h"

static int refused(void)
{
    static const struct { const char *url, *says; bool here; } all[] = {
        { "sqlite://cr3t.db", "this weft was built without SQLite (Debian: libsqlite3-dev)", WEFT__HAS_SQLITE },
        { "postgresql://u:cr3t@host:x/shop", "this weft was built without PostgreSQL (Debian: libpq-dev)", WEFT__HAS_POSTGRES },
        { "postgres://u:cr3t@host:x/shop", "this weft was built without PostgreSQL (Debian: libpq-dev)", WEFT__HAS_POSTGRES },
        { "mysql://u:cr3t@host:x/shop", "this weft was built without MariaDB (Debian: libmariadb-dev)", WEFT__HAS_MARIADB },
        { "mariadb://u:cr3t@host:x/shop", "this weft was built without MariaDB (Debian: libmariadb-dev)", WEFT__HAS_MARIADB },
    };
    for (size_t i = 0; i < weft_count(all); i++) {
        weft_db *db = NULL;
        WEFT_CHECK_EQ(weft_db_connect(all[i].url, &db), WEFT_EINVAL);
        const char *text = weft_error_of(WEFT_EINVAL)->text;
        WEFT_CHECK(!db && strstr(text, "weft_db_connect"));
        if (!WEFT_CHECK_EQ(strstr(text, all[i].says) == NULL, all[i].here) || (!all[i].here && !WEFT_CHECK(!strstr(text, "cr3t")))) fprintf(stderr, "  of %s: %s\n", all[i].url, text);
    }
    return 0;
}

WEFT_TEST(a_database_that_was_left_out_is_refused_by_its_name) { world_epoll(weft_call(refused)); }
