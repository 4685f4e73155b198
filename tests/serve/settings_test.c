/* Settings out of the environment, .env and a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "task/world.h"
#include "testing/folder.h"
#include "weft.h"

WEFT_ENUM(Level, value(LEVEL_LOW, "low"), value(LEVEL_HIGH, "high"));
WEFT_MODEL(Mail, field(weft_str, host), field(int, port, .initial = "25"), opt(weft_str, password));
WEFT_MODEL(Point, field(int, x), field(int, y));
WEFT_MODEL(Settings,
    field(int, port, .initial = "8000", .range = { 1, 65535 }),
    field(weft_str, database_url, .initial = "sqlite:shop.db"),
    field(bool, debug, .initial = "false"),
    field(Level, level, .initial = "low"),
    field(double, ratio, .initial = "0.5"),
    field(weft_duration, patience, .initial = "PT1M"),
    list(weft_str, origins, .initial = "[]"),
    list(int, sizes, .initial = "[1,2]"),
    list(Point, points, .initial = "[]"),
    map(int, stock, .initial = "{}"),
    opt(int, workers),
    opt(Mail, mail),
    field(weft_str, api, .initial = "", .secret = true),
    hidden(int, unseen));
WEFT_MODEL(Strict, field(weft_str, secret_key, .min_len = 16), field(int, port), field(Mail, mail), field(bool, debug, .initial = "false"));

static Settings got;
#define READ(Model, out, ...) weft_settings(Model, out, .prefix = "SHOP_", .environment = (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }, .dotenv = "")

WEFT_TEST(without_anything_set_each_has_its_initial_value)
{
    WEFT_NEED(READ(Settings, &got) == 0);
    WEFT_CHECK_EQ(got.port, 8000);
    WEFT_CHECK_STR(got.database_url, "sqlite:shop.db");
    WEFT_CHECK_EQ(got.sizes.count, 2);
    WEFT_CHECK(!got.workers.set && !got.mail.set && got.level == LEVEL_LOW && got.ratio == 0.5);
}

WEFT_TEST(variables_are_converted_as_the_text_of_a_request_is)
{
    WEFT_NEED(READ(Settings, &got, "SHOP_PORT=80", "SHOP_DEBUG=yes", "SHOP_LEVEL=high", "SHOP_RATIO=1e2", "SHOP_PATIENCE=PT2S", "SHOP_WORKERS=4",
        "SHOP_DATABASE_URL=", "PORT=1", "SHOP_PORTX=2", "SHOP_POINTS=[{\"x\":1,\"y\":2}]", "SHOP_STOCK={\"a\":3}") == 0);
    WEFT_CHECK_EQ(got.port, 80);
    WEFT_CHECK(got.debug && got.level == LEVEL_HIGH && got.ratio == 100);
    WEFT_CHECK_EQ(got.patience.us, 2000000);
    WEFT_CHECK_EQ(got.workers.value, 4);
    WEFT_CHECK_STR(got.database_url, "");
    WEFT_CHECK_EQ(got.points.items[0].y, 2);
    WEFT_CHECK_EQ(got.stock.items[0].value, 3);
}

WEFT_TEST(an_empty_variable_of_anything_but_a_text_counts_as_absent)
{
    WEFT_NEED(READ(Settings, &got, "SHOP_PORT=", "SHOP_WORKERS=", "SHOP_SIZES=", "SHOP_MAIL=") == 0);
    WEFT_CHECK_EQ(got.port, 8000);
    WEFT_CHECK_EQ(got.sizes.count, 2);
    WEFT_CHECK(!got.workers.set && !got.mail.set);
}

WEFT_TEST(lists_stand_between_commas_or_are_json)
{
    WEFT_NEED(READ(Settings, &got, "SHOP_ORIGINS=a, b\"c ,", "SHOP_SIZES=[4, 5, 6]") == 0);
    WEFT_CHECK_EQ(got.origins.count, 2);
    WEFT_CHECK_STR(got.origins.items[1], "b\"c");
    WEFT_CHECK_EQ(got.sizes.items[2], 6);
    WEFT_NEED(READ(Settings, &got, "SHOP_SIZES=7,8") == 0);
    WEFT_CHECK_EQ(got.sizes.items[1], 8);
}

WEFT_TEST(a_model_in_it_is_made_of_single_variables_over_its_json)
{
    WEFT_NEED(READ(Settings, &got, "SHOP_MAIL__HOST=mail.example", "SHOP_MAIL__PASSWORD=x") == 0);
    WEFT_CHECK(got.mail.set);
    WEFT_CHECK_STR(got.mail.value.host, "mail.example");
    WEFT_CHECK_EQ(got.mail.value.port, 25);
    WEFT_NEED(READ(Settings, &got, "SHOP_MAIL={\"host\":\"a\",\"port\":26}", "SHOP_MAIL__PORT=27") == 0);
    WEFT_CHECK_STR(got.mail.value.host, "a");
    WEFT_CHECK_EQ(got.mail.value.port, 27);
}

/* ---- files ---- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    WEFT_NEED(f != NULL);
    fputs(text, f);
    fclose(f);
}

static void in_a_folder(void) { WEFT_NEED(chdir(weft__test_folder(WEFT__ON_DISK)) == 0); }

static const char *const nothing[] = { NULL };

WEFT_TEST(the_environment_comes_before_dotenv_and_that_before_the_file)
{
    in_a_folder();
    write_file(".env", "# of this machine\nSHOP_PORT=81\nexport SHOP_DEBUG=on # now\n\nSHOP_API='a \"b\" # c'\r\nSHOP_DATABASE_URL=\"x\\ty\\\"\\$\"\nOTHER=1\n");
    write_file("shop.json", "{\"port\": 82, \"debug\": false, \"ratio\": 2, \"mail\": {\"host\": \"m\", \"port\": 5}, \"origins\": [\"o\"]}");
    static const char *const environment[] = { "SHOP_PORT=80", "SHOP_MAIL__PORT=6", NULL };
    WEFT_NEED(weft_settings(Settings, &got, .prefix = "SHOP_", .file = "shop.json", .environment = environment) == 0);
    WEFT_CHECK_EQ(got.port, 80);
    WEFT_CHECK(got.debug && got.ratio == 2);
    WEFT_CHECK_STR(got.api, "a \"b\" # c");
    WEFT_CHECK_STR(got.database_url, "x\ty\"$");
    WEFT_CHECK_STR(got.mail.value.host, "m");
    WEFT_CHECK_EQ(got.mail.value.port, 6);
    WEFT_CHECK_EQ(got.origins.count, 1);
}

WEFT_TEST(a_comment_behind_the_equals_sign_is_no_value)
{
    in_a_folder();
    write_file(".env", "SHOP_API= # set where it runs\nSHOP_DATABASE_URL=#1\nSHOP_PORT=90\nSHOP_WORKERS=3\n");
    static const char *const environment[] = { "SHOP_PORT=", "SHOP_WORKERS=4", NULL };
    WEFT_NEED(weft_settings(Settings, &got, .prefix = "SHOP_", .environment = environment) == 0);
    WEFT_CHECK_STR(got.api, "");
    WEFT_CHECK_STR(got.database_url, "#1");
    WEFT_CHECK_EQ(got.port, 90);                     /* an empty variable hides nothing */
    WEFT_CHECK_EQ(got.workers.value, 4);
}

static const char *faults_of(const weft_settings_opts *opts, const weft_schema *schema, void *out)
{
    world_capture_begin();
    int rc = weft_settings_with(schema, out, opts);
    const char *said = world_capture_end();
    WEFT_CHECK_EQ(rc, WEFT_EINVAL);
    return said;
}

WEFT_TEST(all_faults_are_told_at_once_and_no_secret_with_them)
{
    static Strict strict = { .port = 7 };
    in_a_folder();
    write_file(".env", "SHOP_PORT=80x\nSHOP_PROT=80\nnonsense\nSHOP_X=\"open\n");
    write_file("shop.json", "{\"secret_key\": \"hunter2\", \"colour\": 1, \"mail\": {\"port\": \"many\"}}");
    static const char *const environment[] = { "SHOP_DEBUG=perhaps", NULL };
    const char *said = faults_of(&(weft_settings_opts){ .prefix = "SHOP_", .file = "shop.json", .environment = environment }, &weft_schema_Strict, &strict);
    WEFT_CHECK_STR(weft_str_of(said), "weft: the settings have faults:\n"
        ".env line 3: expected NAME=value\n"
        ".env line 4: the quote does not end in this line\n"
        "shop.json: there is no setting \"colour\"\n"
        "SHOP_PROT (.env line 2): there is no such setting\n"
        "SHOP_SECRET_KEY (shop.json: secret_key): String should have at least 16 characters\n"
        "SHOP_PORT (.env line 1): Input should be a valid integer, unable to parse string as an integer, not \"80x\"\n"
        "SHOP_MAIL__HOST: Field required (or as \"mail.host\" in shop.json)\n"
        "SHOP_MAIL__PORT (shop.json: mail.port): Input should be a valid integer, unable to parse string as an integer, not \"many\"\n"
        "SHOP_DEBUG (environment): Input should be a valid boolean, unable to interpret input, not \"perhaps\"\n");
    WEFT_CHECK_EQ(strict.port, 7);
}

WEFT_TEST(json_that_is_none_is_told_once_with_its_place)
{
    static const char *const environment[] = { "SHOP_POINTS=[1,", "SHOP_STOCK={}x", NULL };
    const char *said = faults_of(&(weft_settings_opts){ .prefix = "SHOP_", .dotenv = "", .environment = environment }, &weft_schema_Settings, &got);
    WEFT_CHECK_EQ(world_count_in(said, "\n"), 3);
    WEFT_CHECK(strstr(said, "SHOP_POINTS (environment): expected JSON: Expecting value at character 4\n") != NULL);
    WEFT_CHECK(strstr(said, "SHOP_STOCK (environment): expected JSON: Extra data at character 3\n") != NULL);
}

WEFT_TEST(a_file_that_was_asked_for_has_to_be_there_and_be_an_object)
{
    in_a_folder();
    write_file("list.json", "[]");
    write_file("broken.json", "{\"port\": }");
    weft_settings_opts opts = { .file = "none.json", .environment = nothing };
    WEFT_CHECK(strstr(faults_of(&opts, &weft_schema_Settings, &got), "none.json: there is no such file\n") != NULL);
    opts.file = "list.json";
    WEFT_CHECK(strstr(faults_of(&opts, &weft_schema_Settings, &got), "list.json: expected a JSON object\n") != NULL);
    opts.file = "broken.json";
    WEFT_CHECK(strstr(faults_of(&opts, &weft_schema_Settings, &got), "broken.json: no JSON: Expecting value at character 10\n") != NULL);
    opts.file = ".";
    WEFT_CHECK(strstr(faults_of(&opts, &weft_schema_Settings, &got), ".: cannot be read: Is a directory\n") != NULL);
}

WEFT_TEST(what_was_set_is_printed_with_where_it_came_from_and_secrets_are_not)
{
    static const char *const environment[] = { "SHOP_DATABASE_URL=postgresql://ada:hunter2@db/shop", "SHOP_API=hunter2", "SHOP_MAIL__HOST=m\x1b[31m", "SHOP_MAIL__PASSWORD=hunter2", NULL };
    world_capture_begin();
    int rc = weft_settings(Settings, &got, .prefix = "SHOP_", .dotenv = "", .environment = environment, .print = true);
    const char *said = world_capture_end();
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK(strstr(said, "  SHOP_PORT = 8000 (initial)\n") != NULL);
    WEFT_CHECK(strstr(said, "  SHOP_DATABASE_URL = postgresql://ada:***@db/shop (environment)\n") != NULL);
    WEFT_CHECK(strstr(said, "  SHOP_API = *** (environment)\n") != NULL);
    WEFT_CHECK(strstr(said, "  SHOP_MAIL__HOST = m\\x1b[31m (environment)\n") != NULL);
    WEFT_CHECK(strstr(said, "  SHOP_MAIL__PASSWORD = *** (environment)\n") != NULL);
    WEFT_CHECK(!strstr(said, "hunter2"));
}

WEFT_MODEL(Faulty, field(int, port, .initial = "many"));
WEFT_TEST(faults_of_the_model_are_told_as_well)
{
    Faulty out;
    WEFT_CHECK(strstr(faults_of(&(weft_settings_opts){ .environment = nothing, .dotenv = "" }, &weft_schema_Faulty, &out), "Faulty") != NULL);
}
