/* gcc:   none
 * clang: none */
#include "weft.h"

typedef struct database database;
typedef struct account { int64_t id; } account;
static int database_open(const weft_none *in, database **out) { (void)in; (void)out; return 0; }
static int database_close(database *db, int rc) { (void)db; return rc; }
const weft_provider db = WEFT_PROVIDER(database, weft_none, database_open, database_close, .per = WEFT_PER_WORKER);

typedef struct role { const char *name; } role;
WEFT_INPUT(account_in, header(weft_str, authorization), depends(database, db, db), request(request), reply(reply), config(role, role));
static int account_open(const account_in *in, account **out)
{
    if (!in->authorization.len || !in->role->name) return weft_fail(401, "log in first");
    *out = weft_new(account);
    return *out ? 0 : WEFT_ENOMEM;
}
static const weft_provider admin = WEFT_PROVIDER(account, account_in, account_open, NULL, WEFT_CONFIG(role, .name = "admin"));

WEFT_INPUT(token_in, header(weft_str, x_token));
static int check_token(const token_in *in) { return in->x_token.len ? 0 : weft_fail(400, "no token"); }
static const weft_provider token = WEFT_GUARD(token_in, check_token);

WEFT_INPUT(me_in, depends(account, me, admin), depends(database, db, db));
static int me(const me_in *in, int64_t *out)
{
    *out = in->db ? in->me->id : 0;
    return 0;
}

static const weft_router under = { .prefix = "/under", .depends = WEFT_DEPENDS(&token, &admin) };
const weft_app app = { .starts = WEFT_STARTS(&db), .depends = WEFT_DEPENDS(&token), .routers = WEFT_ROUTERS(&under),
    .routes = WEFT_ROUTES(WEFT_GET("/me", me, me_in, int64_t, .depends = WEFT_DEPENDS(&token))) };
