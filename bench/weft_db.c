/* Reads and writes of SQLite: by the library called directly from one thread, and through weft_db by tasks at once; "anew": each on a connection of its
 * own, opened for it and closed behind it.
 * Usage: weft_db direct|weft read|write|anew FILE SECONDS [TASKS [READERS]]; prints operations per second, and the CPU of the
 * whole process each took, in µs. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weft.h>

enum { ROWS = 10000 };
static int64_t ends_ns, done;
static int tasks = 64, readers, seconds = 5;
static const char *path, *kind;

static int64_t ns_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t now_ns(void) { return ns_of(CLOCK_MONOTONIC); }
static int64_t cpu_ns(void) { return ns_of(CLOCK_PROCESS_CPUTIME_ID); }

static uint32_t next_key(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % ROWS + 1;
}

/* ---- directly ---- */

static int must(int rc, sqlite3 *db)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE) return rc;
    fprintf(stderr, "sqlite3: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void make(void)
{
    sqlite3 *db;
    char sql[256];
    must(sqlite3_open(path, &db), db);
    must(sqlite3_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS world (id INTEGER PRIMARY KEY, name TEXT, number INTEGER); DELETE FROM world; BEGIN", 0, 0, 0), db);
    for (int i = 1; i <= ROWS; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO world VALUES (%d, 'the name of row %d', %d)", i, i, i * 7);
        must(sqlite3_exec(db, sql, 0, 0, 0), db);
    }
    must(sqlite3_exec(db, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", 0, 0, 0), db);
    sqlite3_close(db);
}

static void direct_anew(void)
{
    uint32_t state = 1;
    for (; now_ns() < ends_ns; done++) {
        sqlite3 *db;
        sqlite3_stmt *stmt;
        must(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL), db);
        must(sqlite3_prepare_v2(db, "SELECT id, name, number FROM world WHERE id = ?1", -1, &stmt, NULL), db);
        sqlite3_bind_int64(stmt, 1, next_key(&state));
        if (must(sqlite3_step(stmt), db) != SQLITE_ROW) exit(1);
        sqlite3_finalize(stmt);
        sqlite3_close(db);
    }
}

static void direct(bool reads)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    char name[64];
    uint32_t state = 1;
    int64_t sum = 0;
    must(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL), db);
    must(sqlite3_exec(db, "PRAGMA synchronous=FULL", 0, 0, 0), db);
    must(sqlite3_prepare_v3(db, reads ? "SELECT id, name, number FROM world WHERE id = ?1" : "UPDATE world SET number = number + 1 WHERE id = ?1", -1,
        SQLITE_PREPARE_PERSISTENT, &stmt, NULL), db);
    while (now_ns() < ends_ns) {
        sqlite3_bind_int64(stmt, 1, next_key(&state));
        if (must(sqlite3_step(stmt), db) == SQLITE_ROW) {
            sum += sqlite3_column_int64(stmt, 0) + sqlite3_column_int64(stmt, 2);
            snprintf(name, sizeof name, "%.*s", sqlite3_column_bytes(stmt, 1), (const char *)sqlite3_column_text(stmt, 1));
            must(sqlite3_step(stmt), db);
        }
        sqlite3_reset(stmt);
        done++;
    }
    if (reads && !sum) exit(1);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* ---- by tasks ---- */

WEFT_MODEL(World, field(int64_t, id), field(weft_str, name), field(int64_t, number));
typedef struct one { weft_db *db; uint32_t state; bool reads; } one;

static int go_on(const one *in)
{
    uint32_t state = in->state;
    while (now_ns() < ends_ns) {
        WEFT_TEMP;
        World w;
        uint32_t key = next_key(&state);
        if (in->reads) WEFT_TRY(weft_db_one(in->db, World, &w, "SELECT id, name, number FROM world WHERE id = {}", key));
        else {
            int rc = weft_db_execute(in->db, "UPDATE world SET number = number + 1 WHERE id = {}", key);
            WEFT_TRY(rc);
        }
        done++;
    }
    return 0;
}

static int go_on_anew(const one *in)
{
    uint32_t state = in->state;
    for (; now_ns() < ends_ns; done++) {
        WEFT_TEMP;
        World w;
        weft_db *db;
        WEFT_TRY(weft_db_connect(weft_format("sqlite:///%s", path).ptr, &db, .readers_max = 1));
        int rc = weft_db_one(db, World, &w, "SELECT id, name, number FROM world WHERE id = {}", next_key(&state));
        WEFT_TRY(weft_db_close(db, rc));
    }
    return 0;
}

static int anew(void)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < tasks; i++) weft_spawn(s, go_on_anew, (&(one){ .state = (uint32_t)i * 7919 }));
    return weft_join(s);
}

static int program(void)
{
    weft_db *db;
    bool reads = strcmp(kind, "read") == 0;
    if (strcmp(kind, "anew") == 0) return anew();
    WEFT_TRY(weft_db_connect(weft_format("sqlite:///%s", path).ptr, &db, .readers_max = readers));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < tasks; i++) weft_spawn(s, go_on, (&(one){ db, (uint32_t)i * 7919, reads }));
        WEFT_TRY(weft_join(s));
    }
    return weft_db_close(db, 0);
}

int main(int argc, char **argv)
{
    if (argc < 5) return 2;
    kind = argv[2];
    path = argv[3];
    seconds = atoi(argv[4]);
    if (argc > 5) tasks = atoi(argv[5]);
    if (argc > 6) readers = atoi(argv[6]);
    make();
    int64_t from = now_ns(), cpu_from = cpu_ns();
    ends_ns = from + seconds * INT64_C(1000000000);
    bool directly = strcmp(argv[1], "direct") == 0;
    if (directly && strcmp(kind, "anew") == 0) direct_anew();
    else if (directly) direct(strcmp(kind, "read") == 0);
    else if (weft_run(program)) return 1;
    double cpu_us = (double)(cpu_ns() - cpu_from) / 1000 / (double)(done ? done : 1);
    printf("%.0f %.3f\n", (double)done * 1e9 / (double)(now_ns() - from), cpu_us);
    return 0;
}
