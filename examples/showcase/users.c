/* Users and items behind a dependency: each request that needs a connection gets one, and it is closed behind it, whatever has
 * happened. The tables are in memory until there is a database. */
#include "users.h"

WEFT_MODEL(User, field(int64_t, id), field(weft_str, name), field(weft_str, email));
WEFT_MODEL(Row, field(int64_t, id), field(weft_str, name), field(double, price));

static const User user_table[] = {
    { 1, WEFT_S("Ada Lovelace"), WEFT_S("ada@example.com") },
    { 2, WEFT_S("Alan Turing"), WEFT_S("alan@example.com") },
    { 3, WEFT_S("Grace Hopper"), WEFT_S("grace@example.com") },
};
static const Row item_table[] = {
    { 1, WEFT_S("Loom"), 450.5 }, { 2, WEFT_S("Shuttle"), 12.25 }, { 3, WEFT_S("Reed"), 31.0 },
};

/* ---- the server of the database: it knows how many are connected ---- */

WEFT_MODEL(Server, field(int64_t, opened), field(int64_t, closed), field(int64_t, failed));

static int server_open(const weft_none *in, Server **out)
{
    (void)in;
    *out = weft_new(Server);
    return *out ? 0 : WEFT_ENOMEM;
}

static const weft_provider server = WEFT_PROVIDER(Server, weft_none, server_open, NULL, .per = WEFT_PER_WORKER);

/* ---- get_db ---- */

typedef struct connection { Server *server; } connection;
WEFT_INPUT(connect_in, depends(Server, server, server));

static int connect_to_db(const connect_in *in, connection **out)
{
    WEFT_TRY(weft_sleep_ms(5));
    connection *db = weft_new(connection);
    if (!db) return WEFT_ENOMEM;
    db->server = in->server;
    db->server->opened++;
    *out = db;
    return 0;
}

static int close_db(connection *db, int rc)
{
    if (rc < 0) db->server->failed++;
    db->server->closed++;
    return rc;
}

static const weft_provider get_db = WEFT_PROVIDER(connection, connect_in, connect_to_db, close_db);

/* ---- queries: they take a while ---- */

WEFT_INPUT(db_in, depends(connection, db, get_db));
WEFT_INPUT(user_in, path(int64_t, user_id, .example = "1"), depends(connection, db, get_db));

static int read_items(const db_in *in, weft_list_Row *out)
{
    (void)in;
    WEFT_TRY(weft_sleep_ms(20));
    for (size_t i = 0; i < weft_count(item_table); i++) weft_push(out, item_table[i]);
    return 0;
}

static int fetch_users(const db_in *in, weft_list_User *out)
{
    (void)in;
    WEFT_TRY(weft_sleep_ms(20));
    for (size_t i = 0; i < weft_count(user_table); i++) weft_push(out, user_table[i]);
    return 0;
}

static int get_user(const user_in *in, User *out)
{
    WEFT_TRY(weft_sleep_ms(20));
    for (size_t i = 0; i < weft_count(user_table); i++) {
        if (user_table[i].id != in->user_id) continue;
        *out = user_table[i];
        return 0;
    }
    return weft_fail(404, "User not found");
}

WEFT_INPUT(connections_in, depends(Server, server, server));

static int connections(const connections_in *in, Server *out)
{
    *out = *in->server;
    return 0;
}

#define NO_USER .responses = WEFT_RESPONSES(WEFT_RESPONSE(404, "User not found"))

const weft_router users = {
    .tag = "users",
    .routes = WEFT_ROUTES(
        WEFT_GET("/items/", read_items, db_in, weft_list_Row),
        WEFT_GET("/fetch-users", fetch_users, db_in, weft_list_User),
        WEFT_GET("/users/{user_id}", get_user, user_in, User, NO_USER),
        WEFT_GET("/connections", connections, connections_in, Server)),
};
