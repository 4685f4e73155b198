/* What PostgreSQL says when it refuses, as weft's codes. */
#include <string.h>
#include "db/postgres.h"

typedef struct state { const char *code; int rc; } state;
/* SQLSTATEs; those of two characters are classes. PostgreSQL's documentation, appendix A. */
static const state states[] = {
    { "23505", WEFT_EDB_UNIQUE }, { "23P01", WEFT_EDB_UNIQUE }, { "23503", WEFT_EDB_REFERENCE }, { "23001", WEFT_EDB_REFERENCE },
    { "23", WEFT_EDB_CHECK }, { "22001", WEFT_EDB_CHECK }, { "22003", WEFT_EDB_CHECK },
    { "25006", WEFT_EDB_READ_ONLY }, { "53100", WEFT_EDB_FULL }, { "40", WEFT_EDB_BUSY }, { "55P03", WEFT_EDB_BUSY },
    { "53300", WEFT_EDB_AWAY }, { "57P", WEFT_EDB_LOST }, { "08", WEFT_EDB_LOST }, { "58030", WEFT_EDB_IO }, { "XX001", WEFT_EDB_CORRUPT }, { "XX002", WEFT_EDB_CORRUPT },
};

static int code_of(const char *sqlstate)
{
    for (size_t i = 0; sqlstate && i < weft_count(states); i++)
        if (strncmp(sqlstate, states[i].code, strlen(states[i].code)) == 0) return states[i].rc;
    return WEFT_EDB;
}

static void add(weft__buf *to, const char *before, const char *text)
{
    if (text) weft__buf_printf(to, "%s%s", before, text);
}

bool weft__pg_ended(const PGresult *r)
{
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return sqlstate && strcmp(sqlstate, "57014") == 0;
}

int weft__pg_failed(weft__query *q, const PGresult *r)
{
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE), *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    bool ended = weft__pg_ended(r);
    if (ended && q->stop) return q->stop;
    if (ended) return WEFT_ETIMEDOUT;                /* its own statement_timeout, or whoever called pg_cancel_backend */
    add(&q->fault, "", text ? text : "the server refused it");
    add(&q->fault, "; ", PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL));
    add(&q->fault, "; ", PQresultErrorField(r, PG_DIAG_MESSAGE_HINT));
    return code_of(sqlstate);
}

/* What the server refuses has a code. What libpq says by itself (no memory for what came, the end of the connection) has none: which answer is whose is not known any more. */
bool weft__pg_lost_place(const PGresult *r)
{
    return PQresultStatus(r) == PGRES_FATAL_ERROR && !PQresultErrorField(r, PG_DIAG_SQLSTATE);
}

/* What libpq says has a line's end, and often a second line. */
int weft__pg_lost(weft__pg_conn *c, weft__query *q)
{
    const char *text = c->pg ? PQerrorMessage(c->pg) : "";
    if (q->stop == WEFT_ECANCELED) return WEFT_ECANCELED;
    if (!q->fault.len) weft__buf_printf(&q->fault, "the connection broke, and whether the statement has changed something is not known%s%.*s", *text ? ": " : "",
        (int)strcspn(text, "\n"), text);
    return WEFT_EDB_LOST;
}

/* The table has other columns now, or somebody has dropped the prepared statement, or made one of its name: preparing it again helps. */
bool weft__pg_outdated(const PGresult *r)
{
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE), *where = PQresultErrorField(r, PG_DIAG_SOURCE_FUNCTION);
    if (!sqlstate) return false;
    return strcmp(sqlstate, "26000") == 0 || strcmp(sqlstate, "42P05") == 0 || (strcmp(sqlstate, "0A000") == 0 && where && strcmp(where, "RevalidateCachedQuery") == 0);
}
