/* WebSockets: an echo, rooms, and a feed that holds nothing while nobody says anything. Try it with two tabs of localhost:8000, or:
 *
 *     python3 -m websockets ws://localhost:8000/ws
 *     curl -X POST 'localhost:8000/rooms/kitchen?text=dinner'  */
#include <weft.h>

/* ---- an echo ---- */

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

/* ---- rooms ---- */

WEFT_MODEL(Said, field(weft_str, name), field(weft_str, text));
WEFT_INPUT(room_in, path(weft_str, room, .max_len = 32), query(weft_str, name, .min_len = 1, .max_len = 20));

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

WEFT_INPUT(tell_in, path(weft_str, room, .max_len = 32), query(weft_str, text, .max_len = 1000));

static int tell(const tell_in *in, int *heard)
{
    *heard = weft_room_publish(in->room, in->text);
    return *heard < 0 ? *heard : 0;
}

/* ---- many that are idle ---- */

typedef struct counter { int count; } counter;

static int count_up(weft_ws *ws, counter *c, weft_str msg)
{
    c->count++;
    return weft_ws_send(ws, weft_format("%d: %.*s", c->count, WEFT_FMT(msg)));
}

/* ---- a page ---- */

static int page(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_html(out, WEFT_S("<!doctype html><title>Kitchen</title><ul id=list></ul><form id=form><input id=text autofocus></form><script>"
        "const ws = new WebSocket(new URL('/rooms/kitchen?name=' + (prompt('Your name?') || 'somebody'), location.href.replace('http', 'ws')));"
        "ws.onmessage = e => { const li = document.createElement('li'); li.textContent = e.data; list.append(li); };"
        "form.onsubmit = e => { e.preventDefault(); ws.send(text.value); text.value = ''; };"
        "</script>"));
}

const weft_app app = {
    .title = "chat",
    .routes = WEFT_ROUTES(
        WEFT_GET("/", page, weft_none, weft_reply),
        WEFT_WS("/ws", echo, weft_none, .ws = WEFT_WS_WITH(.message_bytes_max = 64 << 10, .deflate = true)),
        WEFT_WS("/rooms/{room}", talk, room_in, .ws = WEFT_WS_WITH(.message_bytes_max = 4 << 10)),
        WEFT_GET("/rooms/{room}/members", who, who_in, weft_list_weft_str),
        WEFT_POST("/rooms/{room}", tell, tell_in, int),
        WEFT_WS_HANDLERS("/count", weft_none, counter, NULL, count_up, NULL)),
};

int main(void) { return weft_serve(&app); }
