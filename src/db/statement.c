#define _GNU_SOURCE
#include "db/statement.h"
#include <string.h>
#include <strings.h>
#include "base/mem.h"

typedef struct reader {
    const char *at, *end;
    weft__parsed *out;
    const char *fault;
    weft__dialect dialect;
    bool first;                      /* no further than the first statement */
    bool ended;                      /* a ';' was there */
    int words, depth;                /* depth of BEGIN ATOMIC and the CASEs in it */
    bool script;                     /* of MariaDB's: only its words are looked at */
    bool makes, body;                /* CREATE or ALTER; of a procedure or the like */
    weft_str ends;                   /* what begins or ends a transaction */
    weft_str last, before;           /* the word before this one, and the one before that */
    const weft_str *instead;         /* what is put where places are; NULL: $1, ?1 */
} reader;

static bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_name(char c) { return is_name_start(c) || (c >= '0' && c <= '9') || (c & 0x80); }
static bool follows(const reader *r, char a, char b) { return r->end - r->at >= 2 && r->at[0] == a && r->at[1] == b; }

static void copy_to(reader *r, const char *to)
{
    for (const char *p = r->at; p + 1 < to; p++) r->out->quoted |= p[0] == '{' && p[1] == '}';
    weft__buf_add(&r->out->sql, r->at, (size_t)(to - r->at));
    r->at = to;
}

/* A quote inside the quotes is written twice: that reads as the end of one text and the beginning of the next, with nothing
 * between, which comes to the same. */
static bool quoted(reader *r, char close)
{
    const char *end = memchr(r->at + 1, close, (size_t)(r->end - r->at) - 1);
    if (!end) return r->fault = "a quote that begins and does not end", false;
    copy_to(r, end + 1);
    return true;
}

static bool line_comment(reader *r)
{
    const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
    copy_to(r, end ? end + 1 : r->end);
    return true;
}

/* PostgreSQL's lie in each other. */
static bool nested_comment(reader *r)
{
    const char *p = r->at + 2;
    for (int depth = 1; depth; p++) {
        if (r->end - p < 2) return r->fault = "a comment that begins and does not end", false;
        if (p[0] == '*' && p[1] == '/') depth--, p++;
        else if (p[0] == '/' && p[1] == '*') depth++, p++;
    }
    copy_to(r, p);
    return true;
}

/* One that does not end reaches to the end of the text, as SQLite has it. */
static bool block_comment(reader *r)
{
    if (r->dialect == WEFT__SQL_POSTGRES) return nested_comment(r);
    if (r->dialect == WEFT__SQL_MARIADB && !r->script && r->end - r->at > 2 && (r->at[2] == '!' || r->at[2] == 'M'))
        return r->fault = "a comment that MariaDB would run (/*! or /*M)", false;
    const char *end = memmem(r->at + 2, (size_t)(r->end - r->at) - 2, "*/", 2);
    copy_to(r, end ? end + 2 : r->end);
    return true;
}

static int place_named(const weft__parsed *p, weft_str name)
{
    for (uint32_t i = 0; name.ptr && i < p->count; i++)
        if (p->places[i].name.ptr && weft_str_equal(p->places[i].name, name)) return (int)i;
    return -1;
}

static bool place_add(reader *r, weft_str name)
{
    weft__parsed *p = r->out;
    if (p->count == WEFT__PLACES_MAX) return r->fault = "more than 1000 places for values", false;
    if (p->count == p->room) {
        uint32_t room = p->room ? 2 * p->room : 8;
        weft__place *more = weft__realloc(p->places, room * sizeof *more);
        if (!more) return p->sql.failed = WEFT_ENOMEM, false;
        p->places = more;
        p->room = room;
    }
    p->places[p->count++] = (weft__place){ name };
    if (!name.ptr) p->positional++;
    return true;
}

static bool place(reader *r, weft_str name, const char *behind)
{
    bool numbered = r->dialect != WEFT__SQL_MARIADB;
    int known = numbered ? place_named(r->out, name) : -1;
    weft__buf *sql = &r->out->sql;
    if (known < 0 && !place_add(r, name)) return false;
    if (r->dialect == WEFT__SQL_POSTGRES && sql->len && is_name(sql->ptr[sql->len - 1])) weft__buf_add_char(sql, ' ');    /* a$1 is a name */
    int64_t number = known < 0 ? (int64_t)r->out->count : known + 1;
    r->at = behind;
    if (r->instead) {
        weft__buf_add_str(sql, r->instead[number - 1]);
        return true;
    }
    weft__buf_add_char(sql, r->dialect == WEFT__SQL_POSTGRES ? '$' : '?');
    if (numbered) weft__buf_add_int(sql, number);
    return true;
}

static bool named(reader *r)
{
    const char *end = r->at + 1;
    while (end < r->end && is_name(*end)) end++;
    return place(r, (weft_str){ r->at + 1, (size_t)(end - r->at - 1) }, end);
}

static bool equals(weft_str s, const char *word) { return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0; }

static bool is_one_of(weft_str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (equals(s, words[i])) return true;
    return false;
}

/* ---- what PostgreSQL's words say ---- */

/* The next one that has the connection would have it changed. */
static const char *const of_sessions[] = { "abort", "begin", "commit", "copy", "deallocate", "declare", "discard", "end", "execute", "fetch", "listen", "load",
    "lock", "move", "close", "prepare", "release", "reset", "rollback", "savepoint", "set", "start", "unlisten" };
static const char *const session_calls[] = { "set_config", "pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared" };
static const char *const that_read[] = { "select", "values", "table", "with", "show" };
static const char *const that_change[] = { "insert", "update", "delete", "merge", "into", "share", "nextval", "setval" };

static void first_word(weft__parsed *p, weft_str word)
{
    if (is_one_of(word, of_sessions, weft_count(of_sessions))) p->kind = WEFT__SQL_SESSION;
    p->reads = is_one_of(word, that_read, weft_count(that_read));
}

/* Of a table that is called so nothing is said: INSERT INTO temp, replace(temp, ...). */
static bool makes_temporary(const reader *r, weft_str word)
{
    if (!equals(word, "temp") && !equals(word, "temporary")) return false;
    bool which = equals(r->last, "local") || equals(r->last, "global");
    weft_str verb = which ? r->before : r->last;
    if (equals(verb, "create") || (r->makes && r->words < 5 && equals(verb, "replace"))) return true;
    return equals(verb, "into") && (which || (!equals(r->before, "insert") && !equals(r->before, "merge")));
}

/* Also in double quotes. */
static void postgres_name(reader *r, weft_str name)
{
    if (is_one_of(name, session_calls, weft_count(session_calls)) || equals(name, "pg_temp")) r->out->kind = WEFT__SQL_SESSION;
}

static void postgres_word(reader *r, weft_str word)
{
    weft__parsed *p = r->out;
    bool atomic = equals(word, "atomic") && equals(r->last, "begin");
    if (r->words == 0) first_word(p, word);
    if (r->words == 1 && equals(r->last, "lock") && equals(word, "table")) p->kind = WEFT__SQL_PLAIN;        /* it ends with its transaction */
    if (r->words == 1 && equals(r->last, "set") && (equals(word, "local") || equals(word, "constraints"))) p->kind = WEFT__SQL_PLAIN;
    if (r->words == 0) r->makes = equals(word, "create");
    if (makes_temporary(r, word)) p->kind = WEFT__SQL_SESSION;
    postgres_name(r, word);
    if (is_one_of(word, that_change, weft_count(that_change))) p->reads = false;
    if (atomic || (r->depth && equals(word, "case"))) r->depth++;
    else if (r->depth && equals(word, "end")) r->depth--;
}

/* ---- what MariaDB's words say ---- */

static const char *const maria_sessions[] = { "begin", "commit", "deallocate", "execute", "handler", "kill", "load", "lock", "prepare", "release", "rollback", "savepoint",
    "set", "shutdown", "start", "unlock", "use", "xa" };
static const char *const maria_commits[] = { "alter", "analyze", "cache", "change", "create", "drop", "flush", "grant", "install", "optimize", "rename", "repair", "reset",
    "revoke", "stop", "truncate", "uninstall" };
static const char *const maria_reads[] = { "select", "values", "table", "with", "show", "describe", "desc", "explain" };
static const char *const maria_changes[] = { "insert", "update", "delete", "replace", "into", "share", "nextval", "setval", "lastval", "get_lock", "release_lock" };
static const char *const maria_locks[] = { "get_lock", "release_lock", "release_all_locks" };

/* REPLACE( and INSERT( are functions of texts, too. */
static bool calls(const reader *r, const char *end)
{
    while (end < r->end && (*end == ' ' || *end == '\t' || *end == '\n' || *end == '\r')) end++;
    return end < r->end && *end == '(';
}

static const char *const maria_insert[] = { "insert", "replace", "delete", "update" };
static const char *const maria_ends[] = { "begin", "commit", "rollback", "start", "savepoint", "release", "xa", "lock", "unlock", "use" };
static const char *const maria_bodies[] = { "procedure", "function", "trigger", "event", "package" };
static const char *const maria_blocks[] = { "if", "loop", "while", "repeat" };

static weft_str next_word(const reader *r, const char *p)
{
    while (p < r->end && strchr(" \t\r\n", *p)) p++;
    const char *end = p;
    while (end < r->end && is_name(*end)) end++;
    return (weft_str){ p, (size_t)(end - p) };
}

/* In the body of a procedure a ';' ends nothing until its BEGIN has an END; END IF and the like are others'. */
static void script_word(reader *r, weft_str word)
{
    weft_str next = next_word(r, word.ptr + word.len);
    if (r->words == 0) {
        r->makes = equals(word, "create") || equals(word, "alter");
        r->body = equals(word, "begin") && equals(next, "not");
        if (!r->body && !r->ends.ptr && is_one_of(word, maria_ends, weft_count(maria_ends))) r->ends = word;
    }
    r->body |= r->makes && is_one_of(word, maria_bodies, weft_count(maria_bodies));
    if (!r->body) return;
    if ((equals(word, "begin") || equals(word, "case")) && !equals(r->last, "end")) r->depth++;
    else if (r->depth && equals(word, "end") && !is_one_of(next, maria_blocks, weft_count(maria_blocks))) r->depth--;
}

static void maria_word(reader *r, weft_str word)
{
    if (r->script) {
        script_word(r, word);
        return;
    }
    weft__parsed *p = r->out;
    if (r->words == 0) {
        if (is_one_of(word, maria_sessions, weft_count(maria_sessions))) p->kind = WEFT__SQL_SESSION;
        if (is_one_of(word, maria_commits, weft_count(maria_commits))) p->kind = WEFT__SQL_COMMITS;
        p->reads = is_one_of(word, maria_reads, weft_count(maria_reads));
        p->changes = is_one_of(word, maria_insert, weft_count(maria_insert));
    }
    /* One statement's own settings; the server's; somebody's password. */
    if (r->words == 1 && equals(r->last, "set") && (equals(word, "statement") || equals(word, "global") || equals(word, "password"))) p->kind = WEFT__SQL_PLAIN;
    if (r->words && r->words < 4 && equals(word, "temporary")) p->kind = WEFT__SQL_SESSION;
    if (is_one_of(word, maria_locks, weft_count(maria_locks))) p->kind = WEFT__SQL_SESSION;
    bool function = (equals(word, "replace") || equals(word, "insert")) && calls(r, word.ptr + word.len);
    if (!function && is_one_of(word, maria_changes, weft_count(maria_changes))) p->reads = false;
}

/* 'It''s' and 'it\'s': a backslash takes the next character's meaning. */
static bool maria_quoted(reader *r, char close)
{
    for (const char *p = r->at + 1; p < r->end; p++) {
        if (*p == '\\') p++;
        else if (*p == close) return copy_to(r, p + 1), true;
    }
    return r->fault = "a quote that begins and does not end", false;
}

/* ---- quotes of PostgreSQL's own ---- */

static const char *escape_end(const reader *r, const char *p)
{
    for (p++; p < r->end; p++) {
        if (*p == '\\') p++;
        else if (*p == '\'') return p + 1;
    }
    return NULL;
}

/* A text goes on in the next line's quotes, and is one with escapes there too. */
static const char *goes_on(const reader *r, const char *p)
{
    bool line = false;
    for (; p < r->end; p++) {
        if (*p == '-' && r->end - p > 1 && p[1] == '-') {
            p = memchr(p, '\n', (size_t)(r->end - p));
            if (!p) return NULL;
        }
        if (*p == '\n' || *p == '\r') line = true;
        else if (*p != ' ' && *p != '\t' && *p != '\f' && *p != '\v') break;
    }
    return line && p < r->end && *p == '\'' ? p : NULL;
}

/* E'...': a backslash takes the next character's meaning. */
static bool escaped(reader *r)
{
    const char *p = r->at + 1;
    do {
        const char *end = escape_end(r, p);
        if (!end) return r->fault = "a quote that begins and does not end", false;
        copy_to(r, end);
        /* '' inside is a quote, and the text goes on */
        p = end < r->end && *end == '\'' ? end : goes_on(r, end);
    } while (p);
    return true;
}

/* $tag$ ... $tag$ */
static bool dollars(reader *r)
{
    const char *p = r->at + 1;
    while (p < r->end && is_name(*p)) p++;
    if (p == r->end || *p != '$' || (p > r->at + 1 && r->at[1] >= '0' && r->at[1] <= '9')) return r->fault = "a '$': write {} for a value, :name for the field of a model", false;
    size_t n = (size_t)(p + 1 - r->at);
    const char *end = memmem(p + 1, (size_t)(r->end - p) - 1, r->at, n);
    if (!end) return r->fault = "a quote of dollars that begins and does not end", false;
    copy_to(r, end + n);
    return true;
}

/* ---- a step ---- */

/* A whole word: a '$' or ':' in it begins nothing. */
static bool word(reader *r)
{
    const char *end = r->at + 1;
    while (end < r->end && (is_name(*end) || *end == '$')) end++;
    weft_str w = { r->at, (size_t)(end - r->at) };
    weft__parsed *p = r->out;
    bool postgres = r->dialect == WEFT__SQL_POSTGRES;
    if (postgres && equals(w, "e") && end < r->end && *end == '\'') return escaped(r);
    if (r->dialect == WEFT__SQL_SQLITE && !p->worded) p->kind = equals(w, "pragma") ? WEFT__SQL_PRAGMA : equals(w, "vacuum") ? WEFT__SQL_VACUUM : WEFT__SQL_PLAIN;
    if (postgres) postgres_word(r, w);
    if (r->dialect == WEFT__SQL_MARIADB) maria_word(r, w);
    p->worded = true;
    p->fails |= equals(w, "fail");
    r->words++;
    r->before = r->last;
    r->last = w;
    copy_to(r, end);
    return true;
}

/* MariaDB's "--" wants a blank behind it: 5--1 is 6. */
static bool is_line_comment(const reader *r)
{
    if (r->dialect != WEFT__SQL_MARIADB) return follows(r, '-', '-');
    return *r->at == '#' || (follows(r, '-', '-') && (r->end - r->at == 2 || (unsigned char)r->at[2] <= ' '));
}

static bool is_blank(const reader *r)
{
    return strchr(" \t\r\n\f\v;", *r->at) || is_line_comment(r) || follows(r, '/', '*');
}

/* @@name, a setting that is read; 'user'@host. */
static bool is_variable(const reader *r)
{
    const weft__buf *sql = &r->out->sql;
    char before = sql->len ? sql->ptr[sql->len - 1] : 0;
    return before == '@' || before == '\'' || before == '`' || before == '"' || is_name(before);
}

static bool quote(reader *r, char c, bool *done)
{
    *done = true;
    if (r->dialect == WEFT__SQL_MARIADB && c == '\'') return maria_quoted(r, c);
    if (r->dialect == WEFT__SQL_POSTGRES && c == '"') {
        const char *from = r->at + 1;
        if (!quoted(r, c)) return false;
        postgres_name(r, (weft_str){ from, (size_t)(r->at - from) - 1 });
        return true;
    }
    if (c == '\'' || c == '"') return quoted(r, c);
    if (r->dialect != WEFT__SQL_POSTGRES && c == '`') return quoted(r, c);
    if (r->dialect == WEFT__SQL_SQLITE && c == '[') return quoted(r, ']');
    if (r->dialect == WEFT__SQL_POSTGRES && c == '$') return dollars(r);
    return *done = false;
}

/* What stands for a value in a statement is nothing of the kind here. */
static bool script_step(reader *r)
{
    if (is_name(*r->at)) return word(r);
    if (*r->at == ';' && !r->depth) r->words = 0, r->makes = r->body = false;
    r->at++;
    return true;
}

static bool step(reader *r)
{
    char c = *r->at, next = r->end - r->at > 1 ? r->at[1] : 0;
    bool done, fine;
    if (r->ended && c && !is_blank(r)) r->out->more = true;
    if (fine = quote(r, c, &done), done) return fine;
    if (is_line_comment(r)) return line_comment(r);
    if (follows(r, '/', '*')) return block_comment(r);
    if (r->script) return script_step(r);
    if (follows(r, '{', '}') && r->end - r->at > 2 && r->at[2] >= '0' && r->at[2] <= '9') return r->fault = "a digit right behind a {}", false;
    if (follows(r, '{', '}')) return place(r, (weft_str){ 0 }, r->at + 2);
    if (c == ':' && is_name_start(next)) return named(r);
    if (c == '?' && r->dialect != WEFT__SQL_POSTGRES) return r->fault = "a '?': write {} for a value", false;
    if ((c == '@' || c == '$') && is_name(next) && r->dialect == WEFT__SQL_SQLITE) return r->fault = "a '@name' or '$name': write :name for the field of a model", false;
    if (c == '@' && is_name(next) && r->dialect == WEFT__SQL_MARIADB && !is_variable(r)) return r->fault = "a '@name', which would stay in a connection that others have next: write :name for the field of a model", false;
    if (c == 0) return r->fault = "a NUL character", false;
    if (is_name(c)) return word(r);
    if (c == ';' && !r->depth) r->ended = true;
    size_t n = follows(r, ':', ':') ? 2 : 1;
    weft__buf_add(&r->out->sql, r->at, n);
    r->at += n;
    return true;
}

static int read_all(reader *r, const char **fault)
{
    weft__parsed *out = r->out;
    weft__buf_init(&out->sql, 8 * (size_t)WEFT__SQL_MAX);
    const char *from = r->at;
    while (r->at < r->end && !out->sql.failed && !(r->first && r->ended))
        if (!step(r)) break;
    weft__buf_add_char(&out->sql, 0);
    if (r->at - from > WEFT__SQL_MAX) return *fault = "more than 1 MiB of SQL", WEFT_ELIMIT;
    if (out->sql.failed) return *fault = "no memory left", out->sql.failed;
    out->sql.len--;
    *fault = r->fault;
    return r->fault ? WEFT_EINVAL : 0;
}

int weft__sql_parse(weft_str text, weft__dialect dialect, weft__parsed *out, const char **fault)
{
    *out = (weft__parsed){ 0 };
    if (text.len > WEFT__SQL_MAX) return *fault = "more than 1 MiB of SQL", WEFT_ELIMIT;
    return read_all(&(reader){ .at = text.ptr, .end = text.ptr + text.len, .out = out, .dialect = dialect }, fault);
}

int weft__sql_with(weft_str text, const weft_str *instead, weft__buf *out)
{
    weft__parsed p = { 0 };
    const char *fault;
    int rc = read_all(&(reader){ .at = text.ptr, .end = text.ptr + text.len, .out = &p, .dialect = WEFT__SQL_POSTGRES, .first = true, .instead = instead }, &fault);
    weft_str sql = weft__buf_str(&p.sql);
    if (sql.len && sql.ptr[sql.len - 1] == ';') sql.len--;
    if (rc == 0) weft__buf_add_str(out, sql);
    weft__parsed_free(&p);
    return rc < 0 ? rc : out->failed;
}

int weft__sql_first(weft_str script, weft__parsed *out, size_t *len, const char **fault)
{
    reader r = { .at = script.ptr, .end = script.ptr + script.len, .out = out, .dialect = WEFT__SQL_POSTGRES, .first = true };
    *out = (weft__parsed){ 0 };
    int rc = read_all(&r, fault);
    *len = (size_t)(r.at - script.ptr);
    return rc;
}

int weft__sql_script(weft_str script, weft_str *found)
{
    weft__parsed p = { 0 };
    reader r = { .at = script.ptr, .end = script.ptr + script.len, .out = &p, .dialect = WEFT__SQL_MARIADB, .script = true };
    int rc = script.len > (size_t)8 * WEFT__SQL_MAX ? WEFT_ELIMIT : 0;
    weft__buf_init(&p.sql, (size_t)9 * WEFT__SQL_MAX);
    while (rc == 0 && r.at < r.end && !p.sql.failed && !r.ends.ptr)
        if (!step(&r)) break;
    if (rc == 0) rc = p.sql.failed;
    weft__parsed_free(&p);
    *found = r.ends;
    return rc == 0 && r.ends.ptr ? WEFT_EINVAL : rc;
}

void weft__parsed_free(weft__parsed *p)
{
    weft__buf_free(&p->sql);
    weft__free(p->places);
}
