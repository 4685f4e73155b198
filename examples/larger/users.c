/* Users, and the notes of each: a router in a router. */
#include "parts.h"

WEFT_MODEL(User, field(weft_str, name));
WEFT_MODEL(Note, field(weft_str, user), field(int, number));

WEFT_INPUT(user_in, path(weft_str, user));
WEFT_INPUT(note_in, path(weft_str, user), path(int, number));

static int read_user(const user_in *in, User *out)
{
    out->name = in->user;
    return 0;
}

static int read_note(const note_in *in, Note *out)
{
    *out = (Note){ in->user, in->number };
    return 0;
}

static const weft_router notes = {
    .prefix = "/notes", .tag = "notes",
    .routes = WEFT_ROUTES(WEFT_GET("/{number}", read_note, note_in, Note)),
};

const weft_router users = {
    .prefix = "/users/{user}", .tag = "users",
    .routes = WEFT_ROUTES(WEFT_GET("/", read_user, user_in, User)),
    .routers = WEFT_ROUTERS(&notes),
};
