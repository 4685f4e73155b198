#ifndef WEFT_SETTINGS_H
#define WEFT_SETTINGS_H
/* What a program is told where it runs: a model, read from the environment, .env and a file. */
#include "weft/model.h"

/* Options of weft_settings.
 * prefix: what the names of the variables begin with: "SHOP_".
 * file: a JSON file with an object, of which the members are the settings; it has to be there. NULL: none.
 * dotenv: a file of lines NAME=value, which may lack; NULL: ".env". "": none.
 * print: write each setting with where it came from to stderr, and *** in the place of secrets, which are: members with .secret; those whose name has
 * password, passwd, pwd, passphrase, secret, token, key, credential, auth or private in it, or the word pass, pw, pin or salt; all that stands
 * in a model of such a name; lists and maps of models that have such a member. In texts: the password, or the token, of every URL, and what
 * stands behind such a name (token=..., "password": "..."). 511 bytes of a value are shown.
 * environment: instead of the process's own: texts NAME=value, NULL behind the last; for tests. */
typedef struct weft_settings_opts {
    weft__named_options_only _;
    const char *prefix, *file, *dotenv;
    bool print;
    const char *const *environment;
} weft_settings_opts;

/* Fill *out with what was set: an environment variable comes before .env, that before the file, and that before .initial.
 *
 *     WEFT_MODEL(Settings,
 *         field(int,      port,     .initial = "8000", .range = { 1, 65535 }),
 *         field(weft_str, api_key,  .min_len = 16, .secret = true),
 *         list (weft_str, origins,  .initial = "[]"),
 *         field(Mail,     mail));
 *     static Settings settings;
 *     int main(void)
 *     {
 *         if (weft_settings(Settings, &settings, .prefix = "SHOP_") < 0) return 2;
 *         return weft_serve(&app, .port = settings.port);
 *     }
 *
 * A variable has the member's name in capitals: SHOP_PORT. A member of a model in it stands behind two underscores: SHOP_MAIL__HOST; all
 * of that model can be JSON, too: SHOP_MAIL={"host":"..."}, of which the single ones replace members. Lists are texts with commas between,
 * SHOP_ORIGINS=a,b, or JSON; of models, and maps, unions and weft_json: JSON. An empty variable counts as absent, but for a text. What would have a
 * name of more than 511 bytes has no variable, and is read of the file alone.
 * Values are converted and checked as those of a request are, so SHOP_DEBUG=true is a bool. Hidden members are not read.
 *
 * .env: lines NAME=value; empty ones, and those that begin with # are left out, an "export " in front too. A value in '...' is as it
 * stands; in "..." \n, \t, \", \\ and \$ mean what they do in C; without quotes it ends before " #". Nothing is replaced in it. A name with the prefix that
 * no setting has is a fault there, and so is a member of the file that none has, unless the model has extra(...).
 *
 * 0. WEFT_EINVAL: all faults are on stderr, a line each, with the name of the variable and where it was set. Values are shown only where the
 * member is a number, a bool or an enum, and neither .secret nor named like one. WEFT_ENOMEM. *out is untouched on failure; what it holds lives as long
 * as the process. At most 1 MiB of .env, with 10 000 variables, and of the file. For main, before the program serves: reading the files blocks. */
#define weft_settings(Model, out, ...) weft_settings_with(&weft_schema_##Model, (Model *){ (out) }, &(weft_settings_opts){ __VA_ARGS__ })
int weft_settings_with(const weft_schema *, void *out, const weft_settings_opts *opts) WEFT_NODISCARD;
#endif
