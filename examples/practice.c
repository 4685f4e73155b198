/* Several services asked at once, a background task that works on what they said when the client has its answer, and a WebSocket that tells how
 * far it is. Try it with three services on these ports, or read practice_test.c:
 *
 *     curl -X POST 'localhost:8000/reports/?city=Oslo'                 202 {"id":1,"state":"waiting",...}
 *     websocat ws://localhost:8000/reports/1/progress                  {"id":1,"state":"working","percent":33,...} ... "done"
 *     curl localhost:8000/reports/1                                    the report, as long as the database is there */
#include <stdlib.h>
#include <weft.h>

/* ---- what is kept ---- */

WEFT_ENUM(State, value(WAITING, "waiting"), value(WORKING, "working"), value(DONE, "done"), value(FAILED, "failed"));
WEFT_MODEL(Answer, field(weft_str, source), field(double, value));
WEFT_MODEL(Report, table("reports"),
    field(int64_t,  id),
    field(weft_str, city),
    field(State,    state),
    field(int,      percent),
    list (Answer,   answers),
    list (weft_str, failed),
    opt  (double,   mean),
    key(id));

/* For background tasks, to which only models are given. One in each worker. */
static weft_db *the_db;

static int database_open(const weft_none *in, weft_db **out)
{
    const char *url = getenv("DATABASE_URL");
    weft_db *db;
    (void)in;
    WEFT_TRY(weft_db_connect(url ? url : "sqlite://:memory:", &db));
    int rc = weft_db_create_table(db, Report);
    if (rc < 0) return weft_db_close(db, rc);
    *out = the_db = db;
    return 0;
}

static const weft_provider get_db = WEFT_PROVIDER(weft_db, weft_none, database_open, weft_db_close, .per = WEFT_PER_WORKER);

/* ---- 1. several services at once, each of which may fail alone ---- */

static const struct service { weft_str name; const char *url; } services[] = {
    { WEFT_S("alfa"), "http://localhost:8001/temperature" },
    { WEFT_S("beta"), "http://localhost:8002/temperature" },
    { WEFT_S("gama"), "http://localhost:8003/temperature" },
};
enum { SERVICES = weft_count(services) };

WEFT_MODEL(Temperature, field(double, value, .range = { -100, 100 }));
typedef struct ask_in { const char *url; weft_str city; } ask_in;

static int ask(const ask_in *in, Temperature *out)
{
    return weft_fetch(Temperature, out, "{+}?city={}", in->url, in->city);
}

static int ask_all(weft_str city, Report *out)
{
    ask_in asks[SERVICES];
    Temperature said[SERVICES];
    weft_error errors[SERVICES];
    weft_call calls[SERVICES];
    for (int i = 0; i < SERVICES; i++) {
        asks[i] = (ask_in){ services[i].url, city };
        calls[i] = weft_call(ask, &asks[i], &said[i], .error = &errors[i]);
    }
    WEFT_TRY(weft_gather_n(calls, SERVICES, .timeout_ms = 2000));
    for (int i = 0; i < SERVICES; i++) {
        if (errors[i].code < 0) weft_push(&out->failed, services[i].name);
        else weft_push(&out->answers, (Answer){ services[i].name, said[i].value });
    }
    return out->answers.count ? 0 : weft_fail(502, "no service answered in time");
}

/* ---- 2. what is done when the client has its answer ---- */

WEFT_MODEL(Work, field(Report, report));
static const char *const state_texts[] = { [WAITING] = "waiting", [WORKING] = "working", [DONE] = "done", [FAILED] = "failed" };

static weft_str room_of(int64_t id) { return weft_format("report-%lld", (long long)id); }

/* Kept first, then told to whoever listens: who comes in between has it from the database. */
static int tell(Report *r, State state, int percent)
{
    r->state = state;
    r->percent = percent;
    WEFT_TRY(weft_db_update(the_db, Report, r));
    int rc = weft_room_publish(room_of(r->id), weft_format("{\"state\":\"%s\",\"percent\":%d}", state_texts[state], percent));
    return rc < 0 ? rc : 0;
}

static int compute(Report *r)
{
    double sum = 0;
    int n = (int)r->answers.count;
    for (int i = 0; i < n; i++) {
        WEFT_TEMP;
        WEFT_TRY(weft_sleep_ms(1000));               /* what takes long */
        sum += r->answers.items[i].value;
        WEFT_TRY(tell(r, WORKING, 100 * (i + 1) / (n + 1)));
    }
    r->mean = (weft_opt_double)WEFT_SOME(sum / n);
    return tell(r, DONE, 100);
}

static int work_on(const Work *in)
{
    Report r = in->report;
    int rc = compute(&r);
    if (rc >= 0) return 0;
    WEFT_SCOPE(last, .shield = true, .timeout_ms = 1000);        /* also when it was cancelled: the program stops */
    if (tell(&r, FAILED, r.percent) < 0) weft_log_error("report %lld failed, and its row does not say so", (long long)r.id);
    return rc;
}

WEFT_INPUT(create_in, query(weft_str, city, .min_len = 1, .max_len = 80), depends(weft_db, db, get_db), reply(reply));

static int create_report(const create_in *in, Report *out)
{
    *out = (Report){ .city = in->city };
    WEFT_TRY(ask_all(in->city, out));
    WEFT_TRY(weft_db_insert(in->db, Report, out));
    weft_reply_header(in->reply, "Location", "/reports/%lld", (long long)out->id);
    return weft_background(Work, work_on, (&(Work){ *out }), .timeout_ms = 60000);
}

WEFT_INPUT(report_in, path(int64_t, id), depends(weft_db, db, get_db));

static int read_report(const report_in *in, Report *out)
{
    return weft_db_get(in->db, Report, out, in->id);
}

/* ---- 3. how far it is, while it happens ---- */

WEFT_MODEL(Progress, field(State, state), field(int, percent));

static int progress(const report_in *in, weft_ws *ws)
{
    Report r;
    weft_str said;
    WEFT_TRY(weft_db_get(in->db, Report, &r, in->id));            /* 404, before there is a WebSocket */
    weft_room *room = weft_room_join(ws, room_of(in->id));
    WEFT_TRY(weft_room_failed(room));
    WEFT_TRY(weft_db_get(in->db, Report, &r, in->id));            /* what was told before this one was in the room */
    WEFT_TRY(weft_ws_send_json(Progress, ws, (&(Progress){ r.state, r.percent })));
    if (r.state == DONE || r.state == FAILED) return 0;
    int rc;
    while ((rc = weft_ws_recv(ws, &said)) > 0) {}                 /* until it leaves; what is told goes out meanwhile */
    return rc;
}

const weft_app app = {
    .title = "Practice",
    .routes = WEFT_ROUTES(
        WEFT_POST("/reports/", create_report, create_in, Report, .status = 202),
        WEFT_GET("/reports/{id}", read_report, report_in, Report),
        WEFT_WS("/reports/{id}/progress", progress, report_in)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
