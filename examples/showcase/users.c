/* Users and items in a database, behind a dependency: each request that needs one is given it by get_db, which sees how the request ends. */
#include "users.h"
#include <stdlib.h>
#include "users_page.h"
#include "weft/table.h"

WEFT_MODEL(NewUser,
    field(weft_str, name,  .min_len = 1, .max_len = 100, .doc = "What to call them"),
    field(weft_str, email, .format = WEFT_EMAIL, .max_len = 254, .doc = "Nobody else's"));
WEFT_MODEL(User, table("users"), field(int64_t, id), embed(NewUser, user), key(id), unique(user.email));
WEFT_MODEL(Row, table("items"), field(int64_t, id), field(weft_str, name), field(double, price), key(id));

/* ---- the database ---- */

static int database_open(const weft_none *in, weft_db **out)
{
    const char *url = getenv("DATABASE_URL");
    (void)in;
    return weft_db_connect(url ? url : "sqlite://:memory:", out);
}

static const weft_provider database = WEFT_PROVIDER(weft_db, weft_none, database_open, weft_db_close, .per = WEFT_PER_WORKER);

static const Row first_items[] = { { 0, WEFT_S("Loom"), 450.5 }, { 0, WEFT_S("Shuttle"), 12.25 }, { 0, WEFT_S("Reed"), 31.0 } };
static const NewUser first_users[] = {
    { WEFT_S("Ada Lovelace"), WEFT_S("ada@example.com") }, { WEFT_S("Alan Turing"), WEFT_S("alan@example.com") }, { WEFT_S("Grace Hopper"), WEFT_S("grace@example.com") } };

static int fill(weft_db *db)
{
    int64_t users, items;
    WEFT_TRY(weft_db_count(db, User, &users));
    WEFT_TRY(weft_db_count(db, Row, &items));
    WEFT_TRANSACTION(tx, db);
    for (size_t i = 0; users == 0 && i < weft_count(first_users); i++) WEFT_TRY(weft_db_insert(tx, User, (&(User){ .user = first_users[i] })));
    for (size_t i = 0; items == 0 && i < weft_count(first_items); i++) WEFT_TRY(weft_db_insert(tx, Row, (&(Row){ 0, first_items[i].name, first_items[i].price })));
    return weft_db_commit(tx);
}

int users_prepare(void)
{
    weft_db *db;
    WEFT_TRY(database_open(NULL, &db));
    int rc = weft_db_create_table(db, User);
    if (rc == 0) rc = weft_db_create_table(db, Row);
    if (rc == 0) rc = fill(db);
    if (rc == WEFT_EDB_UNIQUE) rc = 0;               /* another one that starts has done it */
    return weft_db_close(db, rc);
}

WEFT_MODEL(Server, field(int64_t, opened), field(int64_t, closed), field(int64_t, failed));

static int server_open(const weft_none *in, Server **out)
{
    (void)in;
    *out = weft_new(Server);
    return *out ? 0 : WEFT_ENOMEM;
}

static const weft_provider server = WEFT_PROVIDER(Server, weft_none, server_open, NULL, .per = WEFT_PER_WORKER);

/* ---- get_db ---- */

typedef struct connection { weft_db *db; Server *server; } connection;
WEFT_INPUT(connect_in, depends(weft_db, db, database), depends(Server, server, server));

static int connect_to_db(const connect_in *in, connection **out)
{
    connection *c = weft_new(connection);
    if (!c) return WEFT_ENOMEM;
    *c = (connection){ in->db, in->server };
    c->server->opened++;
    *out = c;
    return 0;
}

static int close_db(connection *c, int rc)
{
    if (rc < 0) c->server->failed++;
    c->server->closed++;
    return rc;
}

static const weft_provider get_db = WEFT_PROVIDER(connection, connect_in, connect_to_db, close_db);

/* ---- queries ---- */

WEFT_INPUT(db_in, depends(connection, db, get_db));
WEFT_INPUT(user_in, path(int64_t, user_id, .example = "1"), depends(connection, db, get_db));
WEFT_INPUT(create_user_in, body(NewUser, user, .example = "{\"name\":\"Joan Clarke\",\"email\":\"joan@example.com\"}"), depends(connection, db, get_db));

static int read_items(const db_in *in, weft_list_Row *out)
{
    return weft_db_all(in->db->db, Row, out, "SELECT * FROM items ORDER BY id LIMIT 1000");
}

static int fetch_users(const db_in *in, weft_list_User *out)
{
    return weft_db_all(in->db->db, User, out, "SELECT * FROM users ORDER BY id LIMIT 1000");
}

static int get_user(const user_in *in, User *out)
{
    int rc = weft_db_one(in->db->db, User, out, "SELECT * FROM users WHERE id = {}", in->user_id);
    return rc == WEFT_ENOENT ? weft_fail(404, "User not found") : rc;
}

static int create_user(const create_user_in *in, User *out)
{
    *out = (User){ .user = in->user };
    int rc = weft_db_insert(in->db->db, User, out);
    return rc == WEFT_EDB_UNIQUE ? weft_fail(409, "Another user has this email address") : rc;
}

static int users_page(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_html(out, WEFT_S(USERS_PAGE));
}

WEFT_INPUT(connections_in, depends(Server, server, server));

static int connections(const connections_in *in, Server *out)
{
    *out = *in->server;
    return 0;
}

#define NO_USER .responses = WEFT_RESPONSES(WEFT_RESPONSE(404, "User not found"))
#define TAKEN .responses = WEFT_RESPONSES(WEFT_RESPONSE(409, "Another user has this email address"))

const weft_router users = {
    .tag = "users",
    .routes = WEFT_ROUTES(
        WEFT_GET("/items/", read_items, db_in, weft_list_Row),
        WEFT_GET("/fetch-users", fetch_users, db_in, weft_list_User),
        WEFT_GET("/users/{user_id}", get_user, user_in, User, NO_USER),
        WEFT_POST("/users/", create_user, create_user_in, User, .status = 201, TAKEN),
        WEFT_GET("/users", users_page, weft_none, weft_reply, .responses = WEFT_RESPONSES(WEFT_RESPONSE(200, "The page", .content_type = "text/html"))),
        WEFT_GET("/connections", connections, connections_in, Server)),
};
