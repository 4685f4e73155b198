#ifndef WEFT_SRC_WEB_ORIGINS_H
#define WEFT_SRC_WEB_ORIGINS_H
/* Lists of origins, as browsers say where a page is from: "https://example.com", with a star for the first labels or for the port. */
#include "web/onion.h"

/* "https://" and ".example.com" around a star; `after` of one without a star is not used. */
typedef enum weft__star { WEFT__STAR_NONE, WEFT__STAR_LABELS, WEFT__STAR_PORT } weft__star;
typedef struct weft__origin_text { weft_str before, after; weft__star star; } weft__origin_text;
typedef struct weft__origins { weft__origin_text *items; uint32_t count, room; } weft__origins;

/* Read a list (NULL: none) into memory of the application; *any: "*" is one of them. null_too: "null" may be, which any page can be. Faults go to the layer's. 0 or WEFT_ENOMEM. */
int weft__origins_make(weft__layer_making *m, const char *list, weft__origins *out, bool *any, bool null_too);
bool weft__origins_have(const weft__origins *origins, weft_str came);
#endif
