/* Tests of cart.c. */
#include <stdio.h>
#include <string.h>
#include <weft.h>

extern const weft_app app;

/* One request of a client that keeps its cookie. */
static weft_response send_with(const char *method, const char *path, const char *key, char cookie[2000])
{
    weft_header headers[] = { { WEFT_S("Cookie"), weft_str_of(cookie) }, { WEFT_S("Idempotency-Key"), weft_str_of(key) } };
    weft_response r = weft_test_send(&app, method, path, headers, *key ? 2 : 1, NULL);
    weft_str set = weft_response_header(&r, "Set-Cookie");
    if (set.len) snprintf(cookie, 2000, "%.*s", (int)strcspn(set.ptr, ";"), set.ptr);
    return r;
}

WEFT_TEST(a_cart_stays_with_its_client)
{
    char ada[2000] = "none=1", ben[2000] = "none=1";
    WEFT_CHECK_JSON(send_with("POST", "/cart/yarn", "", ada).body, { "items": ["yarn"] });
    WEFT_CHECK_JSON(send_with("POST", "/cart/loom", "", ada).body, { "items": ["yarn", "loom"] });
    WEFT_CHECK_JSON(send_with("GET", "/cart", "", ben).body, { "items": [] });
    WEFT_CHECK_JSON(send_with("GET", "/cart", "", ada).body, { "items": ["yarn", "loom"] });
}

WEFT_TEST(an_order_is_made_once)
{
    char ada[2000] = "none=1", before[2000];
    send_with("POST", "/cart/yarn", "", ada);
    memcpy(before, ada, sizeof before);
    WEFT_CHECK_JSON(send_with("POST", "/orders", "k1", ada).body, { "number": 1, "items": 1 });
    WEFT_CHECK_JSON(send_with("POST", "/orders", "k1", before).body, { "number": 1, "items": 1 });
    WEFT_CHECK_JSON(send_with("GET", "/cart", "", ada).body, { "items": [] });
}

WEFT_TEST(pages_of_other_sites_change_nothing)
{
    weft_header other = { WEFT_S("Origin"), WEFT_S("https://elsewhere.example") };
    WEFT_CHECK_EQ(weft_test_send(&app, "POST", "/cart/yarn", &other, 1, NULL).status, 403);
}
