#include <weft.h>

extern const weft_app app;

WEFT_MODEL(F, field(weft_str, number), field(double, price));
WEFT_MODEL(H, field(weft_str, name), field(int, stars));
WEFT_INPUT(to_in, query(weft_str, to));
WEFT_INPUT(city_in, query(weft_str, city));

static int flights(const to_in *in, weft_list_F *out)
{
    WEFT_TRY(weft_sleep_ms(2000));
    weft_push(out, (F){ weft_format("to %.*s", WEFT_FMT(in->to)), 89.5 });
    return 0;
}

static int hotels(const city_in *in, weft_list_H *out)
{
    WEFT_TRY(weft_sleep_ms(3000));
    weft_push(out, (H){ weft_format("in %.*s", WEFT_FMT(in->city)), 4 });
    return 0;
}

static const weft_app flight_service = { .routes = WEFT_ROUTES(WEFT_GET("/flights", flights, to_in, weft_list_F)) };
static const weft_app hotel_service = { .routes = WEFT_ROUTES(WEFT_GET("/hotels", hotels, city_in, weft_list_H)) };

WEFT_TEST(two_and_three_seconds_at_once_take_three)
{
    weft_test_upstream("flights.example", &flight_service);
    weft_test_upstream("hotels.example", &hotel_service);
    weft_response r = weft_test_get(&app, "/search/?destination=S%C3%A3o%20Paulo%2F%3F");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, {
        "destination": "S\u00e3o Paulo/?",
        "flights": [{ "number": "to S\u00e3o Paulo/?", "price": 89.5 }],
        "hotels": [{ "name": "in S\u00e3o Paulo/?", "stars": 4 }] });
    WEFT_CHECK(weft_test_ms() >= 3000 && weft_test_ms() < 3050);
}

WEFT_TEST(one_failure_ends_both_and_nobody_is_told_the_inner_address)
{
    weft_test_upstream("hotels.example", &hotel_service);
    weft_response r = weft_test_get(&app, "/search/?destination=Rome");
    WEFT_CHECK_EQ(r.status, 502);
    WEFT_CHECK_JSON(r.body, { "detail": "Bad Gateway" });
    WEFT_CHECK(weft_test_ms() < 3000);
}
