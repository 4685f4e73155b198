/* Forms and files: what a handler gets, and what a client is told. */
#include <errno.h>
#include <stdlib.h>
#include "pairs.h"
#include "scratch.h"
#include "testing/client.h"

WEFT_INPUT(login_in, form(weft_str, username), form(weft_str, password));
WEFT_MODEL(User, field(weft_str, username));
static int login(const login_in *in, User *out) { out->username = in->username; return 0; }

WEFT_MODEL(Login, field(weft_str, username), field(weft_str, password), field(int, days, .initial = "7"), list(weft_str, tags, .initial = "[]"));
WEFT_INPUT(login_model_in, form(Login, login));
static int login_model(const login_model_in *in, Login *out) { *out = in->login; return 0; }

WEFT_INPUT(values_in, form(int, n, .range = { 1, 9 }), form(WEFT_OPT(double), price), form(WEFT_LIST(int), ids, .initial = "[]"),
    form(weft_str, note, .initial = "none", .bytes_max = 10), form(bool, on, .as = "is on", .initial = "false"));
WEFT_MODEL(Values, field(int, n), opt(double, price), list(int, ids), field(weft_str, note), field(bool, on));
static int values(const values_in *in, Values *out) { *out = (Values){ in->n, in->price, in->ids, in->note, in->on }; return 0; }

WEFT_INPUT(files_in, file(weft_str, file), file(weft_upload, fileb), form(weft_str, token));
WEFT_MODEL(Files, field(int64_t, file_size), field(weft_str, token), field(weft_str, fileb_name), field(weft_str, fileb_type),
    field(int64_t, fileb_size), field(weft_str, header), field(int64_t, sum));

/* All bytes, read twice. */
static int sum_of(const weft_upload *u, int64_t *out)
{
    weft_str bytes;
    for (int round = 0; round < 2; round++) {
        int64_t size = 0;
        for (int rc; (rc = weft_upload_read(u, &bytes)) != 0;) {
            WEFT_TRY(rc);
            WEFT_CHECK(bytes.len && bytes.len <= 64 * 1024 && !bytes.ptr[bytes.len]);
            for (size_t i = 0; i < bytes.len; i++) *out += (unsigned char)bytes.ptr[i];
            size += (int64_t)bytes.len;
        }
        WEFT_CHECK_EQ(size, u->size);
        weft_upload_rewind(u);
    }
    return 0;
}

static int files(const files_in *in, Files *out)
{
    weft_str header = weft_upload_header(&in->fileb, "x-a");
    *out = (Files){ (int64_t)in->file.len, in->token, in->fileb.filename, in->fileb.content_type, in->fileb.size, header.ptr ? header : WEFT_S(""), 0 };
    WEFT_CHECK(!weft_upload_header(&in->fileb, "x-b").ptr);
    return sum_of(&in->fileb, &out->sum);
}

WEFT_INPUT(many_in, file(WEFT_LIST(weft_upload), files, .max_items = 3), file(WEFT_OPT(weft_upload), maybe, .bytes_max = 100),
    file(WEFT_LIST(weft_str), texts, .initial = "[]"));
WEFT_MODEL(Many, list(weft_str, names), list(int64_t, sums), field(bool, maybe), list(weft_str, texts));
static int many(const many_in *in, Many *out)
{
    for (uint32_t i = 0; i < in->files.count; i++) {
        int64_t sum = 0;
        WEFT_TRY(sum_of(&in->files.items[i], &sum));
        weft_push(&out->names, in->files.items[i].filename);
        weft_push(&out->sums, sum);
    }
    out->maybe = in->maybe.set;
    out->texts = in->texts;
    return 0;
}

WEFT_INPUT(save_in, path(int, n), file(weft_upload, file));
static int save(const save_in *in, weft_str *out)
{
    WEFT_TRY(weft_upload_save(&in->file, "saved"));
    WEFT_CHECK_EQ(weft_upload_save(&in->file, "saved"), -EEXIST);
    return weft_file_text("saved", 1 << 20, out);
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_POST("/login/", login, login_in, User),
    WEFT_POST("/login-model/", login_model, login_model_in, Login),
    WEFT_POST("/values", values, values_in, Values),
    WEFT_POST("/files/", files, files_in, Files, .body_bytes_max = 4 << 20),
    WEFT_POST("/many", many, many_in, Many, .body_bytes_max = 4 << 20),
    WEFT_POST("/save/{n}", save, save_in, weft_str),
    WEFT_POST("/thread", login, login_in, User, .run = WEFT_IN_THREAD)) };

#define FORM "Content-Type: application/x-www-form-urlencoded"
#define MULTI "Content-Type: multipart/form-data; boundary=b"
#define FIELD(name, value) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_OF(name, filename, type, value) "--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" filename "\"\r\nContent-Type: " type "\r\nX-A: 1\r\n\r\n" value "\r\n"
#define END "--b--\r\n"

WEFT_TEST(fields_come_urlencoded)
{
    PAIRS(&app, { "POST", "/login/", FORM, "username=Foo&password=secret", 200, JSON({ "username": "Foo" }) },
        { "POST", "/login/", FORM "; charset=utf-8", "username=F%C3%BC+o&password=secret&other=%zz", 200, JSON({ "username": "F\u00fc o" }) },
        { "POST", "/login/", FORM, "user%6eame=a&p%61ssword=x&%zz=1&+=2", 200, JSON({ "username": "a" }) },
        { "POST", "/login/", FORM, "username=a&username=b&password=x", 200, JSON({ "username": "b" }) },
        { "POST", "/thread", FORM, "username=a&password=x", 200, JSON({ "username": "a" }) },
        { "POST", "/login/", FORM, "username=Foo", 422, JSON({ "detail": [{ "type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": null }] }) },
        { "POST", "/login/", 0, 0, 422, JSON({ "detail": [{ "type": "missing", "loc": ["body", "username"], "msg": "Field required", "input": null },
            { "type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": null }] }) },
        { "POST", "/login/", "Content-Type: application/json", "{\"username\":\"a\",\"password\":\"b\"}", 422, JSON({ "detail": [
            { "type": "missing", "loc": ["body", "username"], "msg": "Field required", "input": null },
            { "type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": null }] }) });
}

WEFT_TEST(values_of_a_form_are_converted_and_checked)
{
    PAIRS(&app, { "POST", "/values", FORM, "n=3&price=1.5&ids=1&ids=2&note=hi&is+on=yes", 200, JSON({ "n": 3, "price": 1.5, "ids": [1, 2], "note": "hi", "on": true }) },
        { "POST", "/values", MULTI, FIELD("n", "3") FIELD("ids", "4") FIELD("is on", "1") END, 200, JSON({ "n": 3, "price": null, "ids": [4], "note": "none", "on": true }) },
        { "POST", "/values", FORM, "n=30&price=x&ids=1&ids=y", 422, JSON({ "detail": [
            { "type": "less_than_equal", "loc": ["body", "n"], "msg": "Input should be less than or equal to 9", "input": "30", "ctx": { "le": 9 } },
            { "type": "float_parsing", "loc": ["body", "price"], "msg": "Input should be a valid number, unable to parse string as a number", "input": "x" },
            { "type": "int_parsing", "loc": ["body", "ids", 1], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "y" }] }) });
}

/* That is what browsers send for a field that was not filled in. */
WEFT_TEST(an_empty_field_is_absent)
{
    PAIRS(&app, { "POST", "/values", FORM, "n=3&price=&note=", 200, JSON({ "n": 3, "price": null, "ids": [], "note": "none", "on": false }) },
        { "POST", "/values", MULTI, FIELD("n", "3") FIELD("price", "") END, 200, JSON({ "n": 3, "price": null, "ids": [], "note": "none", "on": false }) },
        { "POST", "/login/", FORM, "username=&password=x", 422, JSON({ "detail": [{ "type": "missing", "loc": ["body", "username"], "msg": "Field required", "input": null }] }) });
}

WEFT_TEST(the_members_of_a_model_are_fields)
{
    PAIRS(&app, { "POST", "/login-model/", FORM, "username=a&password=b&tags=x&tags=y", 200, JSON({ "username": "a", "password": "b", "days": 7, "tags": ["x", "y"] }) },
        { "POST", "/login-model/", FORM, "username=Foo", 422, JSON({ "detail": [{ "type": "missing", "loc": ["body", "password"], "msg": "Field required",
            "input": { "username": "Foo", "days": 7, "tags": [] } }] }) },
        { "POST", "/login-model/", FORM, "extra=1&username=Foo&extra=2&more=3&tags=t", 422, JSON({ "detail": [{ "type": "missing", "loc": ["body", "password"], "msg": "Field required",
            "input": { "username": "Foo", "days": 7, "tags": ["t"], "extra": ["1", "2"], "more": "3" } }] }) },
        { "POST", "/login-model/", MULTI, FIELD("extra", "1") FIELD("username", "Foo") FILE_OF("gone", "x", "a/b", "y") END, 422, JSON({ "detail": [{ "type": "missing",
            "loc": ["body", "password"], "msg": "Field required", "input": { "username": "Foo", "days": 7, "tags": [], "extra": "1" } }] }) });
}

WEFT_TEST(files_come_as_bytes_and_as_uploads)
{
    PAIRS(&app, { "POST", "/files/", MULTI, FILE_OF("file", "a.txt", "text/plain", "hello") FILE_OF("fileb", "../b.txt", "text/plain; charset=x", "\1\2\3") FIELD("token", "t") END,
            200, JSON({ "file_size": 5, "token": "t", "fileb_name": "../b.txt", "fileb_type": "text/plain; charset=x", "fileb_size": 3, "header": "1", "sum": 12 }) },
        { "POST", "/files/", MULTI, FIELD("file", "as a field") "--b\r\nContent-Disposition: form-data; name=fileb; filename*=utf-8''%C3%A4\r\n\r\n\r\n" FIELD("token", "t") END "epilogue",
            200, JSON({ "file_size": 10, "token": "t", "fileb_name": "\u00e4", "fileb_type": "", "fileb_size": 0, "header": "", "sum": 0 }) },
        { "POST", "/files/", 0, 0, 422, JSON({ "detail": [{ "type": "missing", "loc": ["body", "file"], "msg": "Field required", "input": null },
            { "type": "missing", "loc": ["body", "fileb"], "msg": "Field required", "input": null },
            { "type": "missing", "loc": ["body", "token"], "msg": "Field required", "input": null }] }) },
        { "POST", "/files/", MULTI, FILE_OF("file", "", "application/octet-stream", "") FIELD("fileb", "text") FILE_OF("token", "x", "a/b", "y") END, 422, JSON({ "detail": [
            { "type": "missing", "loc": ["body", "file"], "msg": "Field required", "input": null },
            { "type": "value_error", "loc": ["body", "fileb"], "msg": "Value error, Expected a file, received a text", "input": "text" },
            { "type": "string_type", "loc": ["body", "token"], "msg": "Input should be a valid string", "input": null }] }) });
}

WEFT_TEST(files_of_one_name_make_a_list)
{
    PAIRS(&app, { "POST", "/many", MULTI, FILE_OF("files", "a", "x/y", "\1") FILE_OF("files", "b", "x/y", "\2\3") FIELD("texts", "t") FILE_OF("texts", "", "x/y", "u") END,
            200, JSON({ "names": ["a", "b"], "sums": [2, 10], "maybe": false, "texts": ["t", "u"] }) },
        { "POST", "/many", MULTI, FILE_OF("files", "", "x/y", "") FILE_OF("maybe", "", "x/y", "") END, 200, JSON({ "names": [], "sums": [], "maybe": false, "texts": [] }) },
        { "POST", "/many", MULTI, FILE_OF("files", "a", "x/y", "") FILE_OF("maybe", "a", "x/y", "") END, 200, JSON({ "names": ["a"], "sums": [0], "maybe": true, "texts": [] }) },
        { "POST", "/many", MULTI, END, 422, JSON({ "detail": [{ "type": "missing", "loc": ["body", "files"], "msg": "Field required", "input": null }] }) },
        { "POST", "/many", MULTI, FILE_OF("files", "a", "x/y", "") FILE_OF("files", "a", "x/y", "") FILE_OF("files", "a", "x/y", "") FILE_OF("files", "a", "x/y", "") END,
            422, JSON({ "detail": [{ "type": "too_long", "loc": ["body", "files"], "msg": "List should have at most 3 items after validation, not 4", "input": [null, null, null, null],
                "ctx": { "field_type": "List", "max_length": 3, "actual_length": 4 } }] }) });
}

/* ---- large ones ---- */

static char *put_file(char *to, const char *name, char byte, size_t n)
{
    to += sprintf(to, "--b\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%zu\"\r\n\r\n", name, n);
    memset(to, byte, n);
    to += n;
    return to + sprintf(to, "\r\n");
}

/* In memory and in the spool, of all sizes around the limits, one behind the other. */
WEFT_TEST(large_files_lie_in_a_temporary_file)
{
    char *body = scratch(2 << 20);
    static const size_t sizes[] = { 64 * 1024, 64 * 1024 + 1, 300 * 1024 };
    char *to = body, expected[200];
    for (size_t i = 0; i < weft_count(sizes); i++) to = put_file(to, "files", (char)('a' + i), sizes[i]);
    sprintf(to, END);
    pair p = { "POST", "/many", MULTI, body, 200, NULL };
    weft_response r = pair_send(&app, &p);
    WEFT_CHECK_EQ(r.status, 200);
    sprintf(expected, "{\"names\":[\"65536\",\"65537\",\"307200\"],\"sums\":[%ld,%ld,%ld],\"maybe\":false,\"texts\":[]}",
        2L * 'a' * 65536, 2L * 'b' * 65537, 2L * 'c' * 307200);
    weft__check_json(__FILE__, __LINE__, r.body, expected);
}

WEFT_TEST(many_small_files_do_not_all_stay_in_memory)
{
    char *body = scratch(2 << 20);
    char *to = put_file(body, "file", 'x', 10);
    for (int i = 0; i < 20; i++) to = put_file(to, "fileb", (char)('a' + i), 60 * 1024);
    sprintf(to, FIELD("token", "t") END);
    pair p = { "POST", "/files/", MULTI, body, 200, NULL };
    weft_response r = pair_send(&app, &p);
    WEFT_CHECK_EQ(r.status, 200);
    char expected[300];
    sprintf(expected, "{\"file_size\":10,\"token\":\"t\",\"fileb_name\":\"61440\",\"fileb_type\":\"\",\"fileb_size\":61440,\"header\":\"\",\"sum\":%ld}", 2L * ('a' + 19) * 61440);
    weft__check_json(__FILE__, __LINE__, r.body, expected);
}

WEFT_TEST(an_upload_is_saved_to_a_new_file)
{
    PAIRS(&app, { "POST", "/save/1", MULTI, FILE_OF("file", "a", "x/y", "hello") END, 200, "\"hello\"" },
        { "POST", "/save/1", MULTI, FILE_OF("file", "a", "x/y", "hello") END, 500, NULL });
}

/* ---- refusals ---- */

WEFT_TEST(what_is_no_form_is_refused)
{
    PAIRS(&app, { "POST", "/login/", FORM, "username=%zz", 400, JSON({ "detail": "the form is not percent-encoded text" }) },
        { "POST", "/login/", FORM, "username=%ff&password=x", 422, 0 },
        { "POST", "/login/", "Content-Type: multipart/form-data", "x", 400, JSON({ "detail": "a multipart/form-data without a boundary that can be one" }) },
        { "POST", "/login/", MULTI, FIELD("username", "a"), 400, JSON({ "detail": "the form ends before its last boundary" }) },
        { "POST", "/login/", MULTI, "--b\r\nX: 1\r\n\r\n" END, 400, JSON({ "detail": "a part has no Content-Disposition" }) },
        { "POST", "/login/", MULTI, "--bx", 400, JSON({ "detail": "a boundary is followed by neither a line's end nor --" }) },
        { "POST", "/save/x", MULTI, FILE_OF("file", "a", "x/y", "hello"), 400, JSON({ "detail": "the form ends before its last boundary" }) },
        { "POST", "/save/x", MULTI, FILE_OF("file", "a", "x/y", "hello") END, 422, 0 },
        { "POST", "/login/", MULTI, "", 422, 0 });
}

static int status_of(const char *path, const char *header, const char *part, size_t times, const char *behind)
{
    char *body = malloc(strlen(part) * times + strlen(behind) + 1), *to = body;
    for (size_t i = 0; i < times; i++) to += sprintf(to, "%s", part);
    strcpy(to, behind);
    pair p = { "POST", path, header, body, 0, NULL };
    int status = pair_send(&app, &p).status;
    free(body);
    return status;
}

WEFT_TEST(fields_files_and_parts_have_limits)
{
    PAIRS(&app, { "POST", "/values", FORM, "n=1&note=12345678901", 413, JSON({ "detail": "'note' of the form is larger than 10 bytes" }) },
        { "POST", "/values", MULTI, FIELD("note", "12345678901") END, 413, JSON({ "detail": "'note' of the form is larger than 10 bytes" }) },
        { "POST", "/values", MULTI, FIELD("note", "1234567890") FIELD("n", "1") END, 200, 0 });
    WEFT_CHECK_EQ(status_of("/many", MULTI, FILE_OF("maybe", "a", "x/y", "1"), 1, FILE_OF("files", "a", "x/y", "") END), 200);
    WEFT_CHECK_EQ(status_of("/many", MULTI, "--b\r\nContent-Disposition: form-data; name=maybe; filename=a\r\n\r\n", 1,
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789x\r\n" END), 413);
    WEFT_CHECK_EQ(status_of("/values", MULTI, FIELD("x", ""), 1000, END), 422);
    WEFT_CHECK_EQ(status_of("/values", MULTI, FIELD("x", ""), 1001, END), 400);
    WEFT_CHECK_EQ(status_of("/values", FORM, "x&", 1000, ""), 422);
    WEFT_CHECK_EQ(status_of("/values", FORM, "x&", 1001, ""), 400);
    WEFT_CHECK_EQ(status_of("/login/", FORM, "1234567890", 110000, ""), 413);
    WEFT_CHECK_EQ(status_of("/files/", MULTI, "--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n", 1, END), 422);
}
