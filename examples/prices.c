/* Prices in PostgreSQL, in bulk: a CSV goes in while it comes and out while it is sent, and pages hear what has changed. DATABASE_URL names the database. Try it:
 *
 *     printf 'day,city,cents\n2026-11-21,Rome,450\n2026-11-22,Rome,475\n' | curl --data-binary @- localhost:8000/prices.csv
 *     curl 'localhost:8000/prices.csv?city=Rome'
 *     curl -N localhost:8000/changes  */
#include <stdlib.h>
#include <weft.h>

WEFT_MODEL(Price, table("prices"),
    field(weft_date, day), field(weft_str, city, .min_len = 1, .max_len = 80), field(int64_t, cents, .range = { 0, 1e12 }),
    key(day, city), index(city, day));
WEFT_MODEL(Copied, field(int64_t, rows));

static int database_open(const weft_none *in, weft_db **out)
{
    const char *url = getenv("DATABASE_URL");
    weft_db *db;
    (void)in;
    WEFT_TRY(weft_db_connect(url ? url : "postgresql:///prices", &db));
    int rc = weft_db_create_table(db, Price);
    if (rc < 0) return weft_db_close(db, rc);
    *out = db;
    return 0;
}

static const weft_provider get_db = WEFT_PROVIDER(weft_db, weft_none, database_open, weft_db_close, .per = WEFT_PER_WORKER);

/* ---- into the table ---- */

/* Who imports is one of us: he is told which line it was, and why. */
static int refused(int rc)
{
    if (rc == WEFT_EDB_CHECK) return weft_fail(422, "nothing was kept: %s", weft_error_of(rc)->text);
    if (rc == WEFT_EDB_UNIQUE) return weft_fail(409, "nothing was kept: %s", weft_error_of(rc)->text);
    return rc;
}

WEFT_INPUT(import_in, body(weft_body, csv), depends(weft_db, db, get_db));

static int import(const import_in *in, Copied *out)
{
    weft_str bytes;
    WEFT_TRANSACTION(tx, in->db);
    WEFT_COPY(copy);
    WEFT_TRY(weft_db_copy_text(&copy, tx, WEFT_CSV_HEADER, "prices (day, city, cents)"));
    for (int rc; (rc = weft_body_read(&in->csv, &bytes)) != 0;) {
        WEFT_TRY(rc);
        WEFT_TRY(refused(weft_copy_write(copy, bytes)));
    }
    WEFT_TRY(refused(weft_copy_end(copy, &out->rows)));
    WEFT_TRY(weft_db_notify(tx, "prices", weft_format("%lld", (long long)out->rows).ptr));
    return weft_db_commit(tx);
}

WEFT_INPUT(add_in, body(WEFT_LIST(Price), prices), depends(weft_db, db, get_db));

static int add(const add_in *in, Copied *out)
{
    int rows = refused(weft_db_copy(in->db, Price, in->prices.items, in->prices.count));
    if (rows < 0) return rows;
    *out = (Copied){ rows };
    return weft_db_notify(in->db, "prices", weft_format("%d", rows).ptr);
}

/* ---- out of it ---- */

WEFT_INPUT(export_in, query(WEFT_OPT(weft_str), city), depends(weft_db, db, get_db));

static int export(const export_in *in, weft_stream *out)
{
    weft_str bytes;
    WEFT_COPY(copy);
    WEFT_TRY(weft_db_copy_out(&copy, in->db, WEFT_CSV_HEADER, "SELECT day, city, cents FROM prices WHERE city = coalesce({}, city) ORDER BY city, day", in->city));
    WEFT_TRY(weft_reply_header(weft_stream_reply(out), "Content-Type", "text/csv; charset=utf-8"));
    WEFT_TRY(weft_reply_header(weft_stream_reply(out), "Content-Disposition", "attachment; filename=\"prices.csv\""));
    for (int rc; (rc = weft_copy_read(copy, &bytes)) != 0;) {
        WEFT_TRY(rc);
        WEFT_TRY(weft_write(out, bytes));
    }
    return 0;
}

static int export_lines(const export_in *in, weft_stream *out)
{
    Price price;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_copy_rows(&rows, in->db, "SELECT * FROM prices WHERE city = coalesce({}, city) ORDER BY city, day", in->city));
    for (int rc; (rc = weft_rows_next(Price, rows, &price)) != 0;) {
        WEFT_TRY(rc);
        WEFT_TRY(weft_write_item(Price, out, &price));
    }
    return 0;
}

/* ---- messages ---- */

WEFT_INPUT(changes_in, depends(weft_db, db, get_db));

static int changes(const changes_in *in, weft_events *out)
{
    weft_db_message m;
    WEFT_DB_SUB(sub);
    WEFT_TRY(weft_db_listen(in->db, &sub, "prices"));
    WEFT_TRY(weft_event(out, .comment = WEFT_S("listening")));
    for (int rc; (rc = weft_db_next(sub, &m)) != 0;) {
        WEFT_TRY(rc);
        if (m.gap) WEFT_TRY(weft_event(out, .type = WEFT_S("missed"), .data = WEFT_S("some")));
        else WEFT_TRY(weft_event(out, .type = WEFT_S("prices"), .data = m.text));
    }
    return 0;
}

const weft_app app = {
    .title = "Prices",
    .routes = WEFT_ROUTES(
        WEFT_POST("/prices.csv", import, import_in, Copied, .body_bytes_max = INT64_C(10) << 30),
        WEFT_POST("/prices", add, add_in, Copied),
        WEFT_GET("/prices.csv", export, export_in, weft_stream),
        WEFT_GET("/prices.jsonl", export_lines, export_in, weft_stream),
        WEFT_GET("/changes", changes, changes_in, weft_events)),
};

int main(int argc, char **argv) { return weft_serve(&app, .port = argc > 1 ? atoi(argv[1]) : 8000); }
