/* gcc: .database_open.* must be declared: int database_open[(]const weft_none [*]in, database [*][*]out[)]
 * clang: .database_open.* must be declared: int database_open[(]const weft_none [*]in, database [*][*]out[)] */
#include "weft.h"

typedef struct database database;
extern int database_open(const weft_none *in, database *out);
extern int database_close(database *db, int rc);
const weft_provider db = WEFT_PROVIDER(database, weft_none, database_open, database_close);    /* HERE */
