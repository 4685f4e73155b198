#ifndef WEFT_SRC_WIRE_EMAIL_H
#define WEFT_SRC_WIRE_EMAIL_H
#include "weft/base.h"

/* Addresses of mail as people have them: RFC 5321 without quoted names, comments and addresses in
 * brackets, with UTF-8 on both sides (RFC 6531). The domain has a point in it. Of length: 64 bytes before the
 * '@', 63 a label, 254 in all. NULL, or what is wrong: static text. The text is UTF-8. */
const char *weft__email_fault(weft_str text);
#endif
