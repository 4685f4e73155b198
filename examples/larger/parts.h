/* The parts of the application, a file each. */
#include <weft.h>

extern const weft_router items, users;
