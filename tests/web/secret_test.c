/* Secrets, signed values and tokens as programs use them: with the time of the world that they run in. */
#include <string.h>
#include "weft.h"

static const weft_secrets secrets = { { WEFT_S("a secret of thirty-two bytes ...") } };
static const weft_secrets none = { 0 };

/* ---- random ---- */

static int draw(void)
{
    weft_str a = weft_random_token(0), b = weft_random_token(32), c = weft_random_token(1), d = weft_random_token(100000);
    WEFT_CHECK_EQ(a.len, 43);
    WEFT_CHECK_EQ(b.len, 43);
    WEFT_CHECK_EQ(c.len, 22);
    WEFT_CHECK_EQ(d.len, 1366);
    WEFT_CHECK(!weft_str_equal(a, b));
    for (size_t i = 0; i < d.len; i++) WEFT_CHECK(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", d.ptr[i]));
    uint8_t bytes[3] = { 0 }, more[64] = { 0 };
    weft_random_bytes(bytes, 0);
    WEFT_CHECK_EQ(bytes[0] | bytes[1] | bytes[2], 0);
    weft_random_bytes(more, sizeof more);
    WEFT_CHECK(memcmp(more, more + 32, 32) != 0);
    return 0;
}

WEFT_TEST(random_tokens_have_the_length_that_was_asked_for) { WEFT_CHECK_EQ(weft_test_run(draw), 0); }

WEFT_TEST(random_bytes_are_to_be_had_outside_of_a_loop)
{
    uint8_t a[16] = { 0 }, b[16] = { 0 };
    weft_random_bytes(a, sizeof a);
    weft_random_bytes(b, sizeof b);
    WEFT_CHECK(memcmp(a, b, sizeof a) != 0);
}

/* ---- signed values ---- */

static int sign_and_wait(void)
{
    weft_str text, value = { 0 };
    int64_t left = 0;
    WEFT_TRY(weft_sign(&secrets, WEFT_S("ann"), &text, .purpose = WEFT_S("reset"), .max_age_s = 60));
    WEFT_TRY(weft_unsign(&secrets, text, &value, .purpose = WEFT_S("reset"), .left_s = &left));
    WEFT_CHECK_STR(value, "ann");
    WEFT_CHECK_EQ(value.ptr[value.len], 0);
    WEFT_CHECK_EQ(left, 60);
    WEFT_TRY(weft_sleep_ms(59000));
    WEFT_TRY(weft_unsign(&secrets, text, &value, .purpose = WEFT_S("reset"), .left_s = &left));
    WEFT_CHECK_EQ(left, 1);
    WEFT_TRY(weft_sleep_ms(1000));
    value = WEFT_S("untouched");
    int rc = weft_unsign(&secrets, text, &value, .purpose = WEFT_S("reset"));
    WEFT_CHECK_EQ(rc, WEFT_STATUS(400));
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "Signature expired");
    WEFT_CHECK_STR(value, "untouched");
    return 0;
}

WEFT_TEST(a_signed_value_is_good_until_its_age) { WEFT_CHECK_EQ(weft_test_run(sign_and_wait), 0); }

static int sign_for_ever(void)
{
    weft_str text, value;
    int64_t left = 0;
    WEFT_TRY(weft_sign(&secrets, WEFT_S("x"), &text, .purpose = WEFT_S("p")));
    WEFT_TRY(weft_unsign(&secrets, text, &value, .purpose = WEFT_S("p"), .left_s = &left));
    WEFT_CHECK(left == INT64_MAX);
    WEFT_TRY(weft_sign(&secrets, WEFT_S("x"), &text, .purpose = WEFT_S("p"), .max_age_s = INT64_MAX));
    return weft_unsign(&secrets, text, &value, .purpose = WEFT_S("p"));
}

WEFT_TEST(a_signed_value_without_an_age_never_expires) { WEFT_CHECK_EQ(weft_test_run(sign_for_ever), 0); }

static int misuse(void)
{
    static char large[70000];
    weft_str out = WEFT_S("untouched");
    const weft_str big = { large, sizeof large }, p = WEFT_S("p");
    WEFT_CHECK_EQ(weft_sign(&none, p, &out, .purpose = p), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_sign(NULL, p, &out, .purpose = p), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_sign(&secrets, p, &out), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_sign(&secrets, p, &out, .purpose = big), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_sign(&secrets, p, &out, .purpose = p, .max_age_s = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_sign(&secrets, big, &out, .purpose = p), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_unsign(&none, p, &out, .purpose = p), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_unsign(&secrets, p, &out), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_unsign(&secrets, p, &out, .purpose = p), WEFT_STATUS(400));
    WEFT_CHECK_EQ(weft_unsign(&secrets, (weft_str){ 0 }, &out, .purpose = p), WEFT_STATUS(400));
    WEFT_CHECK_EQ(weft_unsign(&secrets, big, &out, .purpose = p), WEFT_STATUS(400));
    WEFT_CHECK_STR(out, "untouched");
    return 0;
}

WEFT_TEST(what_makes_no_sense_is_said_and_touches_nothing) { WEFT_CHECK_EQ(weft_test_run(misuse), 0); }

/* ---- tokens ---- */

WEFT_MODEL(Login, field(weft_str, sub), list(weft_str, scopes, .initial = "[]"));
WEFT_INPUT(who_in, header(WEFT_OPT(weft_str), x_token));

static weft_jwt_key *key;

static int login(const weft_none *in, weft_str *out)
{
    (void)in;
    return weft_jwt_write(Login, &(Login){ .sub = WEFT_S("ann") }, out, .key = key, .expires_in_s = 60, .audience = "shop");
}

static int who(const who_in *in, weft_str *out)
{
    Login claims;
    WEFT_TRY(weft_jwt_read(Login, in->x_token.value, &claims, .key = key, .audience = "shop"));
    *out = claims.sub;
    return 0;
}

static int sleepy(const weft_none *in, weft_str *out)
{
    *out = WEFT_S("");
    (void)in;
    return weft_sleep_ms(60000);
}

static const weft_app tokens = { .routes = WEFT_ROUTES(
    WEFT_POST("/login", login, weft_none, weft_str),
    WEFT_POST("/login/thread", login, weft_none, weft_str, .run = WEFT_IN_THREAD),
    WEFT_GET("/who", who, who_in, weft_str),
    WEFT_GET("/sleep", sleepy, weft_none, weft_str)) };

static weft_response ask_with(weft_str quoted)
{
    static char value[1000];
    memcpy(value, quoted.ptr + 1, quoted.len - 2);
    weft_header h = { WEFT_S("X-Token"), { value, quoted.len - 2 } };
    return weft_test_send(&tokens, "GET", "/who", &h, 1, NULL);
}

WEFT_TEST(a_token_that_was_issued_is_read_until_it_expires)
{
    WEFT_NEED(weft_jwt_key_open(WEFT_JWT_HS256, WEFT_S("a secret of thirty-two bytes ..."), &key) == 0);
    weft_response issued = weft_test_post(&tokens, "/login", "");
    WEFT_NEED(issued.status == 200);
    WEFT_CHECK_STR(ask_with(issued.body).body, "\"ann\"");
    weft_test_get(&tokens, "/sleep");
    weft_response late = ask_with(issued.body);
    WEFT_CHECK_EQ(late.status, 401);
    WEFT_CHECK_JSON(late.body, { "detail": "The token has expired" });
    weft_jwt_key_close(key);
}

WEFT_TEST(a_token_can_be_issued_on_a_thread)
{
    WEFT_NEED(weft_jwt_key_open(WEFT_JWT_HS256, WEFT_S("a secret of thirty-two bytes ..."), &key) == 0);
    weft_response issued = weft_test_post(&tokens, "/login/thread", "");
    WEFT_CHECK_STR(ask_with(issued.body).body, "\"ann\"");
    weft_jwt_key_close(key);
}

WEFT_TEST(a_token_that_is_none_is_a_401_that_says_no_more)
{
    WEFT_NEED(weft_jwt_key_open(WEFT_JWT_HS256, WEFT_S("a secret of thirty-two bytes ..."), &key) == 0);
    weft_response r = ask_with(WEFT_S("\"a.b.c\""));
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_JSON(r.body, { "detail": "Could not validate credentials" });
    WEFT_CHECK_STR(weft_response_header(&r, "WWW-Authenticate"), "Bearer error=\"invalid_token\"");
    WEFT_CHECK_EQ(weft_test_get(&tokens, "/who").status, 401);
    weft_jwt_key_close(key);
}

static int wrong_keys(void)
{
    weft_jwt_key *opened = NULL;
    Login claims;
    weft_str out = WEFT_S("untouched");
    const weft_jwt_key *const no_keys[] = { NULL };
    WEFT_CHECK_EQ(weft_jwt_key_open(WEFT_JWT_HS256, WEFT_S("short"), &opened), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_EINVAL)->text), "weft_jwt_key_open: the secret is shorter than its algorithm's hash");
    WEFT_CHECK(opened == NULL);
    WEFT_CHECK_EQ(weft_jwt_read(Login, WEFT_S("a.b.c"), &claims), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_jwt_read(Login, WEFT_S("a.b.c"), &claims, .keys = no_keys), WEFT_EINVAL);
    WEFT_NEED(weft_jwt_key_open(WEFT_JWT_HS256, WEFT_S("a secret of thirty-two bytes ..."), &opened) == 0);
    WEFT_CHECK_EQ(weft_jwt_read(Login, WEFT_S("a.b.c"), &claims, .key = opened, .issuer = ""), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_EINVAL)->text), "weft_jwt_read(Login): .issuer, .audience or .type is empty; expected a text, or NULL to ask for none");
    weft_jwt_key_close(opened);
    opened = NULL;
    WEFT_CHECK_EQ(weft_jwt_write(Login, &(Login){ .sub = WEFT_S("ann") }, &out, .expires_in_s = 60), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_EINVAL)->text), "weft_jwt_write(Login): there is no .key");
    WEFT_CHECK_STR(out, "untouched");
    return 0;
}

WEFT_TEST(without_a_key_nothing_is_signed_or_checked) { WEFT_CHECK_EQ(weft_test_run(wrong_keys), 0); }

static int trace_of_a_bad_token(void)
{
    Login claims;
    int rc = weft_jwt_read(Login, WEFT_S("a.b.c"), &claims, .keys = (const weft_jwt_key *const[]){ key, NULL });
    WEFT_CHECK_EQ(rc, WEFT_STATUS(401));
    WEFT_CHECK(strstr(weft_error_of(rc)->trace, "the token: a part is no base64url") != NULL);
    return 0;
}

WEFT_TEST(the_trace_says_what_a_client_is_not_told)
{
    WEFT_NEED(weft_jwt_key_open(WEFT_JWT_HS256, WEFT_S("a secret of thirty-two bytes ..."), &key) == 0);
    WEFT_CHECK_EQ(weft_test_run(trace_of_a_bad_token), 0);
    weft_jwt_key_close(key);
}
