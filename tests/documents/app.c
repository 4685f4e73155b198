/* The application of tests/web/shop.h, for what judges its document: ./documents-app PORT. */
#include <stdlib.h>
#include "../web/shop.h"

int main(int argc, char **argv) { return weft_serve(&shop, .port = argc > 1 ? atoi(argv[1]) : 8000); }
