/* Models that are tables: rows by key, by example, and what must not be. Nothing here asks which engine it is. */
#include "db_world.h"
#include "model/plan.h"
#include "weft/table.h"

WEFT_ENUM(Rank, value(RANK_NEW, "new"), value(RANK_OLD, "old"));
WEFT_MODEL(Team, table("teams"), field(int64_t, id), field(weft_str, name), key(id), unique(name));
WEFT_MODEL(NewUser, field(weft_str, name, .max_len = 100), field(weft_str, email));
WEFT_MODEL(User, table("users"),
    field(int64_t, id), embed(NewUser, user), field(Rank, rank, .initial = "new"), opt(int, age), opt(int64_t, team_id), opt(weft_str, note, .initial = "it's new"),
    key(id), unique(user.email), index(user.name, age), reference(team_id, Team, .on_delete = WEFT_SET_NULL));
WEFT_MODEL(Badge, table("badges"), field(int64_t, user_id), field(weft_str, code), field(int, points),
    key(user_id, code), reference(user_id, User, .on_delete = WEFT_CASCADE));
WEFT_MODEL(Order, table("order"), field(weft_str, select), field(int64_t, group), opt(int64_t, user_id), key(select), reference(user_id, User));
WEFT_MODEL(Named, opt(weft_str, name));
WEFT_MODEL(Filter, opt(weft_str, name), opt(int, age), list(int64_t, team_id), opt(Rank, rank));
WEFT_MODEL(OfTeams, list(int64_t, team_id));
WEFT_MODEL(Patch, opt(weft_str, name), opt(int, age), opt(int64_t, team_id));

static weft_db *opened(void)
{
    weft_db *db = NULL;
    WEFT_NEED(weft_db_connect(db_url, &db, .acquire_ms = 60000, .statement_ms = 60000) == 0);
    WEFT_NEED(weft_db_create_table(db, Badge) == 0 && weft_db_create_table(db, Order) == 0);
    return db;
}

static int closed(weft_db *db)
{
    int rc = weft_db_close(db, 0);
    weft__model_forget();
    return rc;
}

static int64_t added(weft_db *db, const char *name, weft_opt_int age, weft_opt_int64_t team)
{
    User u = { .user = { weft_str_of(name), weft_format("%s@example.com", name) }, .age = age, .team_id = team };
    WEFT_NEED(weft_db_insert(db, User, &u) == 0);
    return u.id;
}

static int64_t team(weft_db *db, const char *name)
{
    Team t = { .name = weft_str_of(name) };
    WEFT_NEED(weft_db_insert(db, Team, &t) == 0);
    return t.id;
}

static const weft_opt_int no_age;
static const weft_opt_int64_t no_team;

/* "a,b": the names of what was found. */
static const char *names(const weft_list_User *l)
{
    static char text[400];
    size_t n = 0;
    *text = 0;
    for (uint32_t i = 0; i < l->count; i++) n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "," : "", l->items[i].user.name.ptr);
    return text;
}
#define FOUND(expected, ...) do { \
    weft_list_User l = { 0 }; \
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, __VA_ARGS__), 0); \
    WEFT_CHECK_STR(weft_str_of(names(&l)), expected); } while (0)

/* ---- what must not be ---- */

DB_TEST(what_a_client_sends_is_no_sql_in_a_row_a_key_an_example_or_an_order)
{
    static const char evil[] = "x'; DROP TABLE users; --\"{}:name?";
    weft_db *db = opened();
    User u;
    weft_list_User l;
    int64_t id = added(db, evil, no_age, no_team);
    WEFT_TRY(weft_db_get(db, User, &u, id));
    WEFT_CHECK_STR(u.user.name, evil);
    FOUND(evil, .like = weft_fields(Named, &(Named){ .name = WEFT_SOME(weft_str_of(evil)) }));
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .order = "name; DROP TABLE users"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .order = "id\" DESC --"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .order = "(SELECT 1)"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .order = "password"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "'password' is no column of User; it has id, name, email, rank, age, team_id, note"));
    Order o = { .select = weft_str_of(evil), .group = 1 };
    WEFT_TRY(weft_db_insert(db, Order, &o));
    WEFT_TRY(weft_db_get(db, Order, &o, evil));
    WEFT_TRY(weft_db_delete(db, Order, evil));
    return closed(db);
}

WEFT_MODEL(Plain, field(int64_t, id));
WEFT_MODEL(Keyless, table("keyless"), field(int64_t, id), list(int, tags), index(tags));

DB_TEST(a_model_that_is_no_table_or_no_sound_one_is_told_by_the_first_call_for_it)
{
    weft_db *db = opened();
    Plain p = { .id = 1 };
    Keyless k = { .id = 1 };
    WEFT_CHECK_EQ(weft_db_insert(db, Plain, &p), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "Plain is no table: say table(\"...\") and key(...)"));
    WEFT_CHECK_EQ(weft_db_insert(db, Keyless, &k), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "'tags' is kept as JSON") && db_says(WEFT_EINVAL, "a table has a key"));
    WEFT_CHECK_EQ(weft_db_create_table(db, Keyless), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_insert(NULL, User, &(User){ .id = 0 }), WEFT_EINVAL);
    return closed(db);
}

DB_TEST(a_key_of_another_number_of_values_is_refused)
{
    weft_db *db = opened();
    Badge b = { .points = 7 };
    WEFT_CHECK_EQ(weft_db_get(db, Badge, &b, 1), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "the key of Badge has 2 columns, and 1 value is given"));
    WEFT_CHECK_EQ(weft_db_delete(db, Badge, 1, "x", 2), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_get(db, Badge, &b, weft_fields(Badge, &b), 1), WEFT_EINVAL);
    WEFT_CHECK_EQ(b.points, 7);
    return closed(db);
}

WEFT_MODEL(OfNoColumn, opt(weft_str, nickname));
WEFT_MODEL(OfAnotherType, opt(int, name));
WEFT_MODEL(WithKey, opt(int64_t, id));

DB_TEST(an_example_or_a_patch_that_does_not_fit_the_table_is_refused_by_name)
{
    weft_db *db = opened();
    weft_list_User l = { .count = 77 };
    User u = { .id = 77 };
    int64_t id = added(db, "ada", no_age, no_team), n = 77, items[501] = { 0 };
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .like = weft_fields(OfNoColumn, &(OfNoColumn){ .nickname = { .set = false } })), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "OfNoColumn.nickname is no column of User"));
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .like = weft_fields(OfAnotherType, &(OfAnotherType){ .name = { .set = false } })), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_patch(db, User, &u, OfAnotherType, &(OfAnotherType){ .name = { .set = false } }, id), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "OfAnotherType.name is of another type than the column of User"));
    WEFT_CHECK_EQ(weft_db_patch(db, User, &u, WithKey, &(WithKey){ .id = { .set = false } }, id), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "WithKey.id is in the key of User"));
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .like = weft_val_int(3)), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .limit = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_count(db, User, &n, .limit = 1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .like = weft_fields(OfTeams, (&(OfTeams){ { items, 501, 501 } }))), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_error_of(WEFT_ELIMIT)->status, 422);
    WEFT_CHECK_EQ(l.count, 77);
    WEFT_CHECK_EQ(u.id, 77);
    WEFT_CHECK_EQ(n, 77);
    return closed(db);
}

DB_TEST(what_fails_leaves_the_row_in_hand_and_the_table_as_they_were)
{
    weft_db *db = opened();
    int64_t n;
    added(db, "ada", no_age, no_team);
    User twin = { .user = { WEFT_S("other"), WEFT_S("ada@example.com") } }, lost = { .user = { WEFT_S("lost"), WEFT_S("l") }, .team_id = WEFT_SOME(99) };
    WEFT_CHECK_EQ(weft_db_insert(db, User, &twin), WEFT_EDB_UNIQUE);
    WEFT_CHECK(twin.id == 0 && !twin.note.set);
    WEFT_CHECK_EQ(weft_db_insert(db, User, &lost), WEFT_EDB_REFERENCE);
    WEFT_CHECK_EQ(weft_error_of(WEFT_EDB_REFERENCE)->status, 409);
    WEFT_CHECK(strstr(weft_error_of(WEFT_EDB_REFERENCE)->trace, "table_test.c") != NULL);
    WEFT_CHECK_EQ(weft_db_insert(db, User, &(User){ .user = { .name = WEFT_S("no email") } }), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_insert(db, User, (&(User){ .user = { WEFT_S("x"), WEFT_S("y") }, .rank = (Rank)9 })), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_upsert(db, User, &twin, .by = "name"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "User has no unique(name)"));
    WEFT_CHECK_EQ(weft_db_upsert(db, User, &twin, .by = "wrong.email"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_upsert(db, User, &twin, .by = "user.email, id"), WEFT_EINVAL);
    WEFT_TRY(weft_db_count(db, User, &n));
    WEFT_CHECK_EQ(n, 1);
    return closed(db);
}

/* ---- rows ---- */

DB_TEST(an_inserted_row_has_the_key_and_the_defaults_that_the_database_gave)
{
    weft_db *db = opened();
    User ada = { .user = { WEFT_S("ada"), WEFT_S("a@example.com") }, .rank = RANK_OLD, .note = { .null = true } }, got;
    User ben = { .user = { WEFT_S("ben"), WEFT_S("b@example.com") }, .age = WEFT_SOME(30) };
    WEFT_TRY(weft_db_insert(db, User, &ada));
    WEFT_TRY(weft_db_insert(db, User, &ben));
    WEFT_CHECK(ada.id > 0 && ben.id > ada.id);
    WEFT_CHECK(ada.note.null && ada.age.null && ada.rank == RANK_OLD);
    WEFT_CHECK(ben.note.set && ben.age.value == 30);
    WEFT_CHECK_STR(ben.note.value, "it's new");
    WEFT_TRY(weft_db_get(db, User, &got, ben.id));
    WEFT_CHECK_STR(got.user.email, "b@example.com");
    WEFT_CHECK(got.age.set && got.age.value == 30 && got.team_id.null);
    User given = { .id = 500, .user = { WEFT_S("eve"), WEFT_S("e@example.com") } };
    WEFT_TRY(weft_db_insert(db, User, &given));
    WEFT_CHECK_EQ(given.id, 500);
    return closed(db);
}

WEFT_MODEL(Counter, table("counters"), field(int64_t, id), opt(weft_str, name), key(id));

DB_TEST(a_row_that_says_nothing_has_a_key_and_a_deleted_key_is_not_given_again)
{
    weft_db *db = opened();
    Counter a = { 0 }, b = { 0 }, c = { 0 };
    WEFT_TRY(weft_db_create_table(db, Counter));
    WEFT_TRY(weft_db_insert(db, Counter, &a));
    WEFT_TRY(weft_db_insert(db, Counter, &b));
    WEFT_TRY(weft_db_delete(db, Counter, b.id));
    WEFT_TRY(weft_db_insert(db, Counter, &c));
    WEFT_CHECK(a.id < b.id && b.id < c.id);
    WEFT_CHECK_EQ(weft_db_update(db, Counter, &c), 0);
    WEFT_CHECK_EQ(weft_db_update(db, Counter, &b), WEFT_ENOENT);
    WEFT_TRY(weft_db_upsert(db, Counter, &c));
    return closed(db);
}

DB_POSTGRES_TEST(keys_that_rows_bring_do_not_count_until_the_sequence_is_set)
{
    weft_db *db = opened();
    int64_t last;
    Counter given = { .id = 1 }, c = { 0 };
    WEFT_TRY(weft_db_create_table(db, Counter));
    WEFT_TRY(weft_db_insert(db, Counter, &given));
    WEFT_CHECK_EQ(weft_db_insert(db, Counter, &c), WEFT_EDB_UNIQUE);
    WEFT_TRY(weft_db_value(db, int64_t, &last, "SELECT setval(pg_get_serial_sequence('counters', 'id'), max(id)) FROM counters"));
    WEFT_TRY(weft_db_insert(db, Counter, &c));
    WEFT_CHECK_EQ(c.id, 2);
    return closed(db);
}

DB_TEST(an_update_writes_all_but_absent_opts)
{
    weft_db *db = opened();
    User u = { .user = { WEFT_S("ada"), WEFT_S("a@example.com") }, .age = WEFT_SOME(30), .note = WEFT_SOME(WEFT_S("kept")) }, got;
    WEFT_TRY(weft_db_insert(db, User, &u));
    u.user.name = WEFT_S("Ada");
    u.age = (weft_opt_int){ .null = true };
    u.note = (weft_opt_weft_str){ .set = false };
    WEFT_TRY(weft_db_update(db, User, &u));
    WEFT_TRY(weft_db_get(db, User, &got, u.id));
    WEFT_CHECK_STR(got.user.name, "Ada");
    WEFT_CHECK(got.age.null);
    WEFT_CHECK_STR(got.note.value, "kept");
    u.id = 77;
    WEFT_CHECK_EQ(weft_db_update(db, User, &u), WEFT_ENOENT);
    return closed(db);
}

DB_TEST(a_patch_changes_what_it_has_makes_null_what_is_null_and_leaves_the_rest)
{
    weft_db *db = opened();
    User out = { .id = 77 };
    int64_t t = team(db, "red"), id = added(db, "ada", (weft_opt_int)WEFT_SOME(30), (weft_opt_int64_t)WEFT_SOME(t));
    WEFT_TRY(weft_db_patch(db, User, &out, Patch, (&(Patch){ .name = WEFT_SOME(WEFT_S("Ada")), .age = { .null = true } }), id));
    WEFT_CHECK_STR(out.user.name, "Ada");
    WEFT_CHECK(out.age.null && out.team_id.value == t);
    WEFT_CHECK_STR(out.user.email, "ada@example.com");
    WEFT_TRY(weft_db_patch(db, User, &out, Patch, &(Patch){ .age = { .set = false } }, id));
    WEFT_CHECK_STR(out.user.name, "Ada");
    WEFT_CHECK_EQ(weft_db_patch(db, User, &out, Patch, &(Patch){ .name = { .null = true } }, id), WEFT_EDB_CHECK);
    WEFT_CHECK_EQ(weft_db_patch(db, User, &out, Patch, &(Patch){ .age = WEFT_SOME(1) }, 77), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_db_patch(db, User, &out, Patch, &(Patch){ .age = { .set = false } }, 77), WEFT_ENOENT);
    WEFT_CHECK_EQ(out.id, id);
    return closed(db);
}

DB_TEST(an_upsert_inserts_once_and_changes_after_that)
{
    weft_db *db = opened();
    int64_t n;
    User u = { .user = { WEFT_S("ada"), WEFT_S("a@example.com") }, .age = WEFT_SOME(30) };
    User same = { .user = { WEFT_S("Ada"), WEFT_S("a@example.com") }, .rank = RANK_OLD }, by_key;
    WEFT_TRY(weft_db_upsert(db, User, &u));
    WEFT_CHECK_EQ(weft_db_upsert(db, User, &same), WEFT_EDB_UNIQUE);
    WEFT_TRY(weft_db_upsert(db, User, &same, .by = "user.email"));
    same.id = 0;
    WEFT_TRY(weft_db_upsert(db, User, &same, .by = "email"));
    WEFT_CHECK(same.id == u.id && same.age.value == 30 && same.rank == RANK_OLD);
    WEFT_CHECK_STR(same.user.name, "Ada");
    by_key = (User){ .id = u.id, .user = { WEFT_S("A."), WEFT_S("new@example.com") } };
    WEFT_TRY(weft_db_upsert(db, User, &by_key));
    WEFT_CHECK_STR(by_key.user.email, "new@example.com");
    WEFT_TRY(weft_db_count(db, User, &n));
    WEFT_CHECK_EQ(n, 1);
    return closed(db);
}

DB_TEST(a_key_of_several_columns_finds_its_row)
{
    weft_db *db = opened();
    int64_t id = added(db, "ada", no_age, no_team);
    Badge b = { id, WEFT_S("gold"), 1 }, other = { id, WEFT_S("iron"), 2 }, got;
    WEFT_TRY(weft_db_insert(db, Badge, &b));
    WEFT_TRY(weft_db_insert(db, Badge, &other));
    WEFT_CHECK_EQ(weft_db_insert(db, Badge, &b), WEFT_EDB_UNIQUE);
    b.points = 10;
    WEFT_TRY(weft_db_upsert(db, Badge, &b));
    WEFT_TRY(weft_db_get(db, Badge, &got, id, "gold"));
    WEFT_CHECK_EQ(got.points, 10);
    got.points = 11;
    WEFT_TRY(weft_db_update(db, Badge, &got));
    WEFT_TRY(weft_db_get(db, Badge, &got, id, "iron"));
    WEFT_CHECK_EQ(got.points, 2);
    WEFT_TRY(weft_db_delete(db, Badge, id, WEFT_S("iron")));
    WEFT_CHECK_EQ(weft_db_delete(db, Badge, id, "iron"), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_db_get(db, Badge, &got, id, "iron"), WEFT_ENOENT);
    WEFT_CHECK_EQ(got.points, 2);
    return closed(db);
}

DB_TEST(what_becomes_of_a_row_whose_reference_is_deleted_is_as_declared)
{
    weft_db *db = opened();
    User u;
    Badge b;
    int64_t t = team(db, "red"), id = added(db, "ada", no_age, (weft_opt_int64_t)WEFT_SOME(t));
    WEFT_TRY(weft_db_insert(db, Badge, (&(Badge){ id, WEFT_S("gold"), 1 })));
    WEFT_TRY(weft_db_insert(db, Order, (&(Order){ WEFT_S("o"), 1, WEFT_SOME(id) })));
    WEFT_TRY(weft_db_delete(db, Team, t));
    WEFT_TRY(weft_db_get(db, User, &u, id));
    WEFT_CHECK(u.team_id.null);
    WEFT_CHECK_EQ(weft_db_delete(db, User, id), WEFT_EDB_REFERENCE);
    WEFT_TRY(weft_db_delete(db, Order, "o"));
    WEFT_TRY(weft_db_delete(db, User, id));
    WEFT_CHECK_EQ(weft_db_get(db, Badge, &b, id, "gold"), WEFT_ENOENT);
    return closed(db);
}

DB_TEST(rows_of_a_transaction_that_is_left_are_gone)
{
    weft_db *db = opened();
    int64_t n, id = added(db, "ada", no_age, no_team);
    {
        WEFT_TRANSACTION(tx, db);
        added(tx, "ben", no_age, no_team);
        WEFT_TRY(weft_db_delete(tx, User, id));
        WEFT_TRY(weft_db_count(tx, User, &n));
        WEFT_CHECK_EQ(n, 1);
    }
    FOUND("ada", .limit = 9);
    return closed(db);
}

/* ---- by example ---- */

DB_TEST(rows_are_found_by_values_null_and_lists_of_values)
{
    weft_db *db = opened();
    int64_t red = team(db, "red"), blue = team(db, "blue"), teams[] = { red, blue }, n;
    added(db, "ada", (weft_opt_int)WEFT_SOME(30), (weft_opt_int64_t)WEFT_SOME(red));
    added(db, "ben", (weft_opt_int)WEFT_SOME(30), (weft_opt_int64_t)WEFT_SOME(blue));
    added(db, "eve", no_age, no_team);
    FOUND("ada,ben,eve", .limit = 100);
    FOUND("ada,ben", .like = weft_fields(Patch, &(Patch){ .age = WEFT_SOME(30) }));
    FOUND("eve", .like = weft_fields(Patch, &(Patch){ .age = { .null = true } }));
    FOUND("ben", .like = weft_fields(Patch, (&(Patch){ .age = WEFT_SOME(30), .team_id = WEFT_SOME(blue) })));
    FOUND("", .like = weft_fields(Patch, (&(Patch){ .age = WEFT_SOME(30), .team_id = { .null = true } })));
    FOUND("ada,ben", .like = weft_fields(OfTeams, (&(OfTeams){ { teams, 2, 2 } })));
    FOUND("ada", .like = weft_fields(OfTeams, (&(OfTeams){ { teams, 1, 1 } })));
    FOUND("", .like = weft_fields(OfTeams, &(OfTeams){ { 0 } }));
    FOUND("ben", .like = weft_fields(Filter, (&(Filter){ .name = WEFT_SOME(WEFT_S("ben")), .team_id = { teams, 2, 2 }, .rank = WEFT_SOME(RANK_NEW) })));
    WEFT_TRY(weft_db_count(db, User, &n, .like = weft_fields(Patch, &(Patch){ .age = WEFT_SOME(30) })));
    WEFT_CHECK_EQ(n, 2);
    return closed(db);
}

WEFT_MODEL(TwoLists, list(int64_t, team_id), list(int, age));

DB_TEST(an_example_has_as_many_values_as_a_statement_takes_and_more_are_the_clients_mistake)
{
    weft_db *db = opened();
    weft_list_User l = { .count = 77 };
    int64_t teams[500] = { 0 };
    int ages[500] = { 0 };
    TwoLists most = { { teams, 499, 499 }, { ages, 499, 499 } }, more = { { teams, 500, 500 }, { ages, 499, 499 } };
    FOUND("", .like = weft_fields(TwoLists, &most), .limit = 1, .offset = 1);
    WEFT_CHECK_EQ(weft_db_find(db, User, &l, .like = weft_fields(TwoLists, &more)), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_error_of(WEFT_ELIMIT)->status, 422);
    WEFT_CHECK(db_says(WEFT_ELIMIT, "like: 999 values, and at most 998 are compared"));
    WEFT_CHECK_EQ(l.count, 77);
    return closed(db);
}

DB_TEST(rows_come_in_the_order_asked_for_and_then_in_that_of_their_key)
{
    weft_db *db = opened();
    added(db, "ben", (weft_opt_int)WEFT_SOME(30), no_team);
    added(db, "ada", (weft_opt_int)WEFT_SOME(30), no_team);
    added(db, "eve", no_age, no_team);
    added(db, "dan", (weft_opt_int)WEFT_SOME(7), no_team);
    FOUND("ben,ada,eve,dan", .limit = 10);
    FOUND("ada,ben,dan,eve", .order = "name");
    FOUND("eve,dan,ben,ada", .order = "age");
    FOUND("ben,ada,dan,eve", .order = "-age");
    FOUND("ada,ben,dan,eve", .order = "-age, name");
    FOUND("dan,eve,ada,ben", .order = "-id");
    FOUND("ada,ben", .order = "name", .limit = 2);
    FOUND("dan,eve", .order = "name", .limit = 2, .offset = 2);
    FOUND("eve", .order = "name", .offset = 3);
    FOUND("", .order = "name", .offset = 9);
    FOUND("eve,dan,ben,ada", .order = "-user.name");
    FOUND("ada,ben,dan,eve", .order = "-age,user.name");
    return closed(db);
}

/* ---- types ---- */

WEFT_MODEL(Spot, field(double, x), field(double, y));
WEFT_MODEL(Base, field(weft_str, title, .as = "Title"), hidden(weft_bytes, hash));
WEFT_MODEL(Everything, table("everything"),
    field(weft_uuid, id), embed(Base, base), field(int, i, .initial = "-5"), field(bool, b, .initial = "true"), field(double, d, .initial = "1.5"),
    field(weft_decimal, price, .initial = "12.50"), field(weft_date, day, .initial = "2026-11-22"), field(weft_datetime, at, .initial = "2026-11-22T12:30:00Z"),
    field(weft_time, hour, .initial = "12:30:00"), field(weft_duration, lasts), field(weft_json, any), list(weft_str, tags, .initial = "[\"it's\"]"), map(int, stock),
    field(Spot, spot), ref(Spot, other), opt(weft_bytes, raw), opt(Rank, rank, .initial = "old"), key(id), index(day), unique(base.hash));

DB_TEST(a_column_of_each_type_gives_back_what_it_was_given)
{
    weft_db *db = opened();
    Everything e = { .id = { { 1, 2, 3 } }, .base = { WEFT_S("t"), { (const uint8_t *)"\0\1", 2 } }, .i = -7, .b = true, .d = 0.1, .price = { WEFT_S("10.25") },
        .lasts = { 90000000 }, .any = { WEFT_S("{\"a\": [1]}") }, .spot = { 1, 2 }, .other = &(Spot){ 3, 4 }, .raw = { .null = true } }, got = { 0 };
    WEFT_NEED(weft_date_parse(WEFT_S("2026-11-22"), &e.day) == 0 && weft_datetime_parse(WEFT_S("2026-11-22T12:30:00Z"), &e.at) == 0 && weft_time_parse(WEFT_S("08:15:00"), &e.hour) == 0);
    weft_push(&e.tags, WEFT_S("a"));
    WEFT_TRY(weft_db_create_table(db, Everything));
    WEFT_TRY(weft_db_create_table(db, Everything));
    WEFT_TRY(weft_db_check_table(db, Everything));
    WEFT_TRY(weft_db_insert(db, Everything, &e));
    WEFT_TRY(weft_db_get(db, Everything, &got, e.id));
    WEFT_CHECK(got.i == -7 && got.b && got.d == 0.1 && got.lasts.us == 90000000 && got.spot.y == 2 && got.other && got.other->x == 3);
    WEFT_CHECK(got.raw.null && got.rank.set && got.rank.value == RANK_OLD && got.tags.count == 1 && got.stock.count == 0 && got.at.us == e.at.us);
    WEFT_CHECK(got.base.hash.len == 2 && memcmp(got.base.hash.ptr, "\0\1", 2) == 0 && got.day.day == 22 && got.hour.minute == 15);
    WEFT_CHECK_STR(got.price.text, "10.25");
    WEFT_CHECK_STR(got.base.title, "t");
    return closed(db);
}

/* An order is a client's to choose: it reads a hash by where rows of its own come, and fills the log with what it mistypes. */
DB_TEST(an_order_is_of_columns_that_are_there_and_not_hidden_and_else_the_clients_mistake)
{
    static const char *const none[] = { "hash", "-hash", "base.hash", "-base.hash", "nonsense.title", "base.day", "base.", ".title", "--day", "base..title", "base", "Title", "day, hash" };
    weft_db *db = opened();
    weft_list_Everything l = { .count = 77 };
    WEFT_TRY(weft_db_create_table(db, Everything));
    for (size_t i = 0; i < weft_count(none); i++) {
        WEFT_CHECK_EQ(weft_db_find(db, Everything, &l, .order = none[i]), WEFT_EINVAL);
        WEFT_CHECK_EQ(weft_error_of(WEFT_EINVAL)->status, 422);
        WEFT_CHECK(db_says(WEFT_EINVAL, "it has id, title, i,"));       /* hash would be behind title */
    }
    WEFT_CHECK_EQ(weft_db_find(db, Everything, &l, .order = "i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i"), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_error_of(WEFT_ELIMIT)->status, 422);
    WEFT_CHECK_EQ(l.count, 77);
    WEFT_TRY(weft_db_find(db, Everything, &l, .order = "-base.title, day"));
    WEFT_CHECK_EQ(l.count, 0);
    return closed(db);
}

DB_TEST(who_counts_rows_in_a_loop_takes_no_memory)
{
    weft_db *db = opened();
    weft_arena *mine = weft__arena_here();
    int64_t teams[20] = { team(db, "one") }, n = 0;
    added(db, "Ada", no_age, (weft_opt_int64_t)WEFT_SOME(teams[0]));
    char *at = weft_alloc(16);
    WEFT_NEED(at != NULL);
    for (int i = 0; i < 50; i++) {
        weft_list_User none = { 0 };
        OfTeams many = { .team_id = { .items = teams, .count = 20 } };
        WEFT_TRY(weft_db_count(db, User, &n, .like = weft_fields(OfTeams, &many)));
        WEFT_CHECK_EQ(n, 1);
        WEFT_TRY(weft_db_count(db, User, &n, .like = weft_fields(Named, (&(Named){ .name = WEFT_SOME(WEFT_S("Ada")) }))));
        WEFT_CHECK_EQ(n, 1);
        WEFT_TRY(weft_db_find(db, User, &none, .like = weft_fields(Named, (&(Named){ .name = WEFT_SOME(WEFT_S("nobody")) })), .order = "-id", .limit = 3));
        WEFT_CHECK_EQ(none.count, 0);
    }
    WEFT_CHECK(weft_alloc(16) == at + 16 && mine == weft__arena_here());
    return closed(db);
}

/* ---- the table ---- */

DB_TEST(a_table_that_is_not_there_or_lacks_a_column_is_told)
{
    weft_db *db = opened();
    WEFT_CHECK_EQ(weft_db_check_table(db, Counter), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "counters"));
    WEFT_TRY(weft_db_script(db, "CREATE TABLE counters (id INTEGER PRIMARY KEY)"));
    WEFT_CHECK_EQ(weft_db_check_table(db, Counter), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "name"));
    WEFT_TRY(weft_db_check_table(db, User));
    return closed(db);
}

DB_TEST(the_text_of_a_table_makes_it)
{
    weft_db *db = opened();
    weft_str text;
    Counter c = { .name = WEFT_SOME(WEFT_S("x")) };
    WEFT_TRY(weft_db_table_sql(db, Counter, &text));
    WEFT_CHECK_EQ(weft_db_check_table(db, Counter), WEFT_EDB);
    WEFT_TRY(weft_db_script(db, text.ptr));
    WEFT_CHECK_EQ(weft_db_script(db, text.ptr), WEFT_EDB);
    WEFT_TRY(weft_db_insert(db, Counter, &c));
    return closed(db);
}
