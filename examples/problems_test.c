/* Tests of problems.c. */
#include <string.h>
#include <weft.h>

extern const weft_app app, debugged;

WEFT_TEST(a_failure_is_a_problem)
{
    weft_response r = weft_test_get(&app, "/api/accounts/9");
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "application/problem+json");
    WEFT_CHECK_JSON(r.body, { "type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no account 9" });
}

WEFT_TEST(a_failure_has_a_header)
{
    weft_response r = weft_test_post(&app, "/api/transfers", "{\"from\":1,\"to\":2,\"cents\":100}");
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_STR(weft_response_header(&r, "WWW-Authenticate"), "Bearer");
}

static weft_response send(const char *body)
{
    const weft_header headers[] = { { WEFT_S("Authorization"), WEFT_S("Bearer ada") } };
    return weft_test_send(&app, "POST", "/api/transfers", headers, weft_count(headers), body);
}

WEFT_TEST(the_members_of_a_detail_are_members_of_the_problem)
{
    weft_response r = send("{\"from\":1,\"to\":2,\"cents\":9999}");
    WEFT_CHECK_EQ(r.status, 409);
    WEFT_CHECK_JSON(r.body, { "type": "https://bank.example/too-little", "title": "Conflict", "status": 409,
        "detail": "Not enough money.", "balance": 5000, "needed": 9999 });
    WEFT_CHECK_JSON(send("{\"from\":1,\"to\":2,\"cents\":99}").body, { "id": 1, "cents": 4901 });
}

WEFT_TEST(the_faults_of_an_input_are_errors_of_a_problem)
{
    weft_response r = weft_test_get(&app, "/api/accounts/nine");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "type": "about:blank", "title": "Unprocessable Content", "status": 422,
        "detail": "The input does not fit.", "errors": [{ "type": "int_parsing", "loc": ["path", "id"], "input": "nine",
            "msg": "Input should be a valid integer, unable to parse string as an integer" }] });
}

WEFT_TEST(a_failure_with_a_code_has_an_answer_of_its_own)
{
    weft_response r = weft_test_get(&app, "/api/rates");
    WEFT_CHECK_EQ(r.status, 503);
    WEFT_CHECK_STR(weft_response_header(&r, "Retry-After"), "30");
    WEFT_CHECK_JSON(r.body, { "title": "Closed", "status": 503 });
}

WEFT_TEST(pages_and_programs_are_told_in_their_own_form)
{
    WEFT_CHECK_STR(weft_test_get(&app, "/nowhere").body, "<!doctype html><title>Nothing here</title><p>There is no such page.");
    weft_response r = weft_test_get(&app, "/api/nowhere");
    WEFT_CHECK_JSON(r.body, { "type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not Found" });
}

WEFT_TEST(what_happened_inside_is_told_where_it_is_debugged)
{
    weft_response r = weft_test_get(&app, "/ledger");
    WEFT_CHECK_EQ(r.status, 502);
    WEFT_CHECK_STR(r.body, "{\"detail\":\"Bad Gateway\"}");
    const weft_header accept = { WEFT_S("Accept"), WEFT_S("text/html") };
    r = weft_test_send(&debugged, "GET", "/ledger", &accept, 1, NULL);
    WEFT_CHECK(strstr(r.body.ptr, "<h1>502: line 7 of the ledger is no number</h1>"));
}

WEFT_TEST(the_document_tells_of_problems)
{
    weft_response r = weft_test_get(&app, "/api/openapi.json");
    WEFT_CHECK(strstr(r.body.ptr, "{\"application/problem+json\":{\"schema\":{\"allOf\":[{\"$ref\":\"#/components/schemas/Problem\"},"
        "{\"$ref\":\"#/components/schemas/TooLittle\"}]}}}"));
}
