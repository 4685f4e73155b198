/* What handlers depend on: a database for the whole program, a session and a user for each request, guards, and one function for
 * several providers. */
#include <stdio.h>
#include <string.h>
#include "weft.h"

/* ---- a database, opened when the program starts and closed when it stops ---- */

typedef struct row { char name[32], owner[32]; } row;
typedef struct database { row rows[100]; int count, sessions; } database;

static int database_open(const weft_none *in, database **out)
{
    (void)in;
    database *db = weft_new(database);
    if (!db) return WEFT_ENOMEM;
    db->rows[0] = (row){ "warp", "ada" };
    db->rows[1] = (row){ "weft", "bob" };
    db->count = 2;
    *out = db;
    return 0;
}

static int database_close(database *db, int rc)
{
    return db->sessions ? weft_fail(WEFT_EBUSY, "%d sessions are open", db->sessions) : rc;
}

const weft_provider database_of = WEFT_PROVIDER(database, weft_none, database_open, database_close, .per = WEFT_PER_WORKER);

/* ---- a session for each request: what it added is kept only if all went well ---- */

typedef struct session { database *db; int count; } session;
WEFT_INPUT(session_in, depends(database, db, database_of));

static int session_open(const session_in *in, session **out)
{
    session *s = weft_new(session);
    if (!s) return WEFT_ENOMEM;
    *s = (session){ in->db, in->db->count };
    in->db->sessions++;
    *out = s;
    return 0;
}

static int session_close(session *s, int rc)
{
    bool full = s->db->count == (int)weft_count(s->db->rows);
    s->db->sessions--;
    if (rc < 0 || full) s->db->count = s->count;
    return full ? weft_fail(507, "the database is full") : rc;
}

const weft_provider session_of = WEFT_PROVIDER(session, session_in, session_open, session_close);

/* ---- a user, who needs a session to be looked up in ---- */

typedef struct user { weft_str name; bool admin; } user;
WEFT_INPUT(user_in, header(WEFT_OPT(weft_str), x_token, .doc = "Who asks"), depends(session, session, session_of));

static int user_open(const user_in *in, user **out)
{
    if (!in->x_token.set) return weft_fail_header(weft_fail(401, "Not authenticated"), "WWW-Authenticate", "Token");
    user *u = weft_new(user);
    if (!u) return WEFT_ENOMEM;
    u->name = in->x_token.value;
    u->admin = weft_str_equal(u->name, WEFT_S("ada"));
    *out = u;
    return 0;
}

const weft_provider current_user = WEFT_PROVIDER(user, user_in, user_open, NULL);

/* ---- handlers that are given them ---- */

WEFT_MODEL(Item, field(int, id), field(weft_str, name), field(weft_str, owner));
WEFT_INPUT(list_in, depends(session, session, session_of));

static Item item_of(const database *db, int i)
{
    const row *r = &db->rows[i];
    return (Item){ i + 1, weft_str_of(r->name), weft_str_of(r->owner) };
}

static int list_items(const list_in *in, weft_list_Item *out)
{
    const database *db = in->session->db;
    for (int i = 0; i < db->count; i++) weft_push(out, item_of(db, i));
    return 0;
}

WEFT_MODEL(NewItem, field(weft_str, name, .min_len = 1, .max_len = 7));
WEFT_INPUT(add_in, body(NewItem, item), depends(session, session, session_of), depends(user, user, current_user));

static int add_item(const add_in *in, Item *out)
{
    database *db = in->session->db;
    row *r = &db->rows[db->count++];
    snprintf(r->name, sizeof r->name, "%s", in->item.name.ptr);
    snprintf(r->owner, sizeof r->owner, "%s", in->user->name.ptr);
    if (strcmp(r->name, "knot") == 0) return weft_fail(409, "a knot cannot be added");
    *out = item_of(db, db->count - 1);
    return 0;
}

/* ---- guards, which give nothing ---- */

WEFT_INPUT(admin_in, depends(user, user, current_user));

static int is_admin(const admin_in *in)
{
    return in->user->admin ? 0 : weft_fail(403, "admins only");
}

const weft_provider admins_only = WEFT_GUARD(admin_in, is_admin);

WEFT_MODEL(Status, field(int, sessions), field(int, items));
WEFT_INPUT(status_in, depends(database, db, database_of));

static int status(const status_in *in, Status *out)
{
    *out = (Status){ in->db->sessions, in->db->count };
    return 0;
}

const weft_router admin = {
    .prefix = "/admin",
    .depends = WEFT_DEPENDS(&admins_only),
    .routes = WEFT_ROUTES(WEFT_GET("/status", status, status_in, Status)),
};

/* ---- one function, several providers ---- */

typedef struct needle { const char *text; } needle;
WEFT_INPUT(finder_in, query(weft_str, q, .initial = ""), config(needle, wanted));

static int finder_open(const finder_in *in, bool **out)
{
    *out = weft_new(bool);
    if (!*out) return WEFT_ENOMEM;
    **out = strstr(in->q.ptr, in->wanted->text) != NULL;
    return 0;
}

const weft_provider says_warp = WEFT_PROVIDER(bool, finder_in, finder_open, NULL, WEFT_CONFIG(needle, .text = "warp"));
const weft_provider says_weft = WEFT_PROVIDER(bool, finder_in, finder_open, NULL, WEFT_CONFIG(needle, .text = "weft"));

WEFT_MODEL(Found, field(bool, warp), field(bool, weft));
WEFT_INPUT(find_in, depends(bool, warp, says_warp), depends(bool, weft, says_weft));

static int find(const find_in *in, Found *out)
{
    *out = (Found){ *in->warp, *in->weft };
    return 0;
}

const weft_app app = {
    .title = "Dependencies",
    .starts = WEFT_STARTS(&database_of),
    .routers = WEFT_ROUTERS(&admin),
    .routes = WEFT_ROUTES(
        WEFT_GET("/items/", list_items, list_in, weft_list_Item),
        WEFT_POST("/items/", add_item, add_in, Item, .status = 201),
        WEFT_GET("/find", find, find_in, Found)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
