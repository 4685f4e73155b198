/* Settings, with each allocation failed in turn. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "model/plan.h"
#include "serve/settings.h"
#include "support/failing.h"
#include "testing/folder.h"
#include "weft/model.h"

WEFT_MODEL(Mail, field(weft_str, host), field(int, port, .initial = "25"));
WEFT_MODEL(Settings, field(int, port, .initial = "8000"), field(bool, debug, .initial = "false"), field(double, ratio, .initial = "0.5"),
    list(weft_str, origins, .initial = "[]"), opt(Mail, mail), field(weft_str, api, .initial = "", .secret = true));
static Settings got;
static const char *const nothing[] = { NULL };

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    WEFT_NEED(f != NULL);
    fputs(text, f);
    fclose(f);
}

WEFT_TEST(without_memory_settings_fail_cleanly)
{
    static const char *const environment[] = { "SHOP_PORT=80", "SHOP_MAIL__HOST=m", "SHOP_ORIGINS=a,b", "SHOP_DEBUG=perhaps", NULL };
    WEFT_NEED(chdir(weft__test_folder(WEFT__ON_DISK)) == 0);
    write_file(".env", "SHOP_API=\"a\"\n");
    write_file("shop.json", "{\"r\\u0061tio\": 2, \"mail\": {\"h\\u006fst\": \"m\"}}");
    FAIL_EACH_IN_TURN(i) {
        int rc = weft_settings(Settings, &got, .prefix = "SHOP_", .file = "shop.json", .print = true, .environment = environment + (i % 2));
        WEFT_CHECK(rc == WEFT_EINVAL || (fails.failed && rc == WEFT_ENOMEM));
        rc = weft_settings(Settings, &got, .file = "shop.json", .environment = nothing, .dotenv = "");
        WEFT_CHECK(rc == 0 || (fails.failed && rc == WEFT_ENOMEM));
        WEFT_CHECK(rc < 0 || (got.ratio == 2 && got.mail.set));          /* never as if the file had not said so */
        weft__settings_forget();
        weft__model_forget();
    }
}
