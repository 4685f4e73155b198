#include "db_world.h"
#include <unistd.h>
#include "testing/folder.h"
#include "testing/verdict.h"

const char *db_url;

void db_on_file(weft_call body)
{
    WEFT_NEED(chdir(weft__test_folder(WEFT__ON_DISK)) == 0);
    db_url = "sqlite:///test.db";
    world_epoll(body);
    WEFT_CHECK_EQ(chdir("/"), 0);
}

void db_in_memory(weft_call body)
{
    db_url = "sqlite://:memory:";
    world_epoll(body);
}

void db_in_sim(weft_call body)
{
    db_url = "sqlite://:memory:";
    world_sim(body);
}

weft_db *db_with_tables(void)
{
    weft_db *db = NULL;
    WEFT_NEED(weft_db_connect(db_url, &db, .acquire_ms = 60000, .statement_ms = 60000) == 0);
    WEFT_NEED(weft_db_script(db,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (length(name) < 50), email TEXT UNIQUE);"
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), cents INTEGER);") == 0);
    return db;
}
