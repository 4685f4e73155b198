/* Migrations: numbered files of SQL, each run once, in order, in a transaction of its own. */
#include <stdlib.h>
#include <string.h>
#include "db/engine.h"
#include "weft/file.h"

enum { FILES_MAX = 10000, FILE_BYTES_MAX = 4 << 20 };

WEFT_MODEL(Migration, field(int64_t, number), field(weft_str, name), field(weft_str, sql));

/* ---- the files ---- */

static bool ends_in_sql(weft_str name) { return name.len > 4 && memcmp(name.ptr + name.len - 4, ".sql", 4) == 0; }

/* "0012_users.sql" is 12; 0: it has none. */
static int64_t number_of(weft_str name)
{
    int64_t n = 0;
    size_t i = 0;
    for (; i < name.len && i < 15 && name.ptr[i] >= '0' && name.ptr[i] <= '9'; i++) n = n * 10 + (name.ptr[i] - '0');
    return i && i < name.len && (name.ptr[i] == '_' || name.ptr[i] == '-') ? n : 0;
}

static int read_file(const char *folder, weft_str name, weft_list_Migration *to)
{
    Migration m = { .number = number_of(name), .name = weft_format("%.*s", WEFT_FMT(name)) };
    if (!m.number) return weft_fail(WEFT_EINVAL, "%s/%s: its name must begin with a number above 0: 0001_users.sql", folder, m.name.ptr);
    if (to->count == FILES_MAX) return weft_fail(WEFT_ELIMIT, "%s has more than %d migrations", folder, FILES_MAX);
    WEFT_TRY(weft_file_text(weft_format("%s/%s", folder, m.name.ptr).ptr, FILE_BYTES_MAX, &m.sql));
    if (memchr(m.sql.ptr, 0, m.sql.len)) return weft_fail(WEFT_EINVAL, "%s/%s has a NUL in it", folder, m.name.ptr);
    weft_push(to, m);
    return 0;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const Migration *)a)->number, y = ((const Migration *)b)->number;
    return x < y ? -1 : x > y;
}

static int read_folder(const char *folder, weft_list_Migration *files)
{
    weft_str name;
    WEFT_DIR(d);
    WEFT_TRY(weft_dir_open(&d, folder), "while looking for migrations in %s", folder);
    for (int rc; (rc = weft_dir_next(d, &name)) != 0;) {
        WEFT_TRY(rc);
        if (ends_in_sql(name)) WEFT_TRY(read_file(folder, name, files));
    }
    if (files->count) qsort(files->items, files->count, sizeof *files->items, by_number);
    for (uint32_t i = 1; i < files->count; i++) {
        if (files->items[i].number != files->items[i - 1].number) continue;
        return weft_fail(WEFT_EINVAL, "%s: %s and %s have the same number", folder, files->items[i - 1].name.ptr, files->items[i].name.ptr);
    }
    return 0;
}

/* ---- what has run ---- */

/* Two that make it at once would find it missing both. What one file does, and so the wait for another program that is at one, may take long: only the caller's
 * scope bounds it. */
static int take_turns(weft_db *tx)
{
    weft_sql lock = { .sql = tx->engine->lock, .place = WEFT__HERE };
    int got = 0, rc = 0;
    if (!tx->failed) tx->first->patient = true;
    if (!lock.sql) return 0;
    if (!tx->engine->lock_is_told) rc = weft_db_execute_with(tx, &lock);
    while (tx->engine->lock_is_told && rc == 0 && !got) rc = weft_db_value_with(tx, &weft_schema_int, &got, &lock);
    return rc < 0 ? rc : 0;
}

static int make_table(weft_db *db)
{
    if (db->engine->migrations) return weft_db_execute_with(db, &(weft_sql){ .sql = db->engine->migrations, .place = WEFT__HERE });
    WEFT_TRANSACTION(tx, db);
    WEFT_TRY(take_turns(tx), "while waiting for other programs that are at migrations");
    WEFT_TRY(weft_db_execute(tx, "CREATE TABLE IF NOT EXISTS weft_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sql TEXT NOT NULL,"
        " at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"));
    return weft_db_commit(tx);
}

static int read_ran(weft_db *db, bool dry, weft_list_Migration *ran)
{
    int64_t there;
    if (!dry) WEFT_TRY(make_table(db));
    WEFT_TRY(weft_db_value_with(db, &weft_schema_int64_t, &there, &(weft_sql){ .sql = db->engine->migrated, .place = WEFT__HERE }));
    return there ? weft_db_all(db, Migration, ran, "SELECT number, name, weft_migrations.sql FROM weft_migrations ORDER BY number") : 0;
}

static const Migration *find(const weft_list_Migration *l, int64_t number)
{
    return l->count ? bsearch(&(Migration){ .number = number }, l->items, l->count, sizeof *l->items, by_number) : NULL;
}

/* What has run is what the files say, and what has not comes behind it. */
static int compare(const char *folder, const weft_list_Migration *files, const weft_list_Migration *ran)
{
    for (uint32_t i = 0; i < ran->count; i++) {
        const Migration *was = &ran->items[i], *is = find(files, was->number);
        if (!is) return weft_fail(WEFT_EINVAL, "%s: %s has run, and is not there any more", folder, was->name.ptr);
        if (!weft_str_equal(is->sql, was->sql)) return weft_fail(WEFT_EINVAL, "%s: %s has changed since it ran; what is new belongs into a new file", folder, is->name.ptr);
    }
    for (uint32_t i = 0; i < files->count && ran->count; i++) {
        const Migration *last = &ran->items[ran->count - 1], *f = &files->items[i];
        if (f->number < last->number && !find(ran, f->number))
            return weft_fail(WEFT_EINVAL, "%s: %s comes before %s, which has run", folder, f->name.ptr, last->name.ptr);
    }
    return 0;
}

/* ---- running ---- */

/* 1: it ran; 0: another program was quicker. Nobody else writes meanwhile. */
static int run_one(weft_db *db, const Migration *m)
{
    bool there;
    WEFT_TRANSACTION(tx, db);
    WEFT_TRY(take_turns(tx), "while waiting for other programs that are at migrations");
    WEFT_TRY(weft_db_value(tx, bool, &there, "SELECT count(*) FROM weft_migrations WHERE number = {}", m->number));
    if (there) return 0;
    WEFT_TRY(weft__db_migration(tx, m->sql.ptr, WEFT__HERE), "while running %s", m->name.ptr);
    WEFT_TRY(weft_db_execute(tx, "INSERT INTO weft_migrations VALUES (:number, :name, :sql, CURRENT_TIMESTAMP)", weft_fields(Migration, m)));
    WEFT_TRY(weft_db_commit(tx), "while running %s", m->name.ptr);
    return 1;
}

int weft_db_migrate_with(weft_db *db, const char *folder, const weft_migrate_opts *opts)
{
    weft_list_Migration files = { 0 }, ran = { 0 };
    int n = 0;
    if (db && db->root != db) return weft_fail(WEFT_EINVAL, "weft_db_migrate takes a database, and this is a transaction: each file is one of its own");
    WEFT_TRY(read_folder(folder, &files));
    WEFT_TRY(read_ran(db, opts->dry_run, &ran));
    WEFT_TRY(compare(folder, &files, &ran));
    for (uint32_t i = 0; i < files.count; i++) {
        if (find(&ran, files.items[i].number)) continue;
        int rc = opts->dry_run ? 1 : run_one(db, &files.items[i]);
        WEFT_TRY(rc);
        if (rc && opts->names) weft_push(opts->names, files.items[i].name);
        n += rc;
    }
    return n;
}
