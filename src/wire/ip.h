#ifndef WEFT_SRC_WIRE_IP_H
#define WEFT_SRC_WIRE_IP_H
#include "weft/base.h"

/* Addresses as text: four decimals without zeros in front; RFC 4291, 2.2, perhaps with a zone behind
 * '%' (RFC 4007, 11). */
bool weft__ipv4_valid(weft_str text);
bool weft__ipv6_valid(weft_str text);
#endif
