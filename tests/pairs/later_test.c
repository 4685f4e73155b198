/* What weft has nothing for yet: kept here, so that it is asked on the day that it has. */
#include "pairs.h"

static const fact bearers_facts[] = {
    { 80, "GET", "/items", 0, 0, 401, JSON({ "detail": "Not authenticated" }), .says = "WWW-Authenticate: Bearer" },
    { 81, "GET", "/items", "Authorization: Bearer testtoken", 0, 200, JSON({ "token": "testtoken" }) },
    { 84, "GET", "/users/me", "Authorization: Bearer alice", 0, 400, JSON({ "detail": "Inactive user" }) },
    { 93, "GET", "/me", "Authorization: Bearer secrettoken", 0, 200,
        JSON({ "message": "You are authenticated", "token": "secrettoken" }) },
    { 94, "GET", "/me", 0, 0, 403, JSON({ "detail": "Not authenticated" }) },
};
LATER(bearers, "security schemes: bearer tokens")

static const fact basics_facts[] = {
    { 85, "GET", "/users/me", "Authorization: Basic notabase64token", 0, 401, JSON({ "detail": "Not authenticated" }),
        .says = "WWW-Authenticate: Basic" },
    { 86, "GET", "/users/me", "Authorization: Basic YWxpY2U6c3dvcmRmaXNo", 0, 401,
        JSON({ "detail": "Incorrect username or password" }), .says = "WWW-Authenticate: Basic" },
};
LATER(basics, "security schemes: HTTP Basic")
