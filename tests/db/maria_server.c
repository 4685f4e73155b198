#define _GNU_SOURCE
#include "maria_server.h"
#include <fcntl.h>
#include <mysql.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "weft/check.h"

static maria_server of_run;
static char database[40];

/* ---- what is there ---- */

static bool is_there(void)
{
    return system("PATH=$PATH:/usr/sbin; command -v mariadbd > /dev/null && command -v mariadb-install-db > /dev/null") == 0;
}

/* mariadbd does not run as root. */
static const char *user(void) { return getuid() ? "" : getpwnam("mysql") ? "mysql" : "nobody"; }

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

/* Durable when the server dies, not when the machine does. */
static void server_command(const maria_server *s, char *to, size_t room)
{
    snprintf(to, room, "PATH=$PATH:/usr/sbin; setsid mariadbd --no-defaults --datadir=%s/data --socket=%s/socket --port=%d --bind-address=127.0.0.1 --pid-file=%s/pid --log-error=%s/log"
        " --skip-name-resolve --skip-log-bin --max-connections=500 --innodb-buffer-pool-size=32M --innodb-flush-log-at-trx-commit=2 --innodb-flush-method=nosync"
        " --max-recursive-iterations=100000000 --character-set-server=utf8mb4 --collation-server=utf8mb4_bin --ssl-cert=%s/cert --ssl-key=%s/key",
        s->folder, s->folder, s->port, s->folder, s->folder, s->folder, s->folder);
}

static int start(const maria_server *s, int keeper)
{
    char script[4000], server[1500];
    server_command(s, server, sizeof server);
    snprintf(script, sizeof script,
        "set -e; umask 022; cd %s; mariadb-install-db --no-defaults --datadir=%s/data --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve;"
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key -out cert;"
        "%s & "
        "(setsid sh -c \"trap : INT TERM HUP; while kill -0 %d 2> /dev/null || [ -d /proc/%d ]; do sleep 0.3; done; kill -KILL \\$(cat %s/pid); cd /; rm -rf %s %s.lock\" &)",
        s->folder, s->folder, server, keeper, keeper, s->folder, s->folder, s->folder);
    return as_user(script);
}

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

static void make_folder(const char *path)
{
    const struct passwd *p = *user() ? getpwnam(user()) : NULL;
    WEFT_NEED(mkdir(path, 0755) == 0 && (!p || chown(path, p->pw_uid, p->pw_gid) == 0));
}

/* Who runs the tests is the parent of this process; without processes for tests it is this one. */
static int runner(void)
{
    char mine[300], theirs[300], link[40];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)getppid());
    ssize_t a = readlink("/proc/self/exe", mine, sizeof mine), b = readlink(link, theirs, sizeof theirs);
    return a > 0 && a == b && memcmp(mine, theirs, (size_t)a) == 0 ? getppid() : getpid();
}

static void start_of_run(const char *port)
{
    of_run.port = free_port();
    make_folder(of_run.folder);
    WEFT_NEED(start(&of_run, of_run.pid) == 0);
    await(&of_run);
    maria_ask(&of_run, "CREATE USER weft@'127.0.0.1' IDENTIFIED BY 'sec/ret'");
    maria_ask(&of_run, "GRANT ALL ON *.* TO weft@'127.0.0.1'");
    FILE *f = fopen(port, "w");
    WEFT_NEED(f && fprintf(f, "%d\n", of_run.port) > 0 && fclose(f) == 0);
}

const maria_server *maria_of_run(void)
{
    char path[160];
    if (of_run.port) return &of_run;
    if (!is_there()) WEFT_SKIP("no MariaDB here");
    of_run.pid = runner();
    snprintf(of_run.folder, sizeof of_run.folder, "/tmp/weft-mariadb-%d", of_run.pid);
    snprintf(path, sizeof path, "%s.lock", of_run.folder);
    int lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    WEFT_NEED(lock >= 0 && flock(lock, LOCK_EX) == 0);
    snprintf(path, sizeof path, "%s/port", of_run.folder);
    FILE *f = fopen(path, "r");
    if (!f) start_of_run(path);
    else WEFT_NEED(fscanf(f, "%d", &of_run.port) == 1 && fclose(f) == 0);
    close(lock);
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
    *s = (maria_server){ .port = free_port(), .pid = getpid() };
    snprintf(s->folder, sizeof s->folder, "/tmp/weft-mariadb-own-%d", (int)getpid());
    make_folder(s->folder);
    WEFT_NEED(start(s, s->pid) == 0);
    await(s);
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
    char script[2000], server[1500];
    server_command(s, server, sizeof server);
    snprintf(script, sizeof script, "%s &", server);
    WEFT_NEED(as_user(script) == 0);
    await(s);
}
