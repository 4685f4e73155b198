/* Tests of tables.c. Each begins with an empty database in memory. */
#include <string.h>
#include <weft.h>

extern const weft_app app;
int weft_app_main(int argc, char **argv);

static weft_response player(const char *json) { return weft_test_post(&app, "/players/", json); }
static weft_response change(const char *path, const char *json) { return weft_test_send(&app, "PATCH", path, NULL, 0, json); }
static int gone(const char *path) { return weft_test_send(&app, "DELETE", path, NULL, 0, NULL).status; }

WEFT_TEST(what_is_taken_unknown_or_no_order_is_told)
{
    WEFT_CHECK_EQ(player("{\"name\":\"Ada\",\"email\":\"ada@example.com\"}").status, 201);
    weft_response r = player("{\"name\":\"Other\",\"email\":\"ada@example.com\"}");
    WEFT_CHECK_EQ(r.status, 409);
    WEFT_CHECK_JSON(r.body, { "detail": "ada@example.com is taken" });
    WEFT_CHECK_EQ(player("{\"name\":\"Ben\",\"email\":\"ben@example.com\",\"team_id\":7}").status, 409);
    WEFT_CHECK_EQ(weft_test_get(&app, "/players/7").status, 404);
    WEFT_CHECK_EQ(gone("/players/7"), 404);
    WEFT_CHECK_EQ(change("/players/7", "{\"goals\":1}").status, 404);
    WEFT_CHECK_EQ(weft_test_get(&app, "/players/?order=email").status, 422);
    WEFT_CHECK_EQ(weft_test_get(&app, "/players/?order=name;DROP%20TABLE%20players").status, 422);
}

WEFT_TEST(a_player_is_made_changed_and_removed)
{
    WEFT_CHECK_EQ(weft_test_post(&app, "/teams/", "{\"name\":\"Reds\"}").status, 201);
    WEFT_CHECK_JSON(player("{\"name\":\"Ada\",\"email\":\"ada@example.com\",\"team_id\":1}").body,
        { "id": 1, "name": "Ada", "email": "ada@example.com", "goals": 0, "team_id": 1 });
    WEFT_CHECK_JSON(change("/players/1", "{\"goals\":3}").body, { "id": 1, "name": "Ada", "email": "ada@example.com", "goals": 3, "team_id": 1 });
    WEFT_CHECK_JSON(change("/players/1", "{\"team_id\":null}").body, { "id": 1, "name": "Ada", "email": "ada@example.com", "goals": 3, "team_id": null });
    WEFT_CHECK_EQ(change("/players/1", "{\"goals\":null}").status, 422);
    WEFT_CHECK_EQ(gone("/players/1"), 204);
    WEFT_CHECK_EQ(weft_test_get(&app, "/players/1").status, 404);
}

static void three_players(void)
{
    WEFT_CHECK_EQ(weft_test_post(&app, "/teams/", "{\"name\":\"Reds\"}").status, 201);
    WEFT_CHECK_EQ(player("{\"name\":\"Ada\",\"email\":\"a@example.com\",\"goals\":2,\"team_id\":1}").status, 201);
    WEFT_CHECK_EQ(player("{\"name\":\"Ben\",\"email\":\"b@example.com\",\"goals\":2}").status, 201);
    WEFT_CHECK_EQ(player("{\"name\":\"Eve\",\"email\":\"e@example.com\",\"goals\":5,\"team_id\":1}").status, 201);
}

WEFT_TEST(players_are_found_by_example)
{
    three_players();
    WEFT_CHECK_JSON(weft_test_get(&app, "/players/?goals=2&order=-name&limit=1").body, [{ "id": 2, "name": "Ben", "email": "b@example.com", "goals": 2, "team_id": null }]);
    WEFT_CHECK_JSON(weft_test_get(&app, "/players/?limit=1&offset=2").body, [{ "id": 3, "name": "Eve", "email": "e@example.com", "goals": 5, "team_id": 1 }]);
    weft_str of = weft_test_get(&app, "/players/of?team_id=1&team_id=9").body;
    WEFT_CHECK(strstr(of.ptr, "Eve") && strstr(of.ptr, "Eve") < strstr(of.ptr, "Ada") && !strstr(of.ptr, "Ben"));
    WEFT_CHECK_STR(weft_test_get(&app, "/players/free").body, "1");
}

WEFT_TEST(players_of_a_team_that_is_removed_have_none)
{
    three_players();
    WEFT_CHECK_EQ(gone("/teams/1"), 204);
    WEFT_CHECK_STR(weft_test_get(&app, "/players/free").body, "3");
}

WEFT_TEST(the_program_prints_the_tables_that_it_wants)
{
    weft_test_result r = weft_test_program(weft_app_main, "--tables");
    WEFT_CHECK_EQ(r.status, 0);
    WEFT_CHECK_STR(r.out,
        "CREATE TABLE \"teams\" (\n"
        "    \"id\" INTEGER PRIMARY KEY AUTOINCREMENT,\n"
        "    \"name\" TEXT NOT NULL,\n"
        "    UNIQUE (\"name\")\n"
        ") STRICT;\n"
        "CREATE TABLE \"players\" (\n"
        "    \"id\" INTEGER PRIMARY KEY AUTOINCREMENT,\n"
        "    \"name\" TEXT NOT NULL,\n"
        "    \"email\" TEXT NOT NULL,\n"
        "    \"goals\" INTEGER NOT NULL DEFAULT 0,\n"
        "    \"team_id\" INTEGER,\n"
        "    UNIQUE (\"email\"),\n"
        "    FOREIGN KEY (\"team_id\") REFERENCES \"teams\" (\"id\") ON DELETE SET NULL\n"
        ") STRICT;\n"
        "CREATE INDEX \"players.name\" ON \"players\" (\"name\");\n"
        "CREATE INDEX \"players.team_id\" ON \"players\" (\"team_id\");\n");
}
