#ifndef WEFT_SRC_HTTP_H2_TRAILERS_H
#define WEFT_SRC_HTTP_H2_TRAILERS_H
#include <nghttp2/nghttp2.h>
#include "weft/base.h"

/* Send trailers behind the last bytes of a body, and with them the end: where nghttp2 asks for these, and *flags says that they are the last
 * (NGHTTP2_DATA_FLAG_EOF). `lines` are whole ones (wire/trailer.h), copied. 0, or what the asking is then to be answered with: the stream is reset.
 * RFC 9113, 8.1 */
int weft__h2_send_trailers(nghttp2_session *session, int32_t id, weft_str lines, uint32_t *flags);
#endif
