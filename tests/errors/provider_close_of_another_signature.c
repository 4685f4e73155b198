/* gcc: .database_close.* must be declared: int database_close[(]database [*]value, int rc[)], or NULL
 * clang: .database_close.* must be declared: int database_close[(]database [*]value, int rc[)], or NULL */
#include "weft.h"

typedef struct database database;
extern int database_open(const weft_none *in, database **out);
extern void database_close(database *db);
const weft_provider db = WEFT_PROVIDER(database, weft_none, database_open, database_close);    /* HERE */
