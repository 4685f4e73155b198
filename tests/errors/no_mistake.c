/* gcc:   none
 * clang: none */
#include "weft.h"

WEFT_MODEL(Address, field(weft_str, street, .max_len = 80));
WEFT_MODEL(Customer,
    field(weft_str, name),
    field(Address,  home),
    list (int,      visits));
WEFT_INPUT(read_customer_in, path(int64_t, id));
WEFT_INPUT(list_customers_in, query(WEFT_OPT(bool), active), query(WEFT_LIST(bool), flags), body(WEFT_MAP(bool), marks));

static int count(const read_customer_in *in, int *out)
{
    if (in->id < 1) return weft_fail(404, "no customer %ld", (long)in->id);
    *out = (int)in->id;
    return 0;
}

static int read_customer(const read_customer_in *in, Customer *out)
{
    int visits = 0;
    WEFT_TRY(weft_gather(weft_call(count, in, &visits), weft_call(count, (&(read_customer_in){ 1 }), &visits)));
    *out = (Customer){ .name = WEFT_S("Alfa") };
    weft_push(&out->visits, visits);
    return 0;
}

const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/customers/{id}", read_customer, read_customer_in, Customer)) };

int main(void) { return weft_serve(&app, .port = 8000); }
