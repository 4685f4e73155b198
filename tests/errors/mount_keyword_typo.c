/* gcc:   has no member named .nmae.
 * clang: field designator 'nmae' does not refer to any field in type 'const weft_mount' */
#include "weft.h"

extern const weft_app inner;
const weft_app app = { .mounts = WEFT_MOUNTS(
    WEFT_MOUNT("/v1", inner, .nmae = "first")) };    /* HERE */
