/* llhttp.c looks for its header by this name, and Debian has it in a folder that no compiler searches. */
#include "/usr/share/include/llhttp/llhttp.h"
