#ifndef SHOWCASE_LOGIN_H
#define SHOWCASE_LOGIN_H
#include "weft.h"

/* POST /token, and GET /me, which needs a token with the scope "me". */
extern const weft_router login_routes;
/* The secret that tokens are signed with, the same for all workers, and over reloads. In a task, before anything is served. */
int login_prepare(void);
#endif
