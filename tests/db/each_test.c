/* One statement for each of many items, and the rows that come back: in order, all of it or nothing, and by the number of the item that failed. */
#include "db_world.h"

WEFT_MODEL(User, field(int64_t, id), field(weft_str, name), opt(weft_str, email));
WEFT_MODEL(NewUser, field(weft_str, name), opt(weft_str, email));
WEFT_MODEL(Pair, field(int64_t, id), field(weft_str, name));

enum { USERS = 400 };
#define BY_ID "SELECT * FROM users WHERE id = {}"

static weft_db *with_users(void)
{
    weft_db *db = db_with_tables();
    static Pair all[USERS];
    static char names[USERS][8];
    for (int i = 0; i < USERS; i++) {
        snprintf(names[i], sizeof names[i], "u%d", i + 1);
        all[i] = (Pair){ i + 1, weft_str_of(names[i]) };
    }
    WEFT_NEED(weft_db_each(db, Pair, all, USERS, "INSERT INTO users (id, name) VALUES (:id, :name)") == USERS);
    return db;
}

static int64_t count(weft_db *db)
{
    int64_t n = -1;
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"), 0);
    return n;
}

/* ---- reading ---- */

static int keys_and_back(weft_db *db, int n, int first)
{
    int keys[USERS];
    User *found = weft_alloc(USERS * sizeof *found);
    WEFT_NEED(found);
    for (int i = 0; i < n; i++) keys[i] = (first + i * 7) % USERS + 1;
    WEFT_TRY(weft_db_one_each(db, User, found, int, keys, (size_t)n, BY_ID));
    for (int i = 0; i < n; i++) WEFT_CHECK(found[i].id == keys[i] && atoi(found[i].name.ptr + 1) == keys[i] && !found[i].email.set);
    return 0;
}

/* Each twice: on PostgreSQL the first of a statement has a connection alone, and few keys share one from then on. */
DB_TEST(rows_by_key_come_in_the_order_of_their_keys)
{
    weft_db *db = with_users();
    for (int round = 0; round < 3; round++) {
        WEFT_TRY(keys_and_back(db, 0, 0));
        WEFT_TRY(keys_and_back(db, 1, round));
        WEFT_TRY(keys_and_back(db, 20, 5));
        WEFT_TRY(keys_and_back(db, USERS, 1));
    }
    int same[] = { 3, 3, 3 };
    weft_str names[3];
    WEFT_TRY(weft_db_one_each(db, weft_str, names, int, same, 3, "SELECT name FROM users WHERE id = {}"));
    for (int i = 0; i < 3; i++) WEFT_CHECK_STR(names[i], "u3");
    weft_str wanted[] = { WEFT_S("u9"), WEFT_S("u8") };
    int64_t ids[2];
    WEFT_TRY(weft_db_one_each(db, int64_t, ids, weft_str, wanted, 2, "SELECT id FROM users WHERE name = {}"));
    WEFT_CHECK(ids[0] == 9 && ids[1] == 8);
    return weft_db_close(db, 0);
}

DB_TEST(a_key_without_a_row_is_told_by_its_number_and_nothing_is_written)
{
    weft_db *db = with_users();
    int keys[] = { 1, 2, 3, USERS + 1, 5 };
    for (int round = 0; round < 3; round++) {
        User found[5] = { 0 };
        weft_list_User all = { 0 };
        WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, keys, 5, BY_ID), WEFT_ENOENT);
        WEFT_CHECK(db_says(WEFT_ENOENT, "no row") && db_says(WEFT_ENOENT, "item 3 of 5"));
        WEFT_CHECK(!found[0].id && !found[4].id);
        WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, keys, 3, "SELECT * FROM users WHERE id = {} OR id = 2"), WEFT_EDB);
        WEFT_CHECK(db_says(WEFT_EDB, "more than one row") && db_says(WEFT_EDB, "item 0 of 3"));
        WEFT_TRY(weft_db_all_each(db, User, &all, int, keys, 5, BY_ID));
        WEFT_NEED(all.count == 4);
        WEFT_CHECK(all.items[0].id == 1 && all.items[2].id == 3 && all.items[3].id == 5);
        WEFT_TRY(weft_db_all_each(db, User, &all, int, keys, 2, "SELECT * FROM users WHERE id > {} AND id < 4 ORDER BY id DESC"));
        WEFT_NEED(all.count == 3);
        WEFT_CHECK(all.items[0].id == 3 && all.items[1].id == 2 && all.items[2].id == 3);
        WEFT_TRY(weft_db_all_each(db, User, &all, int, keys, 0, BY_ID));
        WEFT_CHECK_EQ(all.count, 0);
    }
    return weft_db_close(db, 0);
}

DB_TEST(items_that_are_no_values_are_refused_before_or_by_their_number)
{
    weft_db *db = with_users();
    User found[3] = { 0 };
    int keys[] = { 1, 2, 3 };
    weft_str names[] = { WEFT_S("u1"), { 0 }, WEFT_S("u3") };
    Pair pairs[] = { { .id = 1 } };
    WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, keys, 3, "SELECT * FROM users WHERE id = :id"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, keys, 3, "SELECT * FROM users"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, keys, 3, "SELECT * FROM users WHERE id = {} OR id = {}"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_one_each(db, User, found, Pair, pairs, 1, BY_ID), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_one_each(db, User, found, Pair, pairs, 1, "SELECT * FROM users WHERE id = :nr"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, ":nr is no field of Pair"));
    WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, NULL, 1, BY_ID), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, keys, 1000001, BY_ID), WEFT_EINVAL);
    for (int round = 0; round < 3; round++) {
        WEFT_TRY(weft_db_one_each(db, User, found, weft_str, names, 1, "SELECT * FROM users WHERE name = {}"));
        WEFT_CHECK_EQ(weft_db_one_each(db, User, found, weft_str, names, 3, "SELECT * FROM users WHERE name = {}"), WEFT_EINVAL);
        WEFT_CHECK(db_says(WEFT_EINVAL, "item 1 of 3"));
    }
    WEFT_CHECK_EQ(found[0].id, 1);
    WEFT_CHECK_EQ(found[2].id, 0);
    return weft_db_close(db, 0);
}

DB_TEST(rows_of_many_keys_that_do_not_fit_the_memory_of_a_request_say_so)
{
    weft_db *db = with_users();
    static int keys[100000];
    weft_list_User all = { 0 };
    weft_arena small, *before;
    User *found = weft_alloc(sizeof *found);
    weft__arena_init(&small, NULL, 1 << 20);
    before = weft__arena_swap(&small);
    for (int i = 0; i < 100000; i++) keys[i] = 1;
    WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, keys, 100000, BY_ID), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_db_all_each(db, User, &all, int, keys, 100, BY_ID " OR id > 0"), WEFT_ELIMIT);
    WEFT_CHECK(db_says(WEFT_ELIMIT, "weft_db_rows") || db_says(WEFT_ELIMIT, "memory"));
    WEFT_CHECK_EQ(all.count, 0);
    weft__arena_swap(before);
    weft__arena_free(&small);
    WEFT_TRY(keys_and_back(db, 20, 0));
    return weft_db_close(db, 0);
}

/* ---- changing ---- */

DB_TEST(what_is_made_of_many_items_comes_back_with_its_keys_or_is_not_made)
{
    weft_db *db = db_with_tables();
    NewUser many[] = { { WEFT_S("a"), WEFT_SOME(WEFT_S("a@x")) }, { WEFT_S("b"), WEFT_SOME(WEFT_S("b@x")) }, { WEFT_S("c"), WEFT_SOME(WEFT_S("c@x")) } };
    User made[3] = { 0 };
    WEFT_TRY(weft_db_one_each(db, User, made, NewUser, many, 3, "INSERT INTO users (name, email) VALUES (:name, :email) RETURNING *"));
    WEFT_CHECK(made[0].id && made[1].id != made[0].id && made[2].id != made[1].id);
    WEFT_CHECK_STR(made[2].email.value, "c@x");
    many[0].email.value = WEFT_S("d@x");
    for (int round = 0; round < 2; round++) {
        WEFT_CHECK_EQ(weft_db_one_each(db, User, made, NewUser, many, 3, "INSERT INTO users (name, email) VALUES (:name, :email) RETURNING *"), WEFT_EDB_UNIQUE);
        WEFT_CHECK(db_says(WEFT_EDB_UNIQUE, "item 1 of 3"));
        WEFT_CHECK_EQ(count(db), 3);
    }
    WEFT_CHECK_EQ(weft_db_one_each(db, User, made, NewUser, many, 1, "INSERT INTO users (name) VALUES (:name), ('other') RETURNING *"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_one_each(db, User, made, NewUser, many, 1, "INSERT INTO users (name) VALUES (:name) RETURNING id"), WEFT_EDB);
    WEFT_CHECK_EQ(count(db), 3);
    int64_t ids[] = { made[0].id, made[1].id };
    WEFT_CHECK_EQ(weft_db_each(db, int64_t, ids, 2, "DELETE FROM users WHERE id = {}"), 2);
    WEFT_CHECK_EQ(count(db), 1);
    return weft_db_close(db, 0);
}

DB_TEST(in_a_transaction_many_keys_are_of_it_and_fail_without_ending_it)
{
    weft_db *db = with_users();
    int keys[] = { 1, USERS + 1, USERS + 2 };
    User found[3];
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (id, name) VALUES ({}, 'in')", USERS + 1), 1);
        WEFT_TRY(weft_db_one_each(tx, User, found, int, keys, 2, BY_ID));
        WEFT_CHECK_STR(found[1].name, "in");
        WEFT_CHECK_EQ(weft_db_one_each(tx, User, found, int, keys, 3, BY_ID), WEFT_ENOENT);
        WEFT_CHECK(db_says(WEFT_ENOENT, "item 2 of 3"));
        WEFT_CHECK_EQ(weft_db_execute(tx, "UPDATE users SET name = 'later' WHERE id = {}", keys[1]), 1);
        WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, keys, 1, "SELECT * FROM users WHERE id = {} AND id = 0"),
            strstr(db_url, ":memory:") ? WEFT_EDEADLK : WEFT_ENOENT);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_TRY(weft_db_one_each(db, User, found, int, keys, 2, BY_ID));
    WEFT_CHECK_STR(found[1].name, "later");
    return weft_db_close(db, 0);
}

/* ---- beside each other ---- */

typedef struct asked { weft_db *db; int n; } asked;

static int ask(const asked *in)
{
    User u;
    int key = in->n % USERS + 1, missing[] = { key, USERS + 5 };
    if (in->n % 5 == 1) {
        WEFT_TRY(weft_db_one(in->db, User, &u, BY_ID, key));
        WEFT_CHECK_EQ(u.id, key);
        return 0;
    }
    if (in->n % 5 == 2) {
        User none[2];
        WEFT_CHECK_EQ(weft_db_one_each(in->db, User, none, int, missing, 2, BY_ID), WEFT_ENOENT);
        return 0;
    }
    return keys_and_back(in->db, in->n % 30, in->n);
}

DB_TEST(tasks_that_read_many_keys_at_once_have_each_their_own_rows)
{
    weft_db *db = with_users();
    WEFT_SCOPE(s);
    for (int i = 0; i < 100; i++) {
        weft_spawn(s, ask, (&(asked){ db, i }));
        if (i % 10 == 9) WEFT_TRY(weft_yield());
    }
    WEFT_TRY(weft_join(s));
    return weft_db_close(db, 0);
}

static int leave_early(const asked *in)
{
    WEFT_SCOPE(s, .timeout_ms = 1 + in->n % 5);
    int rc = keys_and_back(in->db, in->n % 2 ? 20 : 200, in->n);
    WEFT_CHECK(rc == 0 || rc == WEFT_ETIMEDOUT);
    return 0;
}

DB_TEST(who_leaves_a_read_of_many_keys_takes_nothing_from_others)
{
    weft_db *db = with_users();
    for (int round = 0; round < 5; round++) {
        WEFT_SCOPE(s, .forget = true);
        for (int i = 0; i < 30; i++) {
            if (i % 2) weft_spawn(s, leave_early, (&(asked){ db, i }));
            else weft_spawn(s, ask, (&(asked){ db, i }));
        }
        WEFT_TRY(weft_join(s));
    }
    return keys_and_back(db, 20, 0) | weft_db_close(db, 0);
}

/* ---- PostgreSQL's sharing ---- */

static int divide_all(const asked *in)
{
    int64_t by[] = { 1, in->n, 4 }, out[3] = { 0 };
    int rc = weft_db_one_each(in->db, int64_t, out, int64_t, by, 3, "SELECT 1000 / {}::bigint");
    WEFT_CHECK_EQ(rc, in->n ? 0 : WEFT_EDB);
    if (!in->n) WEFT_CHECK(db_says(WEFT_EDB, "item 1 of 3"));
    WEFT_CHECK(in->n ? out[0] == 1000 && out[1] == 1000 / in->n && out[2] == 250 : !out[0]);
    return 0;
}

DB_POSTGRES_TEST(an_item_that_fails_fails_none_of_those_that_went_with_it)
{
    weft_db *db = with_users();
    for (int round = 0; round < 4; round++) {
        WEFT_SCOPE(s);
        for (int i = 0; i < 40; i++) {
            weft_spawn(s, divide_all, (&(asked){ db, i % 13 }));
            weft_spawn(s, ask, (&(asked){ db, i }));
        }
        WEFT_TRY(weft_join(s));
    }
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(a_connection_that_breaks_under_many_keys_says_so_once_and_others_go_on)
{
    weft_db *db = with_users();
    int keys[] = { 1, 2, 13, 4 };
    User found[4];
    for (int round = 0; round < 3; round++) {
#define BREAKS "SELECT * FROM users WHERE id = {} AND CASE id WHEN 13 THEN pg_terminate_backend(pg_backend_pid()) ELSE true END"
        WEFT_TRY(weft_db_one_each(db, User, found, int, keys, 2, BREAKS));
        WEFT_TRY(weft_db_one_each(db, User, found, int, keys, 2, BREAKS));
        WEFT_CHECK_EQ(weft_db_one_each(db, User, found, int, keys, 4, BREAKS), WEFT_EDB_LOST);
        WEFT_TRY(keys_and_back(db, 20, round));
    }
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(a_table_that_changes_between_two_reads_of_many_keys_is_read_as_it_is)
{
    weft_db *db = with_users();
    int keys[] = { 7, 8 };
    User found[2];
    for (int round = 0; round < 3; round++) {
        WEFT_TRY(weft_db_one_each(db, User, found, int, keys, 2, BY_ID));
        WEFT_TRY(weft_db_one_each(db, User, found, int, keys, 2, BY_ID));
        WEFT_CHECK(found[1].id == 8);
        WEFT_CHECK_STR(found[1].name, "u8");
        WEFT_TRY(weft_db_script(db, round % 2 ? "ALTER TABLE users DROP COLUMN extra" : "ALTER TABLE users ADD COLUMN extra text, DROP COLUMN name; ALTER TABLE users ADD COLUMN name text;"
            "UPDATE users SET name = 'u' || id"));
    }
    return weft_db_close(db, 0);
}
