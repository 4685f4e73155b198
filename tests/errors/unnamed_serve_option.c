/* gcc:   makes pointer from integer
 * clang: initializing 'weft__named_options_only' */
#include "weft.h"

extern const weft_app app;
int main(void) { return weft_serve(&app, 8000); }    /* HERE */
