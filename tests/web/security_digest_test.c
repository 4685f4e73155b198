/* HTTP Digest, from the challenge to the answer. */
#include <stdio.h>
#include <string.h>
#include "crypto/digest.h"
#include "faults.h"
#include "weft.h"

static const weft_secrets secrets = { { WEFT_S("a secret of thirty-two bytes ...") } };
static const weft_provider scheme = WEFT_HTTP_DIGEST(.realm = "the shop", .secrets = &secrets);
WEFT_INPUT(digest_in, depends(weft_digest, given, scheme));

static int who(const digest_in *in, weft_str *out)
{
    bool ann = weft_str_equal(in->given->username, WEFT_S("ann"));
    weft_str kept = weft_digest_hash(.username = WEFT_S("ann"), .realm = "the shop", .password = WEFT_S("secret"));
    WEFT_TRY(weft_digest_check(in->given, ann ? kept : WEFT_S("")));
    *out = in->given->username;
    return 0;
}

static int sleepy(const weft_none *in, weft_str *out)
{
    (void)in;
    *out = WEFT_S("");
    return weft_sleep_ms(301000);
}

static const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/who", who, digest_in, weft_str), WEFT_PUT("/who", who, digest_in, weft_str),
    WEFT_GET("/sleep", sleepy, weft_none, weft_str)) };

/* What a client says; NULL and "" in `cut` leave a name out. */
typedef struct saying { const char *method, *path, *user, *password, *realm, *uri, *qop, *algorithm, *nc, *nonce; } saying;

static char nonce[200];

static void take_nonce(const weft_response *r)
{
    const char *from = strstr(weft_response_header(r, "WWW-Authenticate").ptr, "nonce=\""), *to = from ? strchr(from + 7, '"') : NULL;
    WEFT_NEED(to && (size_t)(to - from) < sizeof nonce);
    snprintf(nonce, sizeof nonce, "%.*s", (int)(to - from - 7), from + 7);
}

static weft_response say(saying s)
{
    char kept[WEFT__DIGEST_HEX], answer[WEFT__DIGEST_HEX], value[1000];
    const char *method = s.method ? s.method : "GET", *path = s.path ? s.path : "/who", *user = s.user ? s.user : "ann", *realm = s.realm ? s.realm : "the shop";
    weft__digest d = { .nonce = weft_str_of(s.nonce ? s.nonce : nonce), .nc = weft_str_of(s.nc ? s.nc : "00000001"), .cnonce = WEFT_S("c"),
        .qop = weft_str_of(s.qop ? s.qop : "auth"), .uri = weft_str_of(s.uri ? s.uri : path) };
    weft__digest_hash(weft_str_of(user), weft_str_of(realm), weft_str_of(s.password ? s.password : "secret"), kept);
    weft__digest_response(&d, weft_str_of(method), (weft_str){ kept, sizeof kept }, answer);
    int len = snprintf(value, sizeof value, "Digest username=\"%s\", realm=\"%s\", nonce=\"%.*s\", uri=\"%.*s\", algorithm=%s, qop=%.*s, nc=%.*s, cnonce=\"c\", response=\"%.*s\"",
        user, realm, WEFT_FMT(d.nonce), WEFT_FMT(d.uri), s.algorithm ? s.algorithm : "SHA-256", WEFT_FMT(d.qop), WEFT_FMT(d.nc), WEFT__DIGEST_HEX, answer);
    weft_header h = { WEFT_S("Authorization"), { value, (size_t)len } };
    return weft_test_send(&app, method, path, &h, 1, NULL);
}

static void challenge(void)
{
    weft_response r = weft_test_get(&app, "/who");
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK(strncmp(weft_response_header(&r, "WWW-Authenticate").ptr, "Digest realm=\"the shop\", qop=\"auth\", algorithm=SHA-256, nonce=\"", 62) == 0);
    take_nonce(&r);
}

WEFT_TEST(an_answer_to_the_challenge_is_taken)
{
    challenge();
    WEFT_CHECK_STR(say((saying){ 0 }).body, "\"ann\"");
    WEFT_CHECK_EQ(say((saying){ .method = "PUT", .path = "/who?a=1&b" }).status, 200);
    WEFT_CHECK_EQ(say((saying){ .algorithm = "\"sha-256\"" }).status, 200);
}

WEFT_TEST(an_answer_for_another_request_password_or_user_is_not)
{
    challenge();
    static const saying bad[] = { { .password = "guess" }, { .user = "eve" }, { .user = "eve", .password = "" }, { .uri = "/other" }, { .path = "/who?a=1", .uri = "/who" },
        { .realm = "the bank" }, { .qop = "auth-int" }, { .algorithm = "MD5" }, { .nc = "1" }, { .nc = "0000000g" }, { .nonce = "" }, { .nonce = "made-up" } };
    for (size_t i = 0; i < weft_count(bad); i++) {
        weft_response r = say(bad[i]);
        if (r.status != 401) weft__check_fail(__FILE__, __LINE__, "answer %zu: %d", i, r.status);
        WEFT_CHECK(strstr(weft_response_header(&r, "WWW-Authenticate").ptr, "nonce=\"") != NULL);
    }
}

WEFT_TEST(a_nonce_lives_for_five_minutes_and_the_client_is_told_that_it_was_one)
{
    challenge();
    weft_test_get(&app, "/sleep");
    weft_response r = say((saying){ 0 });
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK(strstr(weft_response_header(&r, "WWW-Authenticate").ptr, ", stale=true") != NULL);
    take_nonce(&r);
    WEFT_CHECK_EQ(say((saying){ 0 }).status, 200);
}

static const weft_provider bare = WEFT_HTTP_DIGEST(.name = "bare");
WEFT_INPUT(bare_in, depends(weft_digest, given, bare));
static int unchecked(const bare_in *in, weft_none *out)
{
    (void)out;
    return weft_digest_check(in->given, WEFT_S(""));
}
static const weft_app bares = { .routes = WEFT_ROUTES(WEFT_GET("/", unchecked, bare_in, weft_none)) };

WEFT_TEST(without_secrets_there_is_nothing_to_check)
{
    const weft_header h = { WEFT_S("Authorization"), WEFT_S("Digest username=\"ann\"") };
    WEFT_CHECK_EQ(weft_test_send(&bares, "GET", "/", &h, 1, NULL).status, 500);
}

static const weft_secrets short_ones = { { WEFT_S("short") } };
static const weft_provider weak = WEFT_HTTP_DIGEST(.realm = "r", .secrets = &short_ones), nowhere = WEFT_HTTP_DIGEST(.secrets = &secrets);
static int nothing(const weft_none *in, weft_none *out) { (void)in, (void)out; return 0; }
static const weft_app weaks = { .routes = WEFT_ROUTES(WEFT_GET("/", nothing, weft_none, weft_none, .depends = WEFT_DEPENDS(&weak))) };
static const weft_app nowheres = { .routes = WEFT_ROUTES(WEFT_GET("/", nothing, weft_none, weft_none, .depends = WEFT_DEPENDS(&nowhere))) };

WEFT_TEST(secrets_that_are_none_and_a_realm_that_lacks_are_told_at_the_start)
{
    FAULTS(weaks, "route GET /: security scheme 'HTTPDigest': its secrets: one has less than 16 bytes\n");
    FAULTS(nowheres, "route GET /: security scheme 'HTTPDigest' has .secrets, which are for Digest with a realm\n");
}
