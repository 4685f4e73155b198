#ifndef SHOWCASE_USERS_H
#define SHOWCASE_USERS_H
/* Users and items in a database, behind a dependency, get_db: GET /items/, /fetch-users, /users/{user_id}, /users (a page), /connections, POST /users/. */
#include "weft/web.h"

extern const weft_router users;

/* Makes what is missing in the database that DATABASE_URL names: tables, and rows in empty ones. Once, before workers open it. */
int users_prepare(void);
#endif
