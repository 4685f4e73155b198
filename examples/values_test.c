/* Tests of values.c, built with its main renamed: -Dmain=weft_app_main. */
#include <weft.h>

extern const weft_app app;

#define PATH "/bookings/12345678-1234-4234-8234-1234567890ab"

WEFT_TEST(a_booking_has_an_end_and_a_total)
{
    weft_response r = weft_test_post(&app, PATH,
        "{\"email\":\"ann@example.com\",\"start\":\"2022-06-08T22:30:00+02:00\","
        "\"length\":\"PT2H\",\"price\":10.50,\"badge\":\"aGVsbG8=\"}");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, {
        "id": "12345678-1234-4234-8234-1234567890ab", "email": "ann@example.com",
        "start": "2022-06-08T22:30:00+02:00", "length": "PT2H", "price": "10.50", "closed": [],
        "badge": "aGVsbG8=", "end": "2022-06-09T00:30:00+02:00", "total": "12.49" });
}

WEFT_TEST(a_closed_day_takes_no_booking)
{
    weft_response r = weft_test_post(&app, PATH,
        "{\"email\":\"ann@example.com\",\"start\":1654646400,\"length\":3600,\"price\":\"1\","
        "\"closed\":[\"2022-06-08\"]}");
    WEFT_CHECK_EQ(r.status, 409);
    WEFT_CHECK_JSON(r.body, { "detail": "2022-06-08 is closed" });
}

WEFT_TEST(all_that_is_wrong_with_a_booking_is_said_at_once)
{
    weft_response r = weft_test_post(&app, PATH "?seen=2022-02-30",
        "{\"email\":\"ann\",\"start\":\"not a date\",\"length\":\"PT0S\",\"price\":\"1.234\"}");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [
        { "type": "date_from_datetime_parsing", "loc": ["query", "seen"], "input": "2022-02-30",
          "msg": "Input should be a valid date or datetime, day value is outside expected range",
          "ctx": { "error": "day value is outside expected range" } },
        { "type": "value_error", "loc": ["body", "email"], "input": "ann",
          "msg": "value is not a valid email address: An email address must have an @-sign.",
          "ctx": { "reason": "An email address must have an @-sign." } },
        { "type": "datetime_from_date_parsing", "loc": ["body", "start"], "input": "not a date",
          "msg": "Input should be a valid datetime or date, invalid character in year",
          "ctx": { "error": "invalid character in year" } },
        { "type": "greater_than", "loc": ["body", "length"], "input": "PT0S",
          "msg": "Input should be greater than 0 seconds", "ctx": { "gt": "0 seconds" } },
        { "type": "decimal_max_places", "loc": ["body", "price"], "input": "1.234",
          "msg": "Decimal input should have no more than 2 decimal places",
          "ctx": { "decimal_places": 2 } }] });
}

WEFT_TEST(an_id_of_another_version_is_none)
{
    weft_response r = weft_test_post(&app, "/bookings/12345678-1234-1234-8234-1234567890ab",
        "{\"email\":\"ann@example.com\",\"start\":0,\"length\":1,\"price\":1}");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [{
        "type": "uuid_version", "loc": ["path", "id"], "msg": "UUID version 4 expected",
        "input": "12345678-1234-1234-8234-1234567890ab", "ctx": { "expected_version": 4 } }] });
}
