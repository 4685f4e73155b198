#ifndef WEFT_SRC_WIRE_URL_CHECK_H
#define WEFT_SRC_WIRE_URL_CHECK_H
#include "weft/base.h"

/* URLs that people give: http and https, as they stand in an address bar (RFC 3986, with UTF-8 as in
 * RFC 3987). weft__url_parse is for those that are asked. */
typedef enum { WEFT__URL_FINE, WEFT__URL_NONE, WEFT__URL_SCHEME, WEFT__URL_LONG } weft__url_verdict;
enum { WEFT__URL_CHARS_MAX = 2083 };

/* Of WEFT__URL_NONE, *fault says why, in pydantic's words as far as it has any: static text. The text is UTF-8. */
weft__url_verdict weft__url_check(weft_str text, const char **fault);
#endif
