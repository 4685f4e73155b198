#ifndef WEFT_SRC_WIRE_NETWORK_H
#define WEFT_SRC_WIRE_NETWORK_H
#include "weft/base.h"

/* Addresses as bytes, and networks of them. family 0: none, as of a unix socket. */
typedef struct weft__ip { uint8_t family, bytes[16]; } weft__ip;
enum { WEFT__IP_NONE = 0, WEFT__IP_4 = 4, WEFT__IP_6 = 6 };

/* 0, or WEFT_EINVAL and *out untouched: "192.0.2.1"; "2001:db8::1", also in brackets, without a zone. What is an IPv4 address within IPv6 (::ffff:192.0.2.1)
 * is that IPv4 address: RFC 4291, 2.5.5.2. */
int weft__ip_parse(weft_str text, weft__ip *out) WEFT_NODISCARD;
weft__ip weft__ip_plain(weft__ip ip);                /* that of IPv4 within IPv6 */

typedef struct weft__network { weft__ip at; uint8_t bits; } weft__network;
enum { WEFT__NETWORKS_MAX = 32 };
/* A list with commas: "10.0.0.0/8, 2001:db8::/32, 192.0.2.7, unix" (whoever comes by a unix socket). How many; WEFT_EINVAL, and *wrong is the part that is no network, or has bits behind its
 * length; WEFT_ELIMIT: more than WEFT__NETWORKS_MAX. */
int weft__networks_parse(weft_str list, weft__network out[WEFT__NETWORKS_MAX], weft_str *wrong) WEFT_NODISCARD;
bool weft__networks_have(const weft__network *all, int count, const weft__ip *ip);
#endif
