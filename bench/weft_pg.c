/* Rows of PostgreSQL by key as one writes them with weft: GET /row is one, GET /rows twenty, asked at once, GET /gathered twenty by a task each.
 * GET /opened is one on a connection that the handler opens for it and closes.
 * Usage: weft_pg PORT URL [CONNECTIONS] */
#include <stdlib.h>
#include <weft.h>

enum { KEYS = 10000, MANY = 20 };
WEFT_MODEL(Row, field(int, id), field(int, number));

static const char *url;
static int connections = 4;
static uint32_t state = 1;

static int next_key(void)
{
    state = state * 1664525u + 1013904223u;
    return (int)(state >> 8) % KEYS + 1;
}

static int database_open(const weft_none *in, weft_db **out)
{
    (void)in;
    return weft_db_connect_with(url, out, &(weft_db_opts){ .connections_max = connections });
}
static const weft_provider database = WEFT_PROVIDER(weft_db, weft_none, database_open, weft_db_close, .per = WEFT_PER_WORKER);

WEFT_INPUT(row_in, depends(weft_db, db, database));
typedef struct wanted { weft_db *db; int key; } wanted;

static int find(const wanted *in, Row *out)
{
    return weft_db_one(in->db, Row, out, "SELECT id, number FROM world WHERE id = {}", in->key);
}

static int one_row(const row_in *in, Row *out) { return find(&(wanted){ in->db, next_key() }, out); }

static int rows(const row_in *in, WEFT_LIST(Row) *out)
{
    int keys[MANY];
    Row *found = weft_alloc(MANY * sizeof *found);
    if (!found) return WEFT_ENOMEM;
    for (int i = 0; i < MANY; i++) keys[i] = next_key();
    WEFT_TRY(weft_db_one_each(in->db, Row, found, int, keys, MANY, "SELECT id, number FROM world WHERE id = {}"));
    *out = (WEFT_LIST(Row)){ found, MANY, MANY };
    return 0;
}

static int gathered(const row_in *in, WEFT_LIST(Row) *out)
{
    wanted keys[MANY];
    weft_call calls[MANY];
    Row *found = weft_alloc(MANY * sizeof *found);
    if (!found) return WEFT_ENOMEM;
    for (int i = 0; i < MANY; i++) {
        keys[i] = (wanted){ in->db, next_key() };
        calls[i] = weft_call(find, &keys[i], &found[i]);
    }
    WEFT_TRY(weft_gather_n(calls, MANY));
    *out = (WEFT_LIST(Row)){ found, MANY, MANY };
    return 0;
}

static int opened(const weft_none *in, Row *out)
{
    weft_db *db;
    (void)in;
    WEFT_TRY(weft_db_connect(url, &db, .connections_max = 1));
    return weft_db_close(db, find(&(wanted){ db, next_key() }, out));
}

const weft_app app = { .starts = WEFT_STARTS(&database), .routes = WEFT_ROUTES(
    WEFT_GET("/row", one_row, row_in, Row),
    WEFT_GET("/rows", rows, row_in, WEFT_LIST(Row)),
    WEFT_GET("/opened", opened, weft_none, Row),
    WEFT_GET("/gathered", gathered, row_in, WEFT_LIST(Row))) };

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    url = argv[2];
    if (argc > 3) connections = atoi(argv[3]);
    return weft_serve(&app, .port = atoi(argv[1]));
}
