/* gcc:   has no member named .on_update.
 * clang: field designator 'on_update' does not refer to any field */
#include "weft/model.h"

WEFT_MODEL(Team, table("teams"), field(int64_t, id), key(id));
WEFT_MODEL(Customer, table("customers"), field(int64_t, id), field(int64_t, team_id), key(id),
    reference(team_id, Team, .on_update = WEFT_CASCADE));    /* HERE */
