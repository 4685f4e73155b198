#define _GNU_SOURCE
#include "db_server.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "weft/check.h"

static db_server of_run;
static char schema[40];

/* ---- what is there ---- */

/* Debian has its programs in a folder of the version's. */
static const char *programs(void)
{
    static char path[200];
    FILE *f = popen("readlink -f \"$(command -v pg_ctl || ls -d /usr/lib/postgresql/*/bin/pg_ctl 2> /dev/null | sort -V | tail -n 1)\"", "r");
    if (!*path && f && fgets(path, sizeof path, f)) *strrchr(path, '/') = 0;
    if (f) pclose(f);
    return path;
}

static void need_programs(void)
{
    if (!*programs()) WEFT_SKIP("no PostgreSQL here");
}

/* ---- a server ---- */

static void script_of(const db_server *s, char *to, size_t room)
{
    snprintf(to, room,
        "set -e; umask 077; PATH=%s:$PATH; export LC_ALL=C; echo secret > password;"
        "initdb -D data -U weft -E UTF8 --locale=C --no-sync --auth-local=trust --auth-host=scram-sha-256 --pwfile=password;"
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout data/server.key -out data/server.crt;"
        "cp data/server.crt ca.crt; chmod 644 ca.crt;"
        "printf \"%%s\\n\" \"listen_addresses = 127.0.0.1\" \"port = %d\" \"unix_socket_directories = %s\" \"unix_socket_permissions = 0777\" \"fsync = off\""
        " \"max_connections = 300\" \"shared_buffers = 16MB\" \"ssl = on\" \"max_wal_size = 256MB\" \"autovacuum = off\" \"log_min_messages = fatal\""
        " | sed \"s/= \\([^ ]*\\)\\$/= \\x27\\1\\x27/\" >> data/postgresql.conf;"
        "pg_ctl -D data -w -t 60 -l log start",
        programs(), s->port, s->folder);
}

static const outside_kind *kind(void)
{
    static char stop[300];
    static const outside_kind postgres = { .name = "postgres", .user = "postgres", .mode = 0711, .stop = stop, .script = script_of };
    snprintf(stop, sizeof stop, "%s/pg_ctl -D data -m immediate stop", programs());
    return &postgres;
}

const db_server *db_server_of_run(void)
{
    need_programs();
    outside_of_run(&of_run, kind(), NULL);
    return &of_run;
}

const char *db_server_ask(const db_server *s, const char *sql)
{
    static char out[4000];
    char command[4000];
    snprintf(command, sizeof command, "%s/psql -X -q -A -t -v ON_ERROR_STOP=1 -h %s -p %d -U weft -d postgres -c \"%s\" 2>&1", programs(), s->folder, s->port, sql);
    FILE *f = popen(command, "r");
    WEFT_NEED(f != NULL);
    size_t n = fread(out, 1, sizeof out - 1, f);
    out[n] = 0;
    out[strcspn(out, "\n")] = 0;
    int status = pclose(f);
    if (status != 0) fprintf(stderr, "  psql: %s\n", out);
    WEFT_NEED(status == 0);
    return out;
}

void db_server_schema(char *url, size_t room)
{
    const db_server *s = db_server_of_run();
    char sql[100];
    snprintf(schema, sizeof schema, "t%d", (int)getpid());
    snprintf(sql, sizeof sql, "CREATE SCHEMA %s", schema);
    db_server_ask(s, sql);
    snprintf(url, room, "postgresql://weft@/postgres?host=%s&port=%d&options=-csearch_path%%3D%s&application_name=%s", s->folder, s->port, schema, schema);
}

void db_server_schema_end(void)
{
    char sql[100];
    snprintf(sql, sizeof sql, "SET client_min_messages = error; DROP SCHEMA %s CASCADE", schema);
    db_server_ask(db_server_of_run(), sql);
}

/* ---- one of a test's own ---- */

void db_server_start(db_server *s)
{
    need_programs();
    outside_own(s, kind(), NULL);
}

void db_server_stop(const db_server *s, const char *how)
{
    char script[600];
    snprintf(script, sizeof script, "%s/pg_ctl -D data -m %s -w stop", programs(), how);
    outside_run(s, kind(), script);
}

void db_server_again(const db_server *s)
{
    char script[600];
    snprintf(script, sizeof script, "%s/pg_ctl -D data -w -t 60 -l log start", programs());
    outside_run(s, kind(), script);
}
