#ifndef WEFT_H
#define WEFT_H
/* weft: an asynchronous web backend framework in C. One header for applications; each of these stands alone. */
#include "weft/base.h"
#include "weft/model.h"
#include "weft/task.h"
#include "weft/sync.h"
#include "weft/thread.h"
#include "weft/process.h"
#include "weft/inspect.h"
#include "weft/net.h"
#include "weft/command.h"
#include "weft/file.h"
#include "weft/client.h"
#include "weft/stream.h"
#include "weft/upload.h"
#include "weft/failure.h"
#include "weft/middleware.h"
#include "weft/template.h"
#include "weft/web.h"
#include "weft/serve.h"
#include "weft/test.h"
#endif
