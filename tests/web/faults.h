#ifndef WEFT_TESTS_WEB_FAULTS_H
#define WEFT_TESTS_WEB_FAULTS_H
#include <string.h>
#include "base/buf.h"
#include "weft/check.h"
#include "web/app.h"

/* What an app that does not compile says at the start; nothing when it does. Good until the next call. */
static inline const char *faults_of(const weft_app *app)
{
    static char text[16 * 1024];
    weft__buf faults;
    weft__app *compiled = NULL;
    weft__buf_init(&faults, sizeof text - 1);
    int rc = weft__app_compile(app, &compiled, &faults);
    WEFT_CHECK_EQ(rc, faults.len ? WEFT_EINVAL : 0);
    memcpy(text, weft__buf_str(&faults).ptr, faults.len);
    text[faults.len] = 0;
    weft__buf_free(&faults);
    weft__app_free(compiled);
    return text;
}
#define FAULTS(app, text) WEFT_CHECK_STR(weft_str_of(faults_of(&(app))), text)
#endif
