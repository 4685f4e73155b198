#ifndef WEFT_SRC_WEB_MEDIA_TYPE_H
#define WEFT_SRC_WEB_MEDIA_TYPE_H
#include "weft/base.h"

/* What a file is, by the end of its name, in any case; application/octet-stream when that says nothing. */
weft_str weft__media_type(weft_str path);
#endif
