/* gcc:   initialization of .const weft_provider [*].* from incompatible pointer type .database [*]
 * clang: incompatible pointer types initializing 'const weft_provider [*]' .*'database [*]'.* */
#include "weft.h"

typedef struct database { int n; } database;
extern database shared;
WEFT_INPUT(read_in, depends(database, db, shared));    /* HERE */
