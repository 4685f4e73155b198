#ifndef WEFT_SRC_WEB_DOCS_ASSETS_H
#define WEFT_SRC_WEB_DOCS_ASSETS_H
/* The files of third_party/ that /docs and /redoc load, as they lie there, compressed with gzip: put into the program
 * when weft is built (tools/embed-bytes). A build without them (-Ddocs=false) has the document alone. */
#include "weft/base.h"

#include "web/docs_versions.h"         /* made by meson: WEFT__HAS_PAGES; WEFT__SWAGGER_UI and WEFT__REDOC, their versions */

#define WEFT__ASSET(name) ((weft_str){ name, (size_t)(name##_end - name) })
extern const char weft__swagger_ui_js[], weft__swagger_ui_js_end[];
extern const char weft__swagger_ui_css[], weft__swagger_ui_css_end[];
extern const char weft__redoc_js[], weft__redoc_js_end[];
#endif
