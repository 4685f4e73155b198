/* What MariaDB says when it refuses, as weft's codes. */
#include <errmsg.h>
#include "db/mariadb.h"

typedef struct known { unsigned number; int rc; } known;
/* MariaDB's documentation, "MariaDB Error Codes"; those above 2000 are libmariadb's. */
static const known errors[] = {
    { 1062, WEFT_EDB_UNIQUE }, { 1169, WEFT_EDB_UNIQUE }, { 1557, WEFT_EDB_UNIQUE }, { 1586, WEFT_EDB_UNIQUE },
    { 1216, WEFT_EDB_REFERENCE }, { 1217, WEFT_EDB_REFERENCE }, { 1451, WEFT_EDB_REFERENCE }, { 1452, WEFT_EDB_REFERENCE },
    { 1048, WEFT_EDB_CHECK }, { 1263, WEFT_EDB_CHECK }, { 1264, WEFT_EDB_CHECK }, { 1364, WEFT_EDB_CHECK }, { 1366, WEFT_EDB_CHECK }, { 1406, WEFT_EDB_CHECK },
    { 3819, WEFT_EDB_CHECK }, { 4025, WEFT_EDB_CHECK },
    { 1205, WEFT_EDB_BUSY }, { 1213, WEFT_EDB_BUSY }, { 1412, WEFT_EDB_BUSY }, { 1614, WEFT_EDB_BUSY }, { 3572, WEFT_EDB_BUSY },
    { 1021, WEFT_EDB_FULL }, { 1114, WEFT_EDB_FULL }, { 1036, WEFT_EDB_READ_ONLY }, { 1290, WEFT_EDB_READ_ONLY }, { 1792, WEFT_EDB_READ_ONLY },
    { 1836, WEFT_EDB_READ_ONLY }, { 1033, WEFT_EDB_CORRUPT }, { 1034, WEFT_EDB_CORRUPT }, { 1194, WEFT_EDB_CORRUPT }, { 1712, WEFT_EDB_CORRUPT },
    { 1005, WEFT_EDB_IO }, { 1026, WEFT_EDB_IO }, { 1030, WEFT_EDB_IO }, { 1037, WEFT_ENOMEM }, { 1038, WEFT_ENOMEM }, { 1041, WEFT_ENOMEM },
    { 1153, WEFT_ELIMIT }, { 1301, WEFT_ELIMIT }, { CR_OUT_OF_MEMORY, WEFT_ENOMEM }, { CR_NET_PACKET_TOO_LARGE, WEFT_ELIMIT },
    { 1969, WEFT_ETIMEDOUT }, { 3024, WEFT_ETIMEDOUT },
};

/* The server has closed it, or is about to; or what came is no answer: nothing that follows would be one. */
bool weft__maria_is_gone(unsigned n)
{
    switch (n) {
    case CR_SERVER_GONE_ERROR: case CR_SERVER_LOST: case CR_SERVER_LOST_EXTENDED: case CR_COMMANDS_OUT_OF_SYNC: case CR_MALFORMED_PACKET: case CR_SSL_CONNECTION_ERROR:
    case CR_UNKNOWN_ERROR: case CR_NET_PACKET_TOO_LARGE: case CR_STMT_CLOSED: case 1053: case 1077: case 1152: case 1156: case 1158: case 1159: case 1160: case 1161:
    case 1184: case 1927: case 4150: return true;
    default: return false;
    }
}

static int code_of(unsigned n)
{
    for (size_t i = 0; i < weft_count(errors); i++)
        if (errors[i].number == n) return errors[i].rc;
    return WEFT_EDB;
}

static int failed(weft__maria_conn *c, weft__query *q, unsigned n, const char *text)
{
    enum { INTERRUPTED = 1317 };
    int stop = __atomic_load_n(&q->stop, __ATOMIC_RELAXED);
    if (weft__maria_is_gone(n)) c->broken = true;
    if (stop && (n == INTERRUPTED || n == 1969 || c->broken)) return stop;
    if (n == CR_NET_PACKET_TOO_LARGE) return weft__buf_printf(&q->fault, "%s", text), WEFT_ELIMIT;
    if (c->broken) {
        weft__buf_printf(&q->fault, "the connection broke, and whether the statement has changed something is not known: %s", text);
        return WEFT_EDB_LOST;
    }
    if (n == INTERRUPTED) return weft__buf_printf(&q->fault, "somebody has killed it (KILL QUERY)"), WEFT_EDB;
    weft__buf_printf(&q->fault, "%s", text);
    return code_of(n);
}

int weft__maria_failed(weft__maria_conn *c, weft__query *q) { return failed(c, q, mysql_errno(c->my), mysql_error(c->my)); }

/* What fails while its rows come (INSERT ... RETURNING) is the connection's to tell. */
unsigned weft__maria_stmt_errno(const weft__maria_conn *c, MYSQL_STMT *stmt) { return mysql_stmt_errno(stmt) ? mysql_stmt_errno(stmt) : mysql_errno(c->my); }

int weft__maria_stmt_failed(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt)
{
    unsigned n = mysql_stmt_errno(stmt);
    return n ? failed(c, q, n, mysql_stmt_error(stmt)) : weft__maria_failed(c, q);
}
