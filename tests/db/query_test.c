/* Statements, their failures, lists, batches, scripts. */
#include "db_world.h"

WEFT_MODEL(User, field(int64_t, id), field(weft_str, name), opt(weft_str, email));
WEFT_MODEL(NewUser, field(weft_str, name), opt(weft_str, email));

DB_TEST(what_was_inserted_is_found_changed_and_removed)
{
    weft_db *db = db_with_tables();
    User u;
    weft_list_User all;
    WEFT_TRY(weft_db_one(db, User, &u, "INSERT INTO users (name, email) VALUES (:name, :email) RETURNING *", weft_fields(NewUser, (&(NewUser){ .name = WEFT_S("Ada") }))));
    WEFT_CHECK(u.id == 1 && !u.email.set);
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ({}), ({})", "Alan", WEFT_S("Grace")), 2);
    WEFT_CHECK_EQ(weft_db_execute(db, "UPDATE users SET email = {} WHERE id = {}", "ada@example.com", u.id), 1);
    WEFT_CHECK_EQ(weft_db_execute(db, "UPDATE users SET email = {} WHERE id = {}", "x", 77), 0);
    WEFT_TRY(weft_db_all(db, User, &all, "SELECT * FROM users ORDER BY id"));
    WEFT_NEED(all.count == 3);
    WEFT_CHECK_STR(all.items[0].email.value, "ada@example.com");
    WEFT_CHECK_STR(all.items[2].name, "Grace");
    WEFT_CHECK_EQ(weft_db_execute(db, "DELETE FROM users WHERE id > {}", 1), 2);
    WEFT_TRY(weft_db_all(db, User, &all, "SELECT * FROM users WHERE id > 1"));
    WEFT_CHECK_EQ(all.count, 0);
    WEFT_CHECK_EQ(weft_db_execute(db, "CREATE TABLE t (a INTEGER)"), 0);
    return weft_db_close(db, 0);
}

DB_TEST(each_constraint_has_its_code_and_names_itself)
{
    weft_db *db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name, email) VALUES ('a', 'e')"), 1);
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name, email) VALUES ('b', 'e')"), WEFT_EDB_UNIQUE);
    WEFT_CHECK(db_says(WEFT_EDB_UNIQUE, "email") && db_says(WEFT_EDB_UNIQUE, "INSERT INTO users"));
    WEFT_CHECK_EQ(weft_error_of(WEFT_EDB_UNIQUE)->status, 409);
    WEFT_CHECK(strstr(weft_error_of(WEFT_EDB_UNIQUE)->trace, "query_test.c") != NULL);
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (id, name) VALUES (1, 'b')"), WEFT_EDB_UNIQUE);
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ({})", weft_null), WEFT_EDB_CHECK);
    WEFT_CHECK(db_says(WEFT_EDB_CHECK, "name"));
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ({})", "a name that is longer than what the table has room for, by far"), WEFT_EDB_CHECK);
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO orders (user_id) VALUES (7)"), WEFT_EDB_REFERENCE);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELEC 1"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "SELEC") && db_says(WEFT_EDB, "syntax"));
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT * FROM nowhere"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "nowhere"));
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT 1; SELECT 2"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT 1; DROP TABLE users"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT 1; -- no more\n ;"), 0);
    WEFT_CHECK_EQ(weft_db_execute(db, " -- nothing"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, ""), WEFT_EINVAL);
    return weft_db_close(db, 0);
}

DB_TEST(a_name_in_double_quotes_is_a_column_or_a_failure_and_no_text)
{
    weft_db *db = db_with_tables();
    weft_str name;
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('Ada')"), 1);
    WEFT_TRY(weft_db_value(db, weft_str, &name, "SELECT \"name\" FROM users WHERE \"id\" = 1"));
    WEFT_CHECK_STR(name, "Ada");
    WEFT_CHECK_EQ(weft_db_value(db, weft_str, &name, "SELECT \"nmae\" FROM users"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "nmae"));
    WEFT_CHECK_EQ(weft_db_execute(db, "DELETE FROM users WHERE name <> \"Ben\""), WEFT_EDB);
    return weft_db_close(db, 0);
}

DB_TEST(what_would_change_a_shared_connection_is_refused)
{
    static const char *const refused[] = { "BEGIN", "COMMIT", "ROLLBACK", "END", "SAVEPOINT a", "RELEASE a", "ATTACH 'x.db' AS x", "DETACH main", "BEGIN IMMEDIATE" };
    weft_db *db = db_with_tables();
    for (size_t i = 0; i < weft_count(refused); i++) {
        WEFT_CHECK_EQ(weft_db_execute_with(db, &(weft_sql){ .sql = refused[i], .place = WEFT__HERE }), WEFT_EDB);
        WEFT_CHECK_EQ(weft_db_script(db, refused[i]), WEFT_EDB);
    }
    WEFT_CHECK(db_says(WEFT_EDB, "WEFT_TRANSACTION"));
    return weft_db_close(db, 0);
}

DB_TEST(a_row_that_does_not_fit_undoes_what_its_statement_changed)
{
    weft_db *db = db_with_tables();
    User u;
    int64_t n;
    WEFT_CHECK_EQ(weft_db_one(db, User, &u, "INSERT INTO users (name) VALUES ('a'), ('b') RETURNING *"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_one(db, User, &u, "INSERT INTO users (name) VALUES ('a') RETURNING id"), WEFT_EDB);
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(n, 0);
    return weft_db_close(db, 0);
}

DB_TEST(a_batch_is_all_or_nothing_and_names_the_item)
{
    weft_db *db = db_with_tables();
    static NewUser many[1000];
    char names[1000][8];
    int64_t n;
    for (int i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof names[i], "u%d", i);
        many[i] = (NewUser){ .name = weft_str_of(names[i]), .email = WEFT_SOME(weft_str_of(names[i])) };
    }
    WEFT_CHECK_EQ(weft_db_each(db, NewUser, many, 1000, "INSERT INTO users (name, email) VALUES (:name, :email)"), 1000);
    many[999].email.value = WEFT_S("fresh");
    many[500].email.value = WEFT_S("u3");
    WEFT_CHECK_EQ(weft_db_execute(db, "DELETE FROM users WHERE id > 10"), 990);
    WEFT_CHECK_EQ(weft_db_each(db, NewUser, many + 10, 990, "INSERT INTO users (name, email) VALUES (:name, :email)"), WEFT_EDB_UNIQUE);
    WEFT_CHECK(db_says(WEFT_EDB_UNIQUE, "item 490 of 990"));
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(n, 10);
    WEFT_CHECK_EQ(weft_db_each(db, NewUser, many, 0, "INSERT INTO users (name) VALUES (:name)"), 0);
    WEFT_CHECK_EQ(weft_db_each(db, NewUser, many, 1, "INSERT INTO users (name) VALUES ({})"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_each(db, NewUser, many, 1, "INSERT INTO users (name) VALUES (:nme)"), WEFT_EINVAL);
    return weft_db_close(db, 0);
}

DB_TEST(a_script_is_all_or_nothing)
{
    weft_db *db = db_with_tables();
    int64_t n;
    WEFT_CHECK_EQ(weft_db_script(db, "INSERT INTO users (name) VALUES ('a'); INSERT INTO nowhere VALUES (1)"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "nowhere"));
    WEFT_CHECK_EQ(weft_db_script(db, "INSERT INTO users (name) VALUES ('a'); SELECT 1; -- done"), 0);
    WEFT_CHECK_EQ(weft_db_script(db, ""), 0);
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(n, 1);
    return weft_db_close(db, 0);
}

DB_TEST(rows_past_the_memory_of_a_request_fail_by_name)
{
    weft_db *db = db_with_tables();
    weft_list_User all = { 0 };
    weft_arena small, *before;
    weft__arena_init(&small, NULL, 1 << 20);
    before = weft__arena_swap(&small);
    WEFT_CHECK_EQ(weft_db_all(db, User, &all,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i AS id, 'a text of some length, so that many of them fill the memory there is' AS name FROM n"), WEFT_ELIMIT);
    WEFT_CHECK(db_says(WEFT_ELIMIT, "weft_db_rows") || db_says(WEFT_ELIMIT, "memory"));
    weft__arena_swap(before);
    weft__arena_free(&small);
    WEFT_CHECK_EQ(all.count, 0);
    return weft_db_close(db, 0);
}

/* Of a task that lives for long: of its memory is taken what came of statements, and nothing else. */
DB_TEST(who_asks_for_numbers_in_a_loop_takes_no_memory)
{
    weft_db *db = db_with_tables();
    weft_arena *mine = weft__arena_here();
    int64_t n = 0;
    weft_list_User none;
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('Ada')"), 1);
    char *at = weft_alloc(16);
    WEFT_NEED(at != NULL);
    size_t bytes = mine->bytes;
    for (int i = 0; i < 200; i++) {
        NewUser as = { .name = WEFT_S("Grace") };
        WEFT_CHECK_EQ(weft_db_execute(db, "UPDATE users SET name = {} WHERE id = {}", "Alan", 1), 1);
        WEFT_CHECK_EQ(weft_db_execute(db, "UPDATE users SET name = :name WHERE id = {}", weft_fields(NewUser, &as), 1), 1);
        WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users WHERE name = {}", "Grace"));
        WEFT_CHECK_EQ(n, 1);
        WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT id FROM users WHERE name = {}", "nobody"), WEFT_ENOENT);
        WEFT_TRY(weft_db_all(db, User, &none, "SELECT * FROM users WHERE name = {}", "nobody"));
    }
    WEFT_CHECK_EQ(mine->bytes, bytes);
    WEFT_CHECK(weft_alloc(16) == at + 16);
    return weft_db_close(db, 0);
}

DB_TEST(what_came_of_a_statement_stays_when_others_follow)
{
    weft_db *db = db_with_tables();
    User first, second;
    weft_list_User all;
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name, email) VALUES ('Ada', 'a@b.c'), ('Grace', 'g@b.c')"), 2);
    WEFT_TRY(weft_db_one(db, User, &first, "SELECT * FROM users WHERE name = {}", "Ada"));
    char *mine = weft_alloc(100);
    WEFT_NEED(mine != NULL);
    memset(mine, 'x', 100);
    WEFT_TRY(weft_db_all(db, User, &all, "SELECT * FROM users ORDER BY id"));
    WEFT_TRY(weft_db_one(db, User, &second, "SELECT * FROM users WHERE name = {}", "Grace"));
    memset(weft_alloc(400), 'y', 400);
    WEFT_CHECK_STR(first.name, "Ada");
    WEFT_CHECK_STR(first.email.value, "a@b.c");
    WEFT_CHECK_STR(second.name, "Grace");
    WEFT_CHECK(all.count == 2 && mine[0] == 'x' && mine[99] == 'x');
    WEFT_CHECK_STR(all.items[0].email.value, "a@b.c");
    WEFT_CHECK_STR(all.items[1].name, "Grace");
    return weft_db_close(db, 0);
}

DB_TEST(a_table_that_changes_is_read_as_it_is_now)
{
    weft_db *db = db_with_tables();
    User u;
    WEFT_CHECK_EQ(weft_db_execute(db, "CREATE TABLE moved (name TEXT, id INTEGER)"), 0);
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO moved VALUES ('a', 1)"), 1);
    WEFT_TRY(weft_db_one(db, User, &u, "SELECT * FROM moved"));
    WEFT_TRY(weft_db_script(db, "DROP TABLE moved; CREATE TABLE moved (extra INTEGER, id INTEGER, name TEXT); INSERT INTO moved VALUES (0, 2, 'b')"));
    WEFT_TRY(weft_db_one(db, User, &u, "SELECT * FROM moved"));
    WEFT_CHECK_EQ(u.id, 2);
    WEFT_CHECK_STR(u.name, "b");
    return weft_db_close(db, 0);
}

typedef struct asked { weft_db *db; int n; } asked;

static int read_own_write(const asked *in)
{
    int64_t id, back;
    WEFT_TRY(weft_db_value(in->db, int64_t, &id, "INSERT INTO orders (user_id, cents) VALUES (1, {}) RETURNING id", in->n));
    WEFT_TRY(weft_db_value(in->db, int64_t, &back, "SELECT cents FROM orders WHERE id = {}", id));
    WEFT_CHECK_EQ(back, in->n);
    return 0;
}

DB_TEST(many_tasks_at_once_each_read_what_they_wrote)
{
    weft_db *db = db_with_tables();
    int64_t n;
    WEFT_TRY(weft_db_execute(db, "INSERT INTO users (id, name) VALUES (1, 'a')") == 1 ? 0 : -1);
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 200; i++) weft_spawn(s, read_own_write, (&(asked){ db, i }));
        WEFT_TRY(weft_join(s));
    }
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM orders"));
    WEFT_CHECK_EQ(n, 200);
    return weft_db_close(db, 0);
}

typedef struct written { weft_db *db; int n, *rc; } written;

static int write_one(const written *in)
{
    if (in->n % 7 == 3) *in->rc = weft_db_execute(in->db, "INSERT INTO users (name, email) VALUES ({}, 'taken')", in->n);
    else if (in->n % 7 == 5) *in->rc = weft_db_execute(in->db, "INSERT INTO late VALUES ({})", in->n + 1000000);
    else if (in->n % 7 == 6) *in->rc = weft_db_execute_with(in->db, &(weft_sql){ .sql = db_is_maria() ? "DO 0" : db_is_postgres() ? "VACUUM users" : "VACUUM", .place = WEFT__HERE });
    else *in->rc = weft_db_execute(in->db, "INSERT INTO users (name) VALUES ({})", in->n);
    return 0;
}

DB_TEST(writes_that_share_a_commit_fail_alone)
{
    weft_db *db = db_with_tables();
    int rcs[100];
    int64_t n;
    if (db_is_maria()) WEFT_TRY(weft_db_script(db, "CREATE TABLE late (id bigint REFERENCES users (id)); INSERT INTO users (name, email) VALUES ('x', 'taken')"));
    else WEFT_TRY(weft_db_script(db, "CREATE TABLE late (id INTEGER REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED); INSERT INTO users (name, email) VALUES ('x', 'taken')"));
    for (int round = 0; round < 2; round++) {
        WEFT_SCOPE(s);
        for (int i = 0; i < 100; i++) weft_spawn(s, write_one, (&(written){ db, i, &rcs[i] }));
        WEFT_TRY(weft_join(s));
        for (int i = 0; i < 100; i++) WEFT_CHECK_EQ(rcs[i], i % 7 == 3 ? WEFT_EDB_UNIQUE : i % 7 == 5 ? WEFT_EDB_REFERENCE : i % 7 == 6 ? 0 : 1);
        WEFT_TRY(weft_db_execute(db, "DELETE FROM users WHERE email IS NULL") == 58 ? 0 : -1);
    }
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(n, 1);
    return weft_db_close(db, 0);
}
