/* gcc:   incompatible.*pointer type
 * clang: incompatible pointer types initializing 'Team [*]' */
#include "weft/table.h"

WEFT_MODEL(Team, table("teams"), field(int64_t, id), key(id));
WEFT_MODEL(Customer, table("customers"), field(int64_t, id), key(id));
int save(weft_db *db, Customer *c);
int save(weft_db *db, Customer *c) { return weft_db_insert(db, Team, c); }    /* HERE */
