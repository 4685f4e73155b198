#ifndef SHOWCASE_LOGIN_H
#define SHOWCASE_LOGIN_H
#include "weft.h"

/* POST /token, and GET /me, which needs a token with the scope "me". */
extern const weft_router login_routes;
#endif
