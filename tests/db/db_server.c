#define _GNU_SOURCE
#include "db_server.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "testing/folder.h"
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

/* PostgreSQL does not run as root. */
static const char *user(void)
{
    return getuid() ? "" : getpwnam("postgres") ? "postgres" : "nobody";
}

static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    WEFT_NEED(fd >= 0 && bind(fd, (void *)&a, sizeof a) == 0 && getsockname(fd, (void *)&a, &n) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* As that user, heard by nobody: what stays must not keep the pipes of the test. */
static int as_user(const char *script)
{
    char command[6000];
    const char *u = user();
    if (!*u) snprintf(command, sizeof command, "sh -c '%s' > /dev/null 2>&1 < /dev/null", script);
    else snprintf(command, sizeof command, "setpriv --init-groups --reuid=%s --regid=$(id -g %s) sh -c '%s' > /dev/null 2>&1 < /dev/null", u, u, script);
    return system(command);
}

/* ---- a server ---- */

static int start(const db_server *s, int keeper)
{
    char script[5000];
    snprintf(script, sizeof script,
        "set -e; umask 077; cd %s; PATH=%s:$PATH; export LC_ALL=C; echo secret > password;"
        "initdb -D data -U weft -E UTF8 --locale=C --no-sync --auth-local=trust --auth-host=scram-sha-256 --pwfile=password;"
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout data/server.key -out data/server.crt;"
        "cp data/server.crt ca.crt; chmod 644 ca.crt; chmod 711 .;"
        "printf \"%%s\\n\" \"listen_addresses = 127.0.0.1\" \"port = %d\" \"unix_socket_directories = %s\" \"unix_socket_permissions = 0777\" \"fsync = off\""
        " \"max_connections = 300\" \"shared_buffers = 16MB\" \"ssl = on\" \"max_wal_size = 256MB\" \"autovacuum = off\" \"log_min_messages = fatal\""
        " | sed \"s/= \\([^ ]*\\)\\$/= \\x27\\1\\x27/\" >> data/postgresql.conf;"
        "pg_ctl -D data -w -t 60 -l log start;"
        "(setsid sh -c \"trap : INT TERM HUP; while kill -0 %d 2> /dev/null || [ -d /proc/%d ]; do sleep 0.3; done; pg_ctl -D data -m immediate stop; cd /; rm -rf %s %s.lock\" &)",
        s->folder, programs(), s->port, s->folder, keeper, keeper, s->folder, s->folder);
    return as_user(script);
}

static void make_folder(const char *path)
{
    const struct passwd *p = *user() ? getpwnam(user()) : NULL;
    WEFT_NEED(mkdir(path, 0711) == 0 && (!p || chown(path, p->pw_uid, p->pw_gid) == 0));
}

static void need_programs(void)
{
    if (!*programs()) WEFT_SKIP("no PostgreSQL here");
}

/* Who runs the tests is the parent of this process; without processes for tests it is this one. */
static int runner(void)
{
    char mine[300], theirs[300], link[40];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)getppid());
    ssize_t a = readlink("/proc/self/exe", mine, sizeof mine), b = readlink(link, theirs, sizeof theirs);
    return a > 0 && a == b && memcmp(mine, theirs, (size_t)a) == 0 ? getppid() : getpid();
}

const db_server *db_server_of_run(void)
{
    char path[160];
    if (of_run.port) return &of_run;
    need_programs();
    of_run.pid = runner();
    snprintf(of_run.folder, sizeof of_run.folder, "/tmp/weft-postgres-%d", of_run.pid);
    snprintf(path, sizeof path, "%s.lock", of_run.folder);
    int lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    WEFT_NEED(lock >= 0 && flock(lock, LOCK_EX) == 0);
    const struct passwd *p = *user() ? getpwnam(user()) : NULL;      /* who removes it in the end */
    WEFT_NEED(!p || fchown(lock, p->pw_uid, p->pw_gid) == 0);
    snprintf(path, sizeof path, "%s/port", of_run.folder);
    FILE *f = fopen(path, "r");
    if (!f) {
        of_run.port = free_port();
        make_folder(of_run.folder);
        WEFT_NEED(start(&of_run, of_run.pid) == 0);
        f = fopen(path, "w+");
        WEFT_NEED(f && fprintf(f, "%d\n", of_run.port) > 0);
        rewind(f);
    }
    WEFT_NEED(fscanf(f, "%d", &of_run.port) == 1);
    fclose(f);
    close(lock);
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
    *s = (db_server){ .port = free_port(), .pid = getpid() };
    snprintf(s->folder, sizeof s->folder, "/tmp/weft-postgres-own-%d", (int)getpid());
    make_folder(s->folder);
    WEFT_NEED(start(s, s->pid) == 0);
}

void db_server_stop(const db_server *s, const char *how)
{
    char script[600];
    snprintf(script, sizeof script, "%s/pg_ctl -D %s/data -m %s -w stop", programs(), s->folder, how);
    WEFT_NEED(as_user(script) == 0);
}

void db_server_again(const db_server *s)
{
    char script[600];
    snprintf(script, sizeof script, "%s/pg_ctl -D %s/data -w -t 60 -l %s/log start", programs(), s->folder, s->folder);
    WEFT_NEED(as_user(script) == 0);
}
