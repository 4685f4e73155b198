/* gcc:   has no member named .prot.
 * clang: field designator 'prot' does not refer to any field */
#include "weft.h"

extern const weft_app app;
int main(void) { return weft_serve(&app, .prot = 8000); }    /* HERE */
