/* For databases.sh: a route that takes long in PostgreSQL, and one that does not, on one connection. Usage: e2e-database PORT URL */
#include <stdlib.h>
#include <weft.h>

static const char *url;

static int database_open(const weft_none *in, weft_db **out)
{
    (void)in;
    return weft_db_connect(url, out, .connections_max = 1, .acquire_ms = 20000, .statement_ms = 60000);
}
static const weft_provider database = WEFT_PROVIDER(weft_db, weft_none, database_open, weft_db_close, .per = WEFT_PER_WORKER);

WEFT_INPUT(db_in, depends(weft_db, db, database));

static int slow(const db_in *in, weft_str *out) { return weft_db_value(in->db, weft_str, out, "SELECT pg_sleep(60)::text"); }
static int backend(const db_in *in, int64_t *out) { return weft_db_value(in->db, int64_t, out, "SELECT pg_backend_pid()::bigint"); }

const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/slow", slow, db_in, weft_str), WEFT_GET("/backend", backend, db_in, int64_t)) };

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    url = argv[2];
    return weft_serve(&app, .port = atoi(argv[1]));
}
