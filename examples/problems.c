/* Failures: what clients are told, in which form, and what the log alone is told. Try it:
 *
 *     curl -i localhost:8000/api/accounts/9
 *     curl -i -H 'Authorization: Bearer ada' --json '{"from":1,"to":2,"cents":9999}' localhost:8000/api/transfers
 *     curl -i localhost:8000/api/rates
 *     curl -i localhost:8000/nowhere
 *
 * and open http://localhost:8000/ledger in a browser: first with ./problems, then with ./problems debug.  */
#include <weft.h>

WEFT_MODEL(Account,  field(int, id), field(int64_t, cents));
WEFT_MODEL(Transfer, field(int, from), field(int, to), field(int64_t, cents, .range = { 1, 1000000 }));
WEFT_MODEL(Rates,    field(double, dollar));

static Account accounts[] = { { 1, 5000 }, { 2, 0 } };

static int find(int id, Account **out)
{
    for (size_t i = 0; i < weft_count(accounts); i++)
        if (accounts[i].id == id) {
            *out = &accounts[i];
            return 0;
        }
    return weft_fail(404, "there is no account %d", id);
}

WEFT_INPUT(account_in, path(int, id));

static int read_account(const account_in *in, Account *out)
{
    Account *found = NULL;
    WEFT_TRY(find(in->id, &found));
    *out = *found;
    return 0;
}

/* ---- a detail that is a model, and a header ---- */

WEFT_MODEL(TooLittle, field(weft_str, type), field(weft_str, detail), field(int64_t, balance), field(int64_t, needed));
WEFT_INPUT(transfer_in, header(WEFT_OPT(weft_str), authorization), body(Transfer, order));

static int transfer(const transfer_in *in, Account *out)
{
    Account *from = NULL, *to = NULL;
    if (!in->authorization.set)
        return weft_fail_header(weft_fail(401, "whose money is it?"), "WWW-Authenticate", "Bearer");
    WEFT_TRY(find(in->order.from, &from));
    WEFT_TRY(find(in->order.to, &to));
    if (from->cents < in->order.cents)
        return weft_fail_json(409, TooLittle, &(TooLittle){
            .type = WEFT_S("https://bank.example/too-little"), .detail = WEFT_S("Not enough money."),
            .balance = from->cents, .needed = in->order.cents });
    from->cents -= in->order.cents;
    to->cents += in->order.cents;
    *out = *from;
    return 0;
}

/* ---- failures that nobody outside has to know of ---- */

/* In the place of a call to another service, which is down. */
static int ask_for_rates(double *dollar)
{
    (void)dollar;
    return weft_fail(WEFT_ECONNREFUSED, "nobody listens on rates.internal:9000");
}

static int read_rates(const weft_none *in, Rates *out)
{
    (void)in;
    WEFT_TRY(ask_for_rates(&out->dollar), "asking for the rates of today");
    return 0;
}

static int read_ledger(const weft_none *in, Rates *out)
{
    (void)in, (void)out;
    return weft_fail(WEFT_EPROTO, "line 7 of the ledger is no number");
}

/* ---- answers of one's own ---- */

static int try_later(const weft_failure *failure, weft_reply *out)
{
    (void)failure;
    WEFT_TRY(weft_reply_status(out, 503));
    WEFT_TRY(weft_reply_header(out, "Retry-After", "30"));
    return weft_reply_json(out, WEFT_S("{\"title\":\"Closed\",\"status\":503}"));
}

static int no_page(const weft_failure *failure, weft_reply *out)
{
    (void)failure;
    return weft_reply_html(out, WEFT_S("<!doctype html><title>Nothing here</title><p>There is no such page."));
}

static int home(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_html(out, WEFT_S("<!doctype html><title>Bank</title><a href=/api/docs>What programs may ask</a>"));
}

/* ---- two applications: one for programs, and around it one for people ---- */

const weft_app api = {
    .title = "Bank",
    .problems = true,
    .on_failure = WEFT_ON_FAILURE({ WEFT_ECONNREFUSED, try_later }),
    .routes = WEFT_ROUTES(
        WEFT_GET("/accounts/{id}", read_account, account_in, Account,
            .responses = WEFT_RESPONSES(WEFT_RESPONSE(404, "There is no such account"))),
        WEFT_POST("/transfers", transfer, transfer_in, Account,
            .responses = WEFT_RESPONSES(
                WEFT_RESPONSE(401, "Without Authorization"),
                WEFT_RESPONSE(409, "Not enough money", .detail = WEFT_SCHEMA(TooLittle)))),
        WEFT_GET("/rates", read_rates, weft_none, Rates)),
};

#define PAGES .openapi_path = "", .mounts = WEFT_MOUNTS(WEFT_MOUNT("/api", api)), \
    .on_failure = WEFT_ON_FAILURE({ 404, no_page }), \
    .routes = WEFT_ROUTES(WEFT_GET("/", home, weft_none, weft_reply), WEFT_GET("/ledger", read_ledger, weft_none, Rates))

const weft_app app = { PAGES };
const weft_app debugged = { PAGES, .debug = true };

int main(int argc, char **argv)
{
    bool debug = argc > 1 && argv[1][0] == 'd';
    return weft_serve(debug ? &debugged : &app, .port = 8000);
}
