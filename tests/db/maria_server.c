#define _GNU_SOURCE
#include "maria_server.h"
#include <mysql.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "weft/check.h"

static maria_server of_run;
static char database[40];

/* ---- what is there ---- */

static bool is_there(void)
{
    return system("PATH=$PATH:/usr/sbin; command -v mariadbd > /dev/null && command -v mariadb-install-db > /dev/null") == 0;
}

/* ---- a server ---- */

/* Durable when the server dies, not when the machine does. A folder for temporary tables of its own: a server that starts removes all that lie in its one, those of
 * others at work too. Its number is there before it has written it itself. */
static void server_command(const maria_server *s, char *to, size_t room)
{
    snprintf(to, room, "PATH=$PATH:/usr/sbin; setsid mariadbd --no-defaults --datadir=%s/data --tmpdir=%s/tmp --socket=%s/socket --port=%d --bind-address=127.0.0.1 --pid-file=%s/pid --log-error=%s/log"
        " --skip-name-resolve --skip-log-bin --max-connections=500 --innodb-buffer-pool-size=32M --innodb-flush-log-at-trx-commit=2 --innodb-flush-method=nosync"
        " --max-recursive-iterations=100000000 --character-set-server=utf8mb4 --collation-server=utf8mb4_bin --ssl-cert=%s/cert --ssl-key=%s/key > /dev/null 2>&1 & echo $! > pid",
        s->folder, s->folder, s->folder, s->port, s->folder, s->folder, s->folder, s->folder);
}

static void script_of(const maria_server *s, char *to, size_t room)
{
    char server[1500];
    server_command(s, server, sizeof server);
    snprintf(to, room,
        "set -e; umask 022; mkdir tmp; export TMPDIR=%s/tmp; mariadb-install-db --no-defaults --datadir=%s/data --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve;"
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key -out cert;"
        "%s", s->folder, s->folder, server);
}

static const outside_kind kind = { .name = "mariadb", .user = "mysql", .mode = 0755, .stop = "xargs kill -KILL < pid", .script = script_of };

static MYSQL *reached(const maria_server *s)
{
    char path[160];
    MYSQL *my = mysql_init(NULL);
    snprintf(path, sizeof path, "%s/socket", s->folder);
    if (mysql_real_connect(my, NULL, "root", NULL, NULL, 0, path, 0)) return my;
    mysql_close(my);
    return NULL;
}

static void await(const maria_server *s)
{
    for (int i = 0; i < 600; i++) {
        MYSQL *my = reached(s);
        if (my) mysql_close(my);
        if (my) return;
        usleep(100000);
    }
    WEFT_NEED(!"mariadbd answers");
}

static void make_users(const maria_server *s)
{
    await(s);
    maria_ask(s, "CREATE USER weft@'127.0.0.1' IDENTIFIED BY 'sec/ret'");
    maria_ask(s, "GRANT ALL ON *.* TO weft@'127.0.0.1'");
}

const maria_server *maria_of_run(void)
{
    if (of_run.port) return &of_run;
    if (!is_there()) WEFT_SKIP("no MariaDB here");
    outside_of_run(&of_run, &kind, make_users);
    return &of_run;
}

const char *maria_ask(const maria_server *s, const char *sql)
{
    static char out[4000];
    MYSQL *my = reached(s);
    WEFT_NEED(my != NULL);
    int rc = mysql_query(my, sql);
    if (rc) fprintf(stderr, "  mariadb: %s\n", mysql_error(my));
    WEFT_NEED(rc == 0);
    MYSQL_RES *rows = mysql_store_result(my);
    MYSQL_ROW row = rows ? mysql_fetch_row(rows) : NULL;
    snprintf(out, sizeof out, "%s", row && row[0] ? row[0] : "");
    mysql_free_result(rows);
    mysql_close(my);
    return out;
}

int maria_running(const char *like)
{
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%s' AND db = '%s'", like, database);
    return atoi(maria_ask(maria_of_run(), sql));
}

void maria_database(char *url, size_t room)
{
    const maria_server *s = maria_of_run();
    char sql[100];
    snprintf(database, sizeof database, "t%d", (int)getpid());
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", database);
    maria_ask(s, sql);
    snprintf(url, room, "mysql://root@/%s?socket=%s/socket", database, s->folder);
}

void maria_database_end(void)
{
    char sql[100];
    snprintf(sql, sizeof sql, "DROP DATABASE %s", database);
    maria_ask(maria_of_run(), sql);
}

/* ---- one of a test's own ---- */

void maria_start(maria_server *s)
{
    if (!is_there()) WEFT_SKIP("no MariaDB here");
    outside_own(s, &kind, await);
}

void maria_kill(const maria_server *s)
{
    char path[160];
    int pid = 0;
    snprintf(path, sizeof path, "%s/pid", s->folder);
    FILE *f = fopen(path, "r");
    WEFT_NEED(f && fscanf(f, "%d", &pid) == 1 && pid > 1);
    fclose(f);
    unlink(path);
    WEFT_NEED(kill(pid, SIGKILL) == 0);
}

void maria_again(const maria_server *s)
{
    char server[1500];
    server_command(s, server, sizeof server);
    outside_run(s, &kind, server);
    await(s);
}
