#ifndef WEFT_TESTS_DB_SERVER_H
#define WEFT_TESTS_DB_SERVER_H
/* PostgreSQL servers for tests. One serves all tests of a run: the first that asks starts it, as an unprivileged user, in a folder below /tmp, listening at a
 * unix socket there and at a free port of 127.0.0.1 (with a certificate, and passwords by SCRAM); it ends with the run, however that ends.
 * A test is skipped where there is no PostgreSQL. */
#include "outside_server.h"

typedef outside_server db_server;

/* A URL of a new schema on the server of the run; removed by the second. */
void db_server_schema(char *url, size_t room);
void db_server_schema_end(void);
/* The server of the run: its folder (the socket's) and port. */
const db_server *db_server_of_run(void);
/* Run SQL past weft, as its superuser; the first value of the first row, or "". */
const char *db_server_ask(const db_server *s, const char *sql);

/* One of the test's own, to be stopped and started: `how` is what pg_ctl knows as a mode (fast, immediate). It ends with the test. */
void db_server_start(db_server *s);
void db_server_stop(const db_server *s, const char *how);
void db_server_again(const db_server *s);
#endif
