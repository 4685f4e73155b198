#ifndef WEFT_SRC_DB_STATEMENT_H
#define WEFT_SRC_DB_STATEMENT_H
/* SQL as users write it, with the places of its values found: a "{}" or a ":name" outside of quotes and comments. What quotes and
 * comments are is the engine's: taken otherwise than the database takes it, text of a literal would be read as SQL. Pure. */
#include "base/buf.h"

enum { WEFT__SQL_MAX = 1 << 20, WEFT__PLACES_MAX = 1000 };

/* The i-th value that is bound. */
typedef struct weft__place { weft_str name; } weft__place;       /* ptr NULL: a "{}" */

/* Whose SQL it is. */
typedef enum { WEFT__SQL_SQLITE, WEFT__SQL_POSTGRES, WEFT__SQL_MARIADB } weft__dialect;

/* By its first word. SESSION, of servers: what begins and ends transactions, or changes a connection for those that have it next. COMMITS, of MariaDB: it
 * ends the transaction that it is in. */
enum { WEFT__SQL_PLAIN, WEFT__SQL_PRAGMA, WEFT__SQL_VACUUM, WEFT__SQL_SESSION, WEFT__SQL_COMMITS };

typedef struct weft__parsed {
    weft__buf sql;                   /* with ?1, ?2 ... in their stead; $1, $2 ... of PostgreSQL; each a ? of MariaDB */
    weft__place *places;
    uint32_t count, room;
    uint32_t positional;             /* of them "{}" */
    int kind;
    bool worded, fails;              /* there was a word; one of them is FAIL: what it changed before it failed may stay */
    bool reads;                      /* of servers: it begins with SELECT or the like, and no word in it changes or locks anything */
    bool changes;                    /* of MariaDB: it begins with INSERT or the like, and what rows it gives are those that it changed */
    bool more;                       /* there is another statement behind a ';' */
    bool quoted;                     /* a "{}" inside quotes or a comment was seen: for what is said of a wrong number */
} weft__parsed;

/* 0; WEFT_EINVAL with *fault, a static text: a '?', '@name' or '$name' ('$' alone in PostgreSQL's), a digit behind "{}", text that begins and does not end, a NUL inside, more than
 * WEFT__PLACES_MAX places; WEFT_ELIMIT: longer than WEFT__SQL_MAX; WEFT_ENOMEM. A name that comes twice is one place (not in MariaDB's, whose places have no numbers). Names point into
 * `text`. In each case weft__parsed_free. */
int weft__sql_parse(weft_str text, weft__dialect dialect, weft__parsed *out, const char **fault) WEFT_NODISCARD;
/* The same for the first statement of a script of PostgreSQL's alone; *len: its bytes, with the ';' behind it. A body of BEGIN ATOMIC ... END has ';' of
 * its own. */
int weft__sql_first(weft_str script, weft__parsed *out, size_t *len, const char **fault) WEFT_NODISCARD;
/* Append one statement of PostgreSQL's that was parsed before, without the ';' behind it, with instead[i] where its i-th value is: SQL of weft's own, never of a
 * user's. 0; WEFT_ENOMEM, WEFT_ELIMIT. */
int weft__sql_with(weft_str text, const weft_str *instead, weft__buf *out) WEFT_NODISCARD;
/* Of a script of MariaDB's, which the server splits: 0, or WEFT_EINVAL and *found, a statement in it, outside of the bodies of procedures and the like, that begins or
 * ends transactions or locks tables; WEFT_ELIMIT: more than 8 MiB; WEFT_ENOMEM. */
int weft__sql_script(weft_str script, weft_str *found) WEFT_NODISCARD;
void weft__parsed_free(weft__parsed *p);
#endif
