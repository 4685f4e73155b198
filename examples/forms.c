/* Forms and files: a page with an upload form, what it sends, and cookies. Try it:
 *
 *     curl -F title=holiday -F picture=@beach.jpg localhost:8000/pictures
 *     curl -d username=ada -d password=secret localhost:8000/login
 *     curl -b session=ada localhost:8000/me  */
#include <weft.h>

WEFT_MODEL(Login, field(weft_str, username, .min_len = 1), field(weft_str, password));
WEFT_MODEL(User, field(weft_str, name), opt(weft_str, language));
WEFT_MODEL(Sent, field(weft_str, title), field(weft_str, filename), field(weft_str, type), field(int64_t, bytes), field(int, attachments));

WEFT_INPUT(login_in, form(Login, login));

static int login(const login_in *in, User *out)
{
    if (!weft_str_equal(in->login.password, WEFT_S("secret"))) return weft_fail(401, "wrong name or password");
    out->name = in->login.username;
    return 0;
}

WEFT_INPUT(me_in, cookie(weft_str, session), header(WEFT_OPT(weft_str), accept_language));

static int me(const me_in *in, User *out)
{
    *out = (User){ .name = in->session, .language = in->accept_language };
    return 0;
}

WEFT_INPUT(language_in, query(weft_str, language, .min_len = 2, .max_len = 8), reply(reply));

static int set_language(const language_in *in, weft_none *out)
{
    (void)out;
    return weft_reply_cookie(in->reply, "language", in->language, .max_age_s = 365 * 24 * 3600);
}

/* ---- files ---- */

WEFT_INPUT(picture_in,
    form(weft_str, title, .max_len = 80),
    file(weft_upload, picture, .bytes_max = 20 << 20),
    file(WEFT_LIST(weft_upload), attachments, .initial = "[]", .max_items = 5));

static int picture(const picture_in *in, Sent *out)
{
    weft_str bytes;
    *out = (Sent){ .title = in->title, .filename = in->picture.filename, .type = in->picture.content_type,
        .attachments = (int)in->attachments.count };
    for (int rc; (rc = weft_upload_read(&in->picture, &bytes)) != 0;) {
        WEFT_TRY(rc);
        out->bytes += (int64_t)bytes.len;
    }
    return 0;
}

static int page(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_html(out, WEFT_S("<!doctype html><title>Pictures</title>"
        "<form method=post action=/pictures enctype=multipart/form-data>"
        "<input name=title placeholder=Title> <input type=file name=picture> <input type=file name=attachments multiple> "
        "<button>Send</button></form>"));
}

const weft_app app = {
    .title = "forms",
    .routes = WEFT_ROUTES(
        WEFT_GET("/", page, weft_none, weft_reply),
        WEFT_POST("/login", login, login_in, User),
        WEFT_GET("/me", me, me_in, User),
        WEFT_PUT("/language", set_language, language_in, weft_none, .status = 204),
        WEFT_POST("/pictures", picture, picture_in, Sent, .body_bytes_max = 100 << 20)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
