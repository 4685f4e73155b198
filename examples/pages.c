/* Pages: templates made of models, and links that are made of routes. Try it: open http://localhost:8000 */
#include <weft.h>

WEFT_MODEL(Note,  field(int64_t, id), field(weft_str, text), field(weft_str, url, .initial = ""), list(weft_str, tags));
WEFT_MODEL(Board, field(weft_str, title), list(Note, notes));

WEFT_PARTIAL(header, "header.html",
    "<!doctype html>\n"
    "<meta charset=utf-8>\n"
    "<title>{{title}}</title>\n"
    "<h1>{{title}}</h1>\n");

WEFT_TEMPLATE(board_page, Board, "board.html",
    "{{> header.html}}\n"
    "<ul>\n"
    "{{#notes}}\n"
    "  <li><a href=\"{{url}}\">{{text}}</a>{{#tags}} <i>{{.}}</i>{{/tags}}\n"
    "{{/notes}}\n"
    "</ul>\n"
    "{{^notes}}\n"
    "<p>Nothing here yet.\n"
    "{{/notes}}\n"
    "<form method=post action=/notes><input name=text><button>Add</button></form>\n");

WEFT_TEMPLATE(note_page, Note, "note.html",
    "<!doctype html>\n"
    "<title>{{text}}</title>\n"
    "<p>{{text}}\n");

static Note notes[100];
static uint32_t count;

/* ---- handlers ---- */

WEFT_INPUT(note_in, path(int64_t, id));

static int show_note(const note_in *in, weft_reply *out)
{
    if (in->id < 1 || in->id > count) return weft_fail(404, "there is no note %lld", (long long)in->id);
    return weft_render(out, note_page, &notes[in->id - 1]);
}

WEFT_INPUT(board_in, request(request));

static int show_board(const board_in *in, weft_reply *out)
{
    Board board = { .title = WEFT_S("Notes & more") };
    for (uint32_t i = 0; i < count; i++) {
        Note note = notes[i];
        WEFT_TRY(weft_url_for(in->request, "show_note", note_in, &(note_in){ note.id }, &note.url));
        weft_push(&board.notes, note);
    }
    return weft_render(out, board_page, &board);
}

WEFT_INPUT(add_in, form(weft_str, text, .min_len = 1, .max_len = 80), request(request));

static int add_note(const add_in *in, weft_reply *out)
{
    static char texts[100][4 * 80 + 1];              /* a character has up to four bytes */
    weft_str url;
    if (count == weft_count(notes)) return weft_fail(507, "there is no room for another note");
    __builtin_memcpy(texts[count], in->text.ptr, in->text.len);
    notes[count] = (Note){ .id = count + 1, .text = { texts[count], in->text.len } };
    count++;
    WEFT_TRY(weft_url_for(in->request, "show_board", weft_none, NULL, &url));
    return weft_reply_redirect(out, 303, url.ptr);
}

const weft_app app = {
    .title = "pages",
    .templates = WEFT_TEMPLATES(board_page, note_page, header),
    .routes = WEFT_ROUTES(
        WEFT_GET("/", show_board, board_in, weft_reply),
        WEFT_GET("/notes/{id}", show_note, note_in, weft_reply),
        WEFT_POST("/notes", add_note, add_in, weft_reply)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
