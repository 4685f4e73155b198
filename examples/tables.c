/* Models that are tables: players and their teams, made, found by example, changed and removed. DATABASE_URL names another database.
 *
 *     ./tables --tables > migrations/0001_first.sql        what makes the tables */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft.h>

WEFT_MODEL(NewTeam, field(weft_str, name, .min_len = 1, .max_len = 80));
WEFT_MODEL(Team, table("teams"), field(int64_t, id), embed(NewTeam, team), key(id), unique(team.name));

WEFT_MODEL(NewPlayer,
    field(weft_str, name,  .min_len = 1, .max_len = 100),
    field(weft_str, email, .format = WEFT_EMAIL),
    field(int,      goals, .initial = "0", .range = { 0, WEFT_NO_END }),
    opt  (int64_t,  team_id));
WEFT_MODEL(Player, table("players"),
    field(int64_t, id),
    embed(NewPlayer, player),
    key(id), unique(player.email), index(player.name), reference(player.team_id, Team, .on_delete = WEFT_SET_NULL));

/* ---- the database ---- */

static int connect_to(weft_db **out)
{
    const char *url = getenv("DATABASE_URL");
    return weft_db_connect(url ? url : "sqlite://:memory:", out);
}

static int database_open(const weft_none *in, weft_db **out)
{
    weft_db *db;
    (void)in;
    WEFT_TRY(connect_to(&db));
    int rc = weft_db_create_table(db, Player);       /* and teams before it, to which it refers */
    if (rc < 0) return weft_db_close(db, rc);
    *out = db;
    return 0;
}

static const weft_provider get_db = WEFT_PROVIDER(weft_db, weft_none, database_open, weft_db_close, .per = WEFT_PER_WORKER);

/* ---- rows ---- */

WEFT_INPUT(team_in, body(NewTeam, team), depends(weft_db, db, get_db));
WEFT_INPUT(player_in, body(NewPlayer, player), depends(weft_db, db, get_db));
WEFT_INPUT(one_in, path(int64_t, id), depends(weft_db, db, get_db));

static int create_team(const team_in *in, Team *out)
{
    *out = (Team){ .team = in->team };
    return weft_db_insert(in->db, Team, out);
}

static int create_player(const player_in *in, Player *out)
{
    *out = (Player){ .player = in->player };
    int rc = weft_db_insert(in->db, Player, out);
    if (rc == WEFT_EDB_UNIQUE) return weft_fail(409, "%s is taken", in->player.email.ptr);
    if (rc == WEFT_EDB_REFERENCE) return weft_fail(409, "there is no such team");
    return rc;
}

static int read_player(const one_in *in, Player *out)
{
    return weft_db_get(in->db, Player, out, in->id);
}

static int remove_player(const one_in *in, weft_none *out)
{
    (void)out;
    return weft_db_delete(in->db, Player, in->id);
}

static int remove_team(const one_in *in, weft_none *out)
{
    (void)out;
    return weft_db_delete(in->db, Team, in->id);
}

/* ---- a part of a row ---- */

WEFT_MODEL(PlayerPatch,
    opt(weft_str, name,  .not_null = true, .min_len = 1, .max_len = 100),
    opt(int,      goals, .not_null = true, .range = { 0, WEFT_NO_END }),
    opt(int64_t,  team_id));
WEFT_INPUT(patch_in, path(int64_t, id), body(PlayerPatch, patch), depends(weft_db, db, get_db));

static int change_player(const patch_in *in, Player *out)
{
    return weft_db_patch(in->db, Player, out, PlayerPatch, &in->patch, in->id);
}

/* ---- by example ---- */

WEFT_MODEL(PlayerFilter, opt(weft_str, name), opt(int, goals));
WEFT_INPUT(list_in,
    query(PlayerFilter, filter),
    query(weft_str,     order,  .initial = "name", .pattern = "^-?(name|goals)$"),
    query(int,          limit,  .initial = "20", .range = { 1, 100 }),
    query(int,          offset, .initial = "0", .range = { 0, 1000000 }),
    depends(weft_db, db, get_db));

static int list_players(const list_in *in, weft_list_Player *out)
{
    return weft_db_find(in->db, Player, out, .like = weft_fields(PlayerFilter, &in->filter), .order = in->order.ptr, .limit = in->limit, .offset = in->offset);
}

WEFT_MODEL(OfTeams, list(int64_t, team_id, .max_items = 20));
WEFT_INPUT(teams_in, query(OfTeams, teams), depends(weft_db, db, get_db));

static int players_of_teams(const teams_in *in, weft_list_Player *out)
{
    return weft_db_find(in->db, Player, out, .like = weft_fields(OfTeams, &in->teams), .order = "team_id, -goals");
}

WEFT_MODEL(NoTeam, opt(int64_t, team_id));
WEFT_INPUT(free_in, depends(weft_db, db, get_db));

static int count_free(const free_in *in, int64_t *out)
{
    NoTeam like = { .team_id = { .null = true } };
    return weft_db_count(in->db, Player, out, .like = weft_fields(NoTeam, &like));
}

const weft_app app = {
    .title = "Players",
    .routes = WEFT_ROUTES(
        WEFT_POST("/teams/", create_team, team_in, Team, .status = 201),
        WEFT_DELETE("/teams/{id}", remove_team, one_in, weft_none, .status = 204),
        WEFT_POST("/players/", create_player, player_in, Player, .status = 201),
        WEFT_GET("/players/", list_players, list_in, weft_list_Player),
        WEFT_GET("/players/of", players_of_teams, teams_in, weft_list_Player),
        WEFT_GET("/players/free", count_free, free_in, int64_t),
        WEFT_GET("/players/{id}", read_player, one_in, Player),
        WEFT_PATCH("/players/{id}", change_player, patch_in, Player),
        WEFT_DELETE("/players/{id}", remove_player, one_in, weft_none, .status = 204)),
};

/* ---- a first migration ---- */

static int print_tables(void)
{
    weft_db *db;
    weft_str teams, players;
    WEFT_TRY(connect_to(&db));
    int rc = weft_db_table_sql(db, Team, &teams);
    if (rc == 0) rc = weft_db_table_sql(db, Player, &players);
    if (rc == 0) printf("%s%s", teams.ptr, players.ptr);
    return weft_db_close(db, rc);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--tables") == 0) return weft_run(print_tables) < 0;
    return weft_serve(&app, .port = 8000);
}
