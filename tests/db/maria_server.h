#ifndef WEFT_TESTS_MARIA_SERVER_H
#define WEFT_TESTS_MARIA_SERVER_H
/* MariaDB servers for tests. One serves all tests of a run: the first that asks starts it, as an unprivileged user, in a folder below /tmp, listening at a unix
 * socket there and at a free port of 127.0.0.1 (with a certificate); it ends with the run, however that ends. A test is skipped where there is no MariaDB. */
#include "outside_server.h"

typedef outside_server maria_server;

/* A URL of a new database on the server of the run; removed by the second. */
void maria_database(char *url, size_t room);
void maria_database_end(void);
const maria_server *maria_of_run(void);
/* Run SQL past weft, as its superuser; the first value of the first row, or "". */
const char *maria_ask(const maria_server *s, const char *sql);
/* How many statements like this the server is at now in the test's database. */
int maria_running(const char *like);

/* One of the test's own, to be killed and started again; it ends with the test. */
void maria_start(maria_server *s);
void maria_kill(const maria_server *s);
void maria_again(const maria_server *s);
#endif
