/* gcc:   weft_schema_Taem
 * clang: weft_schema_Taem */
#include "weft/model.h"

WEFT_MODEL(Team, table("teams"), field(int64_t, id), key(id));
WEFT_MODEL(Customer, table("customers"), field(int64_t, id), field(int64_t, team_id), key(id), reference(team_id, Taem));    /* HERE */
