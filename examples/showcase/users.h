#ifndef SHOWCASE_USERS_H
#define SHOWCASE_USERS_H
/* Users and items behind a dependency, get_db: GET /items/, /fetch-users, /users/{user_id}, /connections. */
#include "weft/web.h"

extern const weft_router users;
#endif
