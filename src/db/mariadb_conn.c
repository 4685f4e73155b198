/* A connection: opened as weft wants it, and what of a thread's is freed with it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "db/mariadb.h"

enum { PACKET_MAX = 64 << 20, KILL_S = 2 };

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static void library(void) { (void)mysql_library_init(0, NULL, NULL); }

/* ---- connecting ---- */

/* A server, or who poses as one, gets no file of ours, and no password in clear. */
static void guard(MYSQL *my)
{
    unsigned none = 0;
    unsigned long packet = PACKET_MAX;
    mysql_optionsv(my, MYSQL_OPT_LOCAL_INFILE, &none);
    mysql_optionsv(my, MARIADB_OPT_RESTRICTED_AUTH, "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password");
    mysql_optionsv(my, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
}

static void secure(MYSQL *my, const weft__maria_settings *s)
{
    my_bool on = 1, verify = s->tls == WEFT__MARIA_VERIFY;
    if (s->tls == WEFT__MARIA_PLAIN || !s->host) return;
    mysql_ssl_set(my, s->key, s->cert, s->ca, NULL, NULL);
    if (s->tls >= WEFT__MARIA_REQUIRE) mysql_optionsv(my, MYSQL_OPT_SSL_ENFORCE, &on);
    mysql_optionsv(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
}

/* The meaning of SQL is not to hang on the server's settings: values that do not fit are refused, never cut; a "name" in double quotes is
 * a name and || puts texts together, as in other databases; a backslash escapes a quote, as statement.c reads it; times are UTC. Waiting for a lock is in whole seconds. */
static bool configure(MYSQL *my, const weft__maria_settings *s)
{
    char sql[500];
    int wait_s = s->busy_ms < 0 ? 0 : (s->busy_ms + 999) / 1000;
    if (!wait_s && !strstr(mysql_get_server_info(my), "MariaDB")) wait_s = 1;        /* MySQL has no less */
    snprintf(sql, sizeof sql, "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
        "NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1, innodb_lock_wait_timeout = %d, lock_wait_timeout = %d", wait_s, wait_s ? wait_s : 1);
    if (mysql_query(my, sql) != 0) return false;
    return !s->read_only || mysql_query(my, "SET SESSION TRANSACTION READ ONLY") == 0;
}

/* An ALTER that takes long says how far it is, every few seconds, when somebody wants to know: so it is told from a server that has died. */
static void on_progress(const MYSQL *my, uint stage, uint stages, double percent, const char *what, uint len)
{
    (void)my, (void)stage, (void)stages, (void)percent, (void)what, (void)len;
}

MYSQL *weft__maria_connect(const weft__maria_settings *s, bool bare, char *why)
{
    pthread_once(&library_once, library);
    MYSQL *my = mysql_init(NULL);
    my_bool strict = 1;
    unsigned connect_s = bare && s->connect_s > KILL_S ? KILL_S : s->connect_s, read_s = bare ? KILL_S : s->read_s;
    snprintf(why, 300, "no memory");
    if (!my) return NULL;
    mysql_optionsv(my, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    if (read_s) mysql_optionsv(my, MYSQL_OPT_READ_TIMEOUT, &read_s);
    if (read_s) mysql_optionsv(my, MYSQL_OPT_WRITE_TIMEOUT, &read_s);
    mysql_optionsv(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(my, MYSQL_REPORT_DATA_TRUNCATION, &strict);
    mysql_optionsv(my, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "weft");
    mysql_optionsv(my, MYSQL_PROGRESS_CALLBACK, on_progress);
    guard(my);
    secure(my, s);
    /* Where there is no host it is a socket in the file system; "localhost" would be one too, behind our back. */
    const char *host = s->socket ? NULL : strcmp(s->host, "localhost") == 0 ? "127.0.0.1" : s->host;
    bool fine = mysql_real_connect(my, host, s->user, s->password, s->schema, s->port, s->socket, CLIENT_FOUND_ROWS) && (bare || configure(my, s));
    if (fine && !s->socket) weft__borrowed_keep_alive((int)mysql_get_socket(my));
    if (fine) return my;
    snprintf(why, 300, "%s", mysql_error(my));
    mysql_close(my);
    return NULL;
}

void weft__maria_disconnect(weft__maria_conn *c)
{
    for (int i = 0; c->kept && i < c->settings->statements_max; i++) weft__maria_kept_end(&c->kept[i]);
    weft__free(c->kept);
    for (int i = 0; i < c->columns_room; i++) weft__free(c->columns[i].text);
    weft__free(c->columns);
    weft__free(c->into);
    weft__free(c->cells);
    weft__free(c->params);
    if (c->my) mysql_close(c->my);
    c->my = NULL;
    c->kept = NULL;
    c->columns = NULL;
    c->into = c->params = NULL;
    c->cells = NULL;
    c->columns_room = c->params_room = 0;
}

/* What is around the values of a message is far below the last of these bytes. */
size_t weft__maria_packet_max(MYSQL *my)
{
    enum { AROUND = 64, USUAL = 1024 };
    MYSQL_RES *rows = mysql_query(my, "SELECT @@max_allowed_packet") == 0 ? mysql_store_result(my) : NULL;
    MYSQL_ROW row = rows ? mysql_fetch_row(rows) : NULL;
    size_t n = row && row[0] ? (size_t)strtoull(row[0], NULL, 10) : 0;
    mysql_free_result(rows);
    if (n > PACKET_MAX) n = PACKET_MAX;
    return n >= USUAL ? n - AROUND : 0;
}

/* ---- commands ---- */

uint64_t weft__maria_server(MYSQL *my)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    if (mysql_query(my, "SELECT CONCAT_WS('|', @@hostname, @@port, @@server_id, @@datadir, @@pid_file)") != 0) return 0;
    MYSQL_RES *rows = mysql_store_result(my);
    MYSQL_ROW row = rows ? mysql_fetch_row(rows) : NULL;
    const char *name = row ? row[0] : NULL;
    for (const char *p = name; p && *p; p++) hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    hash = name ? hash | 1 : 0;
    mysql_free_result(rows);
    return hash;
}

/* Behind a balancer, or a name with several addresses, it may be another server, where that number is somebody else's. */
void weft__maria_kill_query(const weft__maria_settings *s, uint64_t server, unsigned long id)
{
    char why[300], sql[64];
    MYSQL *my = weft__maria_connect(s, true, why);
    if (!my) return;
    snprintf(sql, sizeof sql, "KILL QUERY %lu", id);
    if (server && weft__maria_server(my) == server) (void)mysql_query(my, sql);
    mysql_close(my);
}

int weft__maria_command(weft__maria_conn *c, weft__query *q, const char *sql)
{
    if (c->broken) return WEFT_EDB_LOST;
    return mysql_query(c->my, sql) == 0 ? 0 : weft__maria_failed(c, q);
}
