#include "http/h2_trailers.h"
#include "base/mem.h"
#include "wire/trailer.h"

static size_t count_lines(weft_str lines)
{
    size_t n = 0;
    for (size_t i = 0; i < lines.len; i++) n += lines.ptr[i] == '\n';
    return n;
}

int weft__h2_send_trailers(nghttp2_session *session, int32_t id, weft_str lines, uint32_t *flags)
{
    enum { NEAR = 8 };
    nghttp2_nv near[NEAR], *nv = near;
    size_t most = count_lines(lines), n = 0;
    weft_str name, value;
    if (most > NEAR) nv = weft__malloc(most * sizeof *nv);
    if (!nv) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    while (n < most && weft__trailer_next(&lines, &name, &value))
        nv[n++] = (nghttp2_nv){ (uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr, name.len, value.len, NGHTTP2_NV_FLAG_NONE };
    int rc = n ? nghttp2_submit_trailer(session, id, nv, n) : 0;
    if (nv != near) weft__free(nv);
    if (n && rc == 0) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return rc == 0 ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}
