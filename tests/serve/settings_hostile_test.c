/* Settings that want to be seen, that are too long, or that are there and empty. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "serve/settings.h"
#include "task/world.h"
#include "testing/folder.h"
#include "weft.h"

/* ---- what is not shown ---- */

WEFT_MODEL(Peer, field(weft_str, host), opt(weft_str, password));
WEFT_MODEL(Vault, field(weft_str, a, .initial = ""), opt(int, b));
WEFT_MODEL(Shown,
    list(weft_str, urls, .initial = "[]"),
    field(weft_str, text, .initial = ""),
    field(weft_str, db_pass, .initial = ""),
    field(weft_str, a_name_that_is_longer_than_the_sixty_three_bytes_that_once_were_looked_at_password, .initial = ""),
    list(Peer, peers, .initial = "[]"),
    map(weft_str, headers, .initial = "{}"),
    field(weft_json, any, .initial = "null"),
    opt(Vault, secrets),
    opt(Peer, peer));
static Shown shown;

static const char *said_of(weft_settings_opts opts, int expected)
{
    if (!opts.dotenv) opts.dotenv = "";
    opts.print = true;
    world_capture_begin();
    int rc = weft_settings_with(&weft_schema_Shown, &shown, &opts);
    const char *said = world_capture_end();
    WEFT_CHECK_EQ(rc, expected);
    return said;
}

static const char *shown_as(const char *text)
{
    static char line[2048];
    weft__buf out;
    weft__buf_init(&out, sizeof line - 1);
    weft__shown_add(&out, weft_str_of(text));
    snprintf(line, sizeof line, "%.*s", WEFT_FMT(weft__buf_str(&out)));
    weft__buf_free(&out);
    return line;
}
#define SHOWN(text, want) WEFT_CHECK_STR(weft_str_of(shown_as(text)), want)

WEFT_TEST(passwords_are_taken_out_of_every_url_of_a_text)
{
    SHOWN("postgresql://ada:hunter2@db/shop", "postgresql://ada:***@db/shop");
    SHOWN("redis://:a@h1:1,redis://:b@h2:2/0", "redis://:***@h1:1,redis://:***@h2:2/0");
    SHOWN("primary amqp://u:p@h1 standby amqp://v:q@h2", "primary amqp://u:***@h1 standby amqp://v:***@h2");
    SHOWN("https://ghp_abc@github.com/x", "https://***@github.com/x");
    SHOWN("mongodb://u:p@h1:1,h2:2/db?w=1", "mongodb://u:***@h1:1,h2:2/db?w=1");
    SHOWN("postgresql://ada:p@ss/w0rd?#@db/shop", "postgresql://ada:***@db/shop");
    SHOWN("postgresql://ada:pass word@db", "postgresql://ada:***@db");
    SHOWN("http://[::1]:80/a@b http://host:80/path https://h/@scope/x", "http://[::1]:80/a@b http://host:80/path https://h/@scope/x");
    SHOWN("://@", "://@");
    SHOWN("a://:@", "a://:@");
    SHOWN("", "");
    SHOWN("mail ada@example.org", "mail ada@example.org");
}

WEFT_TEST(values_behind_names_of_secrets_are_taken_out_of_texts)
{
    SHOWN("host=db password=hunter2 user=ada", "host=db password=*** user=ada");
    SHOWN("https://h/x?user=a&access_token=abc&n=1", "https://h/x?user=a&access_token=***&n=1");
    SHOWN("Endpoint=e;AccountKey=abc==;Z=1", "Endpoint=e;AccountKey=***;Z=1");
    SHOWN("{\"host\":\"h\",\"password\":\"a\\\"b\",\"n\":1}", "{\"host\":\"h\",\"password\":\"***\",\"n\":1}");
    SHOWN("{\"secret\": 12}", "{\"secret\": ***}");
    SHOWN("{\"keys\":{\"a\":\"hunter2\"},\"b\":1}", "{\"keys\":***");
    SHOWN("password=", "password=");
    SHOWN("token", "token");
    SHOWN("tokens://h/x", "tokens://h/x");
}

WEFT_TEST(a_long_value_is_cut)
{
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    WEFT_CHECK(strlen(shown_as(text)) < 600);
    WEFT_CHECK(strstr(shown_as(text), "xx...") != NULL);
}

WEFT_TEST(names_of_secrets_are_known_whatever_their_case_and_length)
{
    static const char *const secrets[] = { "API_KEY", "db_pass", "accessToken", "aws_secret_access_key", "DB-PWD", "PASS", "authorization",
        "a_name_that_is_longer_than_the_sixty_three_bytes_that_once_were_looked_at_password" };
    static const char *const others[] = { "bypass", "passive", "port", "spin", "", "hint", "compasses" };
    for (size_t i = 0; i < weft_count(secrets); i++) WEFT_CHECK(weft__named_like_a_secret(weft_str_of(secrets[i])));
    for (size_t i = 0; i < weft_count(others); i++) WEFT_CHECK(!weft__named_like_a_secret(weft_str_of(others[i])));
}

WEFT_TEST(nothing_secret_is_printed_wherever_it_stands)
{
    static const char *const environment[] = { "URLS=redis://:hunter2@a,redis://:hunter2@b", "TEXT=x token=hunter2", "DB_PASS=hunter2",
        "A_NAME_THAT_IS_LONGER_THAN_THE_SIXTY_THREE_BYTES_THAT_ONCE_WERE_LOOKED_AT_PASSWORD=hunter2", "PEERS=[{\"host\":\"h\",\"password\":\"hunter2\"}]",
        "HEADERS={\"Authorization\":\"hunter2\",\"X\":\"seen\"}", "ANY={\"a\":{\"apiKey\":\"hunter2\"}}", "SECRETS__A=hunter2",
        "PEER={\"host\":\"seen too\",\"password\":\"hunter2\"}", NULL };
    const char *said = said_of((weft_settings_opts){ .environment = environment }, 0);
    WEFT_CHECK(!strstr(said, "hunter2"));
    WEFT_CHECK(strstr(said, "  URLS = redis://:***@a,redis://:***@b (environment)\n") != NULL);
    WEFT_CHECK(strstr(said, "  PEERS = *** (environment)\n") != NULL);
    WEFT_CHECK(strstr(said, "\"X\":\"seen\"") != NULL);
    WEFT_CHECK(strstr(said, "  SECRETS__A = *** (environment)\n") != NULL);
    WEFT_CHECK(strstr(said, "  PEER__HOST = \"seen too\" (environment)\n") != NULL);
    WEFT_CHECK(!strstr(said, "(null)"));
    WEFT_CHECK_STR(shown.peer.value.password.value, "hunter2");
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    WEFT_NEED(f != NULL);
    fputs(text, f);
    fclose(f);
}

WEFT_TEST(the_same_in_a_file_and_faults_show_none_either)
{
    static const char *const nothing[] = { NULL };
    WEFT_NEED(chdir(weft__test_folder(WEFT__ON_DISK)) == 0);
    write_file("s.json", "{\"urls\": [\"redis://:hunter2@a\"], \"secrets\": {\"a\": \"hunter2\"}, \"peers\": [{\"host\": \"h\", \"password\": \"hunter2\"}]}");
    const char *said = said_of((weft_settings_opts){ .environment = nothing, .file = "s.json" }, 0);
    WEFT_CHECK(!strstr(said, "hunter2"));
    WEFT_CHECK(strstr(said, "  URLS = [\"redis://:***@a\"] (s.json)\n") != NULL);
    write_file("s.json", "{\"secrets\": {\"b\": \"hunter2\"}}");
    said = said_of((weft_settings_opts){ .environment = nothing, .file = "s.json" }, WEFT_EINVAL);
    WEFT_CHECK(!strstr(said, "hunter2"));
    WEFT_CHECK(strstr(said, "SECRETS__B (s.json: secrets.b): Input should be a valid integer") != NULL);
}

/* ---- who said it ---- */

WEFT_TEST(a_member_that_is_none_is_blamed_on_the_variable_that_has_it)
{
    static const char *const environment[] = { "PEER={\"host\":\"h\",\"colour\":1}", NULL };
    const char *said = said_of((weft_settings_opts){ .environment = environment }, WEFT_EINVAL);
    WEFT_CHECK(strstr(said, "environment: there is no setting \"colour\"\n") != NULL);
}

/* ---- there, and empty ---- */

WEFT_TEST(a_model_of_which_only_empty_variables_are_set_is_absent)
{
    static const char *const environment[] = { "SECRETS__B=", "OTHER=1", "SECRETS__NONE=1", NULL };
    (void)said_of((weft_settings_opts){ .environment = environment }, 0);
    WEFT_CHECK(!shown.secrets.set);
    static const char *const text[] = { "SECRETS__A=", NULL };           /* an empty text is a text */
    (void)said_of((weft_settings_opts){ .environment = text }, 0);
    WEFT_CHECK(shown.secrets.set);
}

WEFT_TEST(json_that_is_no_object_is_a_fault_also_with_single_variables_beside_it)
{
    static const char *const environment[] = { "PEER=5", "PEER__HOST=h", NULL };
    WEFT_CHECK(strstr(said_of((weft_settings_opts){ .environment = environment }, WEFT_EINVAL), "PEER (environment): ") != NULL);
    static const char *const spaced[] = { "PEER= {\"host\":\"x\"}", "PEER__HOST=h", NULL };
    (void)said_of((weft_settings_opts){ .environment = spaced }, 0);
    WEFT_CHECK_STR(shown.peer.value.host, "h");
    static const char *const null[] = { "PEER=null", "PEER__HOST=h", NULL };
    (void)said_of((weft_settings_opts){ .environment = null }, 0);
    WEFT_CHECK_STR(shown.peer.value.host, "h");
}

WEFT_TEST(a_process_without_any_environment_has_initial_values)
{
    WEFT_NEED(clearenv() == 0);
    Vault out;
    WEFT_CHECK_EQ(weft_settings(Vault, &out, .dotenv = ""), 0);
    WEFT_CHECK(!out.b.set);
}

/* ---- too long ---- */

#define LONG_NAME a_member_whose_name_is_so_long_that_the_names_of_four_of_them_in_each_other_fit_no_variable_any_more_0123456789_0123456789_0123456789_0123456789_0123456789_0123456789_01234567
#define STRING_OF(x) #x
#define TEXT_OF(x) STRING_OF(x)
#define DEEP(Name, Inner) WEFT_MODEL(Name, field(Inner, LONG_NAME), field(Inner, b))
WEFT_MODEL(Deep0, field(int, LONG_NAME, .initial = "1"));
DEEP(Deep1, Deep0);
DEEP(Deep2, Deep1);
DEEP(Deep3, Deep2);
DEEP(Deep4, Deep3);
DEEP(Deep5, Deep4);

static void put_deep(weft__buf *out, int depth, const char *leaf)
{
    static const char *const names[] = { TEXT_OF(LONG_NAME), "b" };
    for (int i = 0; i < (depth ? 2 : 1); i++) {
        weft__buf_printf(out, "%s\"%s\":", i ? "," : "{", names[i]);
        if (depth) put_deep(out, depth - 1, leaf);
        else weft__buf_printf(out, "%s", leaf);
    }
    weft__buf_printf(out, "}");
}

static int read_deep(const char *leaf, const char *prefix, const char **said)
{
    static Deep5 deep;
    static const char *const nothing[] = { NULL };
    weft__buf json;
    weft__buf_init(&json, 1 << 20);
    put_deep(&json, 5, leaf);
    weft__buf_add_char(&json, 0);
    WEFT_NEED(chdir(weft__test_folder(WEFT__ON_DISK)) == 0);
    write_file("deep.json", json.ptr);
    weft__buf_free(&json);
    world_capture_begin();
    int rc = weft_settings(Deep5, &deep, .prefix = prefix, .file = "deep.json", .dotenv = "", .environment = nothing, .print = true);
    *said = world_capture_end();
    return rc;
}

WEFT_TEST(names_that_are_too_long_for_a_variable_are_read_from_the_file_all_the_same)
{
    const char *said;
    char prefix[700];
    memset(prefix, 'P', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = 0;
    WEFT_CHECK_EQ(read_deep("7", "", &said), 0);
    WEFT_CHECK_EQ(read_deep("\"x\"", "", &said), WEFT_EINVAL);
    WEFT_CHECK(strstr(said, "Input should be a valid integer") != NULL);
    for (size_t length = 500; length < sizeof prefix; length++) {
        prefix[length] = 0;
        WEFT_CHECK_EQ(read_deep("\"x\"", prefix, &said), WEFT_EINVAL);
        prefix[length] = 'P';
        if (length == 515) length = sizeof prefix - 2;
    }
}

WEFT_DECLARE(Node);
WEFT_DEFINE(Node, field(int, n, .initial = "0"), ref(Node, left), ref(Node, right));

WEFT_TEST(a_model_that_holds_itself_is_followed_as_far_as_variables_go)
{
    static const char *const environment[] = { "LEFT__RIGHT__N=5", "RIGHT__LEFT__X=1", NULL };
    Node node;
    WEFT_NEED(weft_settings(Node, &node, .dotenv = "", .environment = environment) == 0);
    WEFT_CHECK(node.left && node.left->right && node.left->right->n == 5);
    WEFT_CHECK(!node.right);
}

WEFT_TEST(a_dotenv_has_a_bound_and_may_begin_with_a_byte_order_mark)
{
    Vault out;
    static const char *const nothing[] = { NULL };
    WEFT_NEED(chdir(weft__test_folder(WEFT__ON_DISK)) == 0);
    write_file(".env", "\xef\xbb\xbf" "B=3\n");
    WEFT_NEED(weft_settings(Vault, &out, .environment = nothing) == 0);
    WEFT_CHECK_EQ(out.b.value, 3);
    FILE *f = fopen(".env", "w");
    WEFT_NEED(f != NULL);
    for (int i = 0; i < 10001; i++) fprintf(f, "V%d=1\n", i);
    fclose(f);
    world_capture_begin();
    int rc = weft_settings(Vault, &out, .environment = nothing);
    WEFT_CHECK(strstr(world_capture_end(), ".env line 10001: more than 10000 variables\n") != NULL);
    WEFT_CHECK_EQ(rc, WEFT_EINVAL);
}
