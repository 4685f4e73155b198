/* A statement for many items in one message (MariaDB's bulk operations): the values of each place are a column, one behind the other. */
#include <string.h>
#include "base/mem.h"
#include "db/mariadb.h"

/* What goes at once: items, values, bytes of texts (and the item that comes to them); never more than the server takes. */
enum { ITEMS_AT_ONCE = 500, VALUES_AT_ONCE = 20000, TEXTS_FULL = 256 * 1024, TEXTS_MAX = 64 << 20 };

typedef union slot { int64_t i; double d; size_t at; const char *text; } slot;
typedef struct bulk {
    weft__maria_conn *c;
    weft__query *q;
    MYSQL_STMT *stmt;
    uint32_t places, room, count;
    size_t bytes;                    /* of the message, at most */
    weft__cell_kind *kinds;          /* of the places; NULL: no item had a value for it so far */
    slot *slots;                     /* place by place, `room` each; as the following */
    unsigned long *lens;
    char *nulls;
    weft__buf texts;                 /* slots of texts are places in it until they are sent */
} bulk;

bool weft__maria_has_bulk(const weft__maria_conn *c)
{
    unsigned long more = 0;
    return mariadb_get_infov(c->my, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &more) == 0 && more & (unsigned long)(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32);
}

/* ---- items ---- */

static bool is_text(weft__cell_kind kind) { return kind >= WEFT__CELL_TEXT; }

/* Each value has a byte before it that says whether it is there. */
static size_t item_bytes(const bulk *b)
{
    size_t bytes = b->places;
    for (uint32_t k = 0; k < b->places; k++) bytes += weft__maria_value_bytes(&b->q->items->cells[k]);
    return bytes;
}

static size_t head_bytes(const bulk *b) { return 2 * (size_t)b->places; }        /* types */

/* A column is of one type: an item of another one is for the next message. */
static bool fits(const bulk *b, size_t more)
{
    const weft__cell *cells = b->q->items->cells;
    if (b->count == b->room || b->texts.len >= TEXTS_FULL || b->bytes + more > b->c->packet_max) return false;
    for (uint32_t k = 0; k < b->places; k++)
        if (cells[k].kind != WEFT__CELL_NULL && b->kinds[k] != WEFT__CELL_NULL && cells[k].kind != b->kinds[k]) return false;
    return true;
}

static void add(bulk *b)
{
    for (uint32_t k = 0; k < b->places; k++) {
        const weft__cell *cell = &b->q->items->cells[k];
        size_t at = (size_t)k * b->room + b->count;
        b->nulls[at] = cell->kind == WEFT__CELL_NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
        b->lens[at] = is_text(cell->kind) ? weft__maria_text_len(cell) : 0;
        b->slots[at].at = b->texts.len;
        if (cell->kind == WEFT__CELL_INT) b->slots[at].i = cell->i;
        if (cell->kind == WEFT__CELL_REAL) b->slots[at].d = cell->d;
        if (is_text(cell->kind)) weft__buf_add(&b->texts, cell->s.ptr, b->lens[at]);
        if (cell->kind != WEFT__CELL_NULL) b->kinds[k] = cell->kind;
    }
    b->count++;
}

/* ---- sent ---- */

static void bind_columns(bulk *b)
{
    for (uint32_t k = 0; k < b->places; k++) {
        size_t at = (size_t)k * b->room;
        bool text = is_text(b->kinds[k]) || b->kinds[k] == WEFT__CELL_NULL;
        for (uint32_t i = 0; text && i < b->count; i++) b->slots[at + i].text = b->texts.len ? b->texts.ptr + b->slots[at + i].at : "";
        b->c->params[k] = (MYSQL_BIND){ .buffer_type = weft__maria_type(b->kinds[k]), .buffer = &b->slots[at], .length = &b->lens[at], .u.indicator = &b->nulls[at] };
    }
}

static int send_them(bulk *b)
{
    unsigned n = b->count, none = 0;
    int rc = b->texts.failed ? b->texts.failed : __atomic_load_n(&b->q->stop, __ATOMIC_RELAXED);
    if (rc < 0 || !n) return rc;
    bind_columns(b);
    bool fine = mysql_stmt_attr_set(b->stmt, STMT_ATTR_ARRAY_SIZE, &n) == 0 && mysql_stmt_bind_param(b->stmt, b->c->params) == 0 && mysql_stmt_execute(b->stmt) == 0;
    if (!fine) rc = weft__maria_stmt_failed(b->c, b->q, b->stmt);
    uint64_t changed = fine ? mysql_stmt_affected_rows(b->stmt) : 0;
    mysql_stmt_attr_set(b->stmt, STMT_ATTR_ARRAY_SIZE, &none);
    b->count = 0;
    b->bytes = head_bytes(b);
    weft__buf_clear(&b->texts);
    for (uint32_t k = 0; k < b->places; k++) b->kinds[k] = WEFT__CELL_NULL;
    return rc < 0 ? rc : changed > INT32_MAX ? INT32_MAX : (int)changed;
}

static int all(bulk *b)
{
    weft__query *q = b->q;
    int64_t sum = 0;
    for (size_t i = 0; i <= q->items->count; i++) {
        bool end = i == q->items->count;
        int rc = end ? 0 : weft__item_cells(q, i);
        if (rc < 0) return weft__buf_printf(&q->fault, " (item %zu of %zu)", i, q->items->count), rc;
        size_t more = end ? 0 : item_bytes(b);
        if (end || !fits(b, more)) rc = send_them(b);
        if (rc < 0) return rc;
        sum += rc;
        if (end) break;
        if (b->bytes + more > b->c->packet_max) {
            rc = weft__maria_too_large(b->c, q, q->items->cells, more);
            return weft__buf_printf(&q->fault, " (item %zu of %zu)", i, q->items->count), rc;
        }
        b->bytes += more;
        add(b);
    }
    return sum < INT32_MAX ? (int)sum : INT32_MAX;
}

int weft__maria_bulk(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt)
{
    bulk b = { .c = c, .q = q, .stmt = stmt, .places = q->statement->parsed.count };
    b.room = VALUES_AT_ONCE / b.places < ITEMS_AT_ONCE ? VALUES_AT_ONCE / b.places : ITEMS_AT_ONCE;
    if (b.room > q->items->count) b.room = (uint32_t)q->items->count;
    b.bytes = head_bytes(&b);
    size_t values = (size_t)b.places * b.room;
    weft__buf_init(&b.texts, TEXTS_MAX);
    b.kinds = weft__calloc(b.places * sizeof *b.kinds);
    b.slots = weft__malloc(values * sizeof *b.slots);
    b.lens = weft__malloc(values * sizeof *b.lens);
    b.nulls = weft__malloc(values);
    int rc = b.kinds && b.slots && b.lens && b.nulls ? weft__maria_params_room(c, (int)b.places) : WEFT_ENOMEM;
    if (rc == 0) rc = all(&b);
    weft__free(b.kinds);
    weft__free(b.slots);
    weft__free(b.lens);
    weft__free(b.nulls);
    weft__buf_free(&b.texts);
    return rc;
}
