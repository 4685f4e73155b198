/* What a handler answers: less than it was given, another status, no body, a header, a redirect, something that is no JSON. */
#include <weft.h>

/* What all of them have; what the client sends beside it; what it is told. */
WEFT_MODEL(UserBase,
    field(weft_str, username, .min_len = 1),
    field(weft_str, email,    .format = WEFT_EMAIL),
    opt  (weft_str, full_name));

WEFT_MODEL(UserIn, embed(UserBase, user), field(weft_str, password, .min_len = 8));
WEFT_MODEL(UserOut, field(int64_t, id), embed(UserBase, user));

WEFT_INPUT(create_in, body(UserIn, user), reply(reply));

static int create_user(const create_in *in, UserOut *out)
{
    *out = (UserOut){ .id = 7, .user = in->user.user };
    return weft_reply_header(in->reply, "Location", "/users/%lld", (long long)out->id);
}

WEFT_MODEL(Task, field(weft_str, name), field(bool, done));
WEFT_INPUT(task_in, path(weft_str, name), reply(reply));

static int get_or_create_task(const task_in *in, Task *out)
{
    *out = (Task){ .name = in->name };
    if (weft_str_equal(in->name, WEFT_S("dishes"))) return 0;
    return weft_reply_status(in->reply, 201);
}

WEFT_INPUT(delete_in, path(int64_t, id));

static int delete_user(const delete_in *in, weft_none *out)
{
    (void)out;
    return in->id == 7 ? 0 : weft_fail(404, "no user %lld", (long long)in->id);
}

static int teleport(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_redirect(out, 307, "/page");
}

static int page(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_html(out, WEFT_S("<!doctype html><title>Users</title><p>There are two."));
}

static int dot(const weft_none *in, weft_reply *out)
{
    (void)in;
    WEFT_TRY(weft_reply_header(out, "Cache-Control", "max-age=3600"));
    return weft_reply_bytes(out, "image/svg+xml",
        WEFT_S("<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'><circle cx='4' cy='4' r='3'/></svg>"));
}

const weft_app app = {
    .routes = WEFT_ROUTES(
        WEFT_POST  ("/users",        create_user,        create_in, UserOut, .status = 201),
        WEFT_DELETE("/users/{id}",   delete_user,        delete_in, weft_none, .status = 204),
        WEFT_PUT   ("/tasks/{name}", get_or_create_task, task_in,   Task),
        WEFT_GET   ("/teleport",     teleport,           weft_none, weft_reply),
        WEFT_GET   ("/page",         page,               weft_none, weft_reply),
        WEFT_GET   ("/dot.svg",      dot,                weft_none, weft_reply)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
