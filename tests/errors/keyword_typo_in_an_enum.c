/* gcc:   no keyword of an enum: valeu[(]MOOD_BAD, .*bad.*[)] [(]there are value[)]
 * clang: no keyword of an enum: valeu[(]MOOD_BAD, .*bad.*[)] [(]there are value[)] */
#include "weft/model.h"

WEFT_ENUM(Mood,    /* HERE */
    value(MOOD_GOOD, "good"),
    valeu(MOOD_BAD,  "bad"));
