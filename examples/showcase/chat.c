#include "chat.h"
#include "chat_page.h"
#include "room_page.h"

static int chat_page(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_html(out, WEFT_S(CHAT_PAGE));
}

WEFT_INPUT(room_page_in, path(weft_str, room, .max_len = 32));
static int room_page(const room_page_in *in, weft_reply *out)
{
    (void)in;
    return weft_reply_html(out, WEFT_S(ROOM_PAGE));
}

static int echo(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    while ((rc = weft_ws_recv(ws, &said)) > 0) {
        WEFT_TEMP;
        if (!weft_ws_is_text(ws)) return weft_ws_close(ws, 1003, "say it in a text");
        WEFT_TRY(weft_ws_send(ws, weft_format("Message received: %.*s", WEFT_FMT(said))));
    }
    return rc;
}

WEFT_MODEL(Said, field(weft_str, name), field(weft_str, text));
WEFT_INPUT(room_in, path(weft_str, room, .max_len = 32), query(weft_str, name, .initial = "somebody", .min_len = 1, .max_len = 20));

static int talk(const room_in *in, weft_ws *ws)
{
    weft_room *room = weft_room_join(ws, in->room, .id = in->name, .announce = true);
    weft_str text;
    int rc;
    while ((rc = weft_ws_recv(ws, &text)) > 0) {
        if (!weft_ws_is_text(ws)) return weft_ws_close(ws, 1003, "say it in a text");
        WEFT_TRY(weft_room_send_json(Said, room, (&(Said){ in->name, text })));
    }
    return rc;
}

WEFT_INPUT(who_in, path(weft_str, room, .max_len = 32));
static int who(const who_in *in, weft_list_weft_str *out) { return weft_room_members(in->room, out); }

const weft_router chat = {
    .tag = "chat",
    .routes = WEFT_ROUTES(
        WEFT_GET("/chat", chat_page, weft_none, weft_reply),
        WEFT_WS("/ws", echo, weft_none, .ws = WEFT_WS_WITH(.message_bytes_max = 64 << 10, .deflate = true)),
        WEFT_GET("/chat/{room}", room_page, room_page_in, weft_reply),
        WEFT_WS("/rooms/{room}", talk, room_in, .ws = WEFT_WS_WITH(.message_bytes_max = 4 << 10)),
        WEFT_GET("/rooms/{room}/members", who, who_in, weft_list_weft_str)),
};
