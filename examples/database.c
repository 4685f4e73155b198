/* Users in a database: what is sent is stored, found, listed; what is there already is a 409. DATABASE_URL names another one. */
#include <stdio.h>
#include <stdlib.h>
#include <weft.h>

WEFT_MODEL(NewUser, field(weft_str, name, .min_len = 1, .max_len = 100), field(weft_str, email, .format = WEFT_EMAIL));
WEFT_MODEL(User, table("users"), field(int64_t, id), embed(NewUser, user), key(id), unique(user.email));
WEFT_MODEL(Transfer, field(int64_t, from), field(int64_t, to), field(int64_t, cents, .range = { 1, 1000000 }));

/* ---- the database: opened when the program starts, closed when it stops ---- */

static int database_open(const weft_none *in, weft_db **out)
{
    const char *url = getenv("DATABASE_URL");
    weft_db *db;
    (void)in;
    WEFT_TRY(weft_db_connect(url ? url : "sqlite://:memory:", &db));
    int rc = weft_db_create_table(db, User);
    if (rc == 0) rc = weft_db_script(db, "CREATE TABLE IF NOT EXISTS accounts (user_id BIGINT PRIMARY KEY REFERENCES users (id), cents BIGINT NOT NULL CHECK (cents >= 0));");
    if (rc < 0) return weft_db_close(db, rc);
    *out = db;
    return 0;
}

static const weft_provider get_db = WEFT_PROVIDER(weft_db, weft_none, database_open, weft_db_close, .per = WEFT_PER_WORKER);

/* ---- one statement ---- */

WEFT_INPUT(create_in, body(NewUser, user), depends(weft_db, db, get_db));

static int create_user(const create_in *in, User *out)
{
    int rc = weft_db_one(in->db, User, out, "INSERT INTO users (name, email) VALUES (:name, :email) RETURNING *", weft_fields(NewUser, &in->user));
    if (rc == WEFT_EDB_UNIQUE) return weft_fail(409, "%s is taken", in->user.email.ptr);
    return rc;
}

WEFT_INPUT(user_in, path(int64_t, user_id), depends(weft_db, db, get_db));

static int read_user(const user_in *in, User *out)
{
    int rc = weft_db_one(in->db, User, out, "SELECT * FROM users WHERE id = {}", in->user_id);
    return rc == WEFT_ENOENT ? weft_fail(404, "User not found") : rc;
}

WEFT_INPUT(list_in, query(int, limit, .initial = "20", .range = { 1, 100 }), depends(weft_db, db, get_db));

static int list_users(const list_in *in, weft_list_User *out)
{
    return weft_db_all(in->db, User, out, "SELECT * FROM users ORDER BY name LIMIT {}", in->limit);
}

WEFT_INPUT(pick_in, query(WEFT_LIST(int64_t), ids, .as = "id", .max_items = 50), depends(weft_db, db, get_db));

static int pick_users(const pick_in *in, weft_list_User *out)
{
    return weft_db_all_each(in->db, User, out, int64_t, in->ids.items, in->ids.count, "SELECT * FROM users WHERE id = {}");
}

/* ---- several: all of them, or none ---- */

WEFT_INPUT(transfer_in, body(Transfer, order), depends(weft_db, db, get_db));

static int add(weft_db *db, int64_t user_id, int64_t cents)
{
    int rc = weft_db_execute(db, "INSERT INTO accounts (user_id, cents) VALUES ({}, {})", user_id, cents);
    return rc == WEFT_EDB_UNIQUE ? weft_db_execute(db, "UPDATE accounts SET cents = cents + {} WHERE user_id = {}", cents, user_id) : rc;
}

static int take(weft_db *db, int64_t user_id, int64_t cents)
{
    int rc = weft_db_execute(db, "UPDATE accounts SET cents = cents - {} WHERE user_id = {}", cents, user_id);
    return rc == 0 || rc == WEFT_EDB_CHECK ? weft_fail(409, "not enough money") : rc;
}

static int transfer(const transfer_in *in, weft_none *out)
{
    (void)out;
    WEFT_TRANSACTION(tx, in->db);
    WEFT_TRY(add(tx, in->order.to, in->order.cents));
    WEFT_TRY(take(tx, in->order.from, in->order.cents));
    return weft_db_commit(tx);
}

static int pay_in(const transfer_in *in, weft_none *out)
{
    (void)out;
    WEFT_TRY(add(in->db, in->order.to, in->order.cents));
    return 0;
}

/* ---- more rows than memory holds ---- */

WEFT_INPUT(export_in, depends(weft_db, db, get_db));

static int export_users(const export_in *in, weft_stream *out)
{
    User user;
    WEFT_ROWS(rows);
    weft_reply_header(weft_stream_reply(out), "Content-Type", "text/csv");
    WEFT_TRY(weft_db_rows(&rows, in->db, "SELECT * FROM users ORDER BY id"));
    for (int rc; (rc = weft_rows_next(User, rows, &user)) != 0;) {
        WEFT_TRY(rc);
        WEFT_TEMP;
        WEFT_TRY(weft_write(out, weft_format("%lld,%s\n", (long long)user.id, user.user.email.ptr)));
    }
    return 0;
}

const weft_app app = {
    .title = "Users",
    .routes = WEFT_ROUTES(
        WEFT_POST("/users/", create_user, create_in, User, .status = 201),
        WEFT_GET("/users/", list_users, list_in, weft_list_User),
        WEFT_GET("/users/{user_id}", read_user, user_in, User),
        WEFT_GET("/picked-users/", pick_users, pick_in, weft_list_User),
        WEFT_GET("/users.csv", export_users, export_in, weft_stream),
        WEFT_POST("/payments/", pay_in, transfer_in, weft_none, .status = 204),
        WEFT_POST("/transfers/", transfer, transfer_in, weft_none, .status = 204)),
};

int main(int argc, char **argv) { return weft_serve(&app, .port = argc > 1 ? atoi(argv[1]) : 8000); }
