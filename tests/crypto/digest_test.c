#include "crypto/digest.h"
#include "weft/check.h"

#define MUFASA "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm=SHA-256, " \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", " \
    "qop=auth, response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""

/* RFC 7616, 3.9.1 */
WEFT_TEST(the_answer_of_the_rfc_is_the_one_that_should_come)
{
    weft__digest d;
    char kept[WEFT__DIGEST_HEX], wanted[WEFT__DIGEST_HEX];
    WEFT_NEED(weft__digest_read(WEFT_S(MUFASA), &d));
    weft__digest_hash(d.username, d.realm, WEFT_S("Circle of Life"), kept);
    weft__digest_response(&d, WEFT_S("GET"), (weft_str){ kept, sizeof kept }, wanted);
    WEFT_CHECK(weft_str_equal((weft_str){ wanted, sizeof wanted }, d.response));
    weft__digest_response(&d, WEFT_S("POST"), (weft_str){ kept, sizeof kept }, wanted);
    WEFT_CHECK(!weft_str_equal((weft_str){ wanted, sizeof wanted }, d.response));
}

WEFT_TEST(credentials_are_names_and_values_with_commas)
{
    weft__digest d;
    WEFT_NEED(weft__digest_read(WEFT_S("  UserName = \"a, b=c\" ,qop=auth,\tother=\"x\" , nc=00000001"), &d));
    WEFT_CHECK_STR(d.username, "a, b=c");
    WEFT_CHECK_STR(d.qop, "auth");
    WEFT_CHECK_STR(d.nc, "00000001");
    WEFT_CHECK(!d.realm.len && !d.uri.len);
    WEFT_NEED(weft__digest_read(WEFT_S("username=\"\""), &d));
    WEFT_CHECK_STR(d.username, "");
}

WEFT_TEST(credentials_that_two_readers_could_take_differently_are_none)
{
    static const char *const bad[] = { "", " ", "username", "username=", "=x", "username=\"ann", "username=\"a\\\"b\"", "username=\"a\nb\"",
        "username=ann qop=auth", "username=ann,", ",username=ann", "username=ann,,qop=auth", "username=ann, username=bob", "nonce=a;b", "realm=\"a\"b",
        "username=\"\x01\"", "username=\"ann\", USERNAME=\"bob\"" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        weft__digest d;
        if (weft__digest_read(weft_str_of(bad[i]), &d)) weft__check_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
    }
}
