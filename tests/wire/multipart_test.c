/* Forms of several parts: what comes out, however the bytes are cut; what is refused. */
#include "wire/multipart.h"
#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "weft/check.h"

/* Events as text: "{head}data|" for each part, "." at the end, "!fault" for a refusal, "~" for input that
 * ends too early. The input comes in pieces of `first` bytes and then of `step`. */
static weft_str events(weft__buf *out, weft_str boundary, weft_str in, size_t first, size_t step)
{
    static weft__multipart m;
    weft__multipart_init(&m, boundary);
    weft__buf_clear(out);
    size_t at = 0, end = first < in.len ? first : in.len;
    for (;;) {
        size_t used;
        weft_str data = { NULL, 0 };
        int event = weft__multipart_next(&m, in.ptr + at, end - at, &used, &data);
        at += used;
        if (event < 0) weft__buf_printf(out, "!%s", m.fault);
        if (event == WEFT__MULTIPART_PART) weft__buf_printf(out, "{%.*s}", WEFT_FMT(data));
        if (event == WEFT__MULTIPART_DATA) weft__buf_add_str(out, data);
        if (event == WEFT__MULTIPART_DATA && !data.len) weft__buf_lit(out, "(no byte)");
        if (event == WEFT__MULTIPART_PART_END) weft__buf_lit(out, "|");
        if (event == WEFT__MULTIPART_END) weft__buf_lit(out, ".");
        if (event < 0 || event == WEFT__MULTIPART_END) break;
        if (event != WEFT__MULTIPART_MORE) continue;
        if (at == in.len) {
            weft__buf_lit(out, "~");
            break;
        }
        end = end + step < in.len ? end + step : in.len;
    }
    return weft__buf_str(out);
}

/* The same for the whole, for every place to cut it at, and byte by byte. */
static void expect(int line, const char *boundary, weft_str in, const char *expected)
{
    weft__buf out;
    weft__buf_init(&out, 1 << 20);
    for (size_t first = 0; first <= in.len; first++) {
        weft_str got = events(&out, weft_str_of(boundary), in, first, in.len);
        if (!weft_str_equal(got, weft_str_of(expected)))
            weft__check_fail(__FILE__, line, "cut at %zu: expected \"%s\", got \"%.*s\"", first, expected, WEFT_FMT(got));
    }
    for (size_t step = 1; step < 4; step++)
        weft__check_str(__FILE__, line, "in small pieces", events(&out, weft_str_of(boundary), in, 0, step), expected);
    weft__buf_free(&out);
}
#define EXPECT(boundary, in, expected) expect(__LINE__, boundary, WEFT_S(in), expected)

WEFT_TEST(parts_come_with_their_heads_and_bytes)
{
    EXPECT("b", "--b\r\nA: 1\r\nB: 2\r\n\r\nhello\r\n--b\r\n\r\n\r\n--b\r\nC: 3\r\n\r\n\r\n\r\n--b--\r\n",
        "{A: 1\r\nB: 2\r\n}hello|{}|{C: 3\r\n}\r\n|.");
    EXPECT("b", "--b\r\nA: 1\r\n\r\n--b\r\n\r\nx\r\n--b--", "{A: 1\r\n}|{}x|.");
    EXPECT("b", "--b--", ".");
    EXPECT("b", "--b--\r\nwhatever\r\n--b\r\n", ".");
}

WEFT_TEST(what_stands_before_the_first_boundary_means_nothing)
{
    EXPECT("b", "a preamble\r\n-- \r\r\n--b\r\n\r\nx\r\n--b--", "{}x|.");
    EXPECT("b", "\r\n--b\r\n\r\nx\r\n--b--", "{}x|.");
    EXPECT("b", " --b\r\n\r\nx\r\n--b--", ".");
}

WEFT_TEST(data_that_looks_like_a_boundary_stays_data)
{
    EXPECT("bound", "--bound\r\n\r\n--boun\r\n--bou\r\n-bound\r\r\n--bounx\n--bound\r--bound\r\n--bound--",
        "{}--boun\r\n--bou\r\n-bound\r\r\n--bounx\n--bound\r--bound|.");
    EXPECT("b", "--b\r\n\r\n\r\n\r\n\r\r\n-\r\n--\r\n--b--", "{}\r\n\r\n\r\r\n-\r\n--|.");
    EXPECT("--b", "----b\r\n\r\n--b\r\n--\r\n----b--", "{}--b\r\n--|.");
    EXPECT("b", "--b\r\n\r\n-\r\n--b--", "{}-|.");
    EXPECT("b", "--b\r\n\r\n--a\r\n--b--", "{}--a|.");
}

WEFT_TEST(padding_behind_a_boundary_is_passed_over)
{
    EXPECT("b", "--b \t \r\n\r\nx\r\n--b--", "{}x|.");
    EXPECT("b", "--b\r\n\r\nx\r\n--b --", "{}x|!a boundary is followed by neither a line's end nor --");
}

WEFT_TEST(a_line_that_begins_as_a_boundary_and_is_none_is_refused)
{
    EXPECT("b", "--b\r\n\r\nx\r\n--bc\r\n", "{}x|!a boundary is followed by neither a line's end nor --");
    EXPECT("b", "--bc\r\n", "!a boundary is followed by neither a line's end nor --");
    EXPECT("b", "--b\n\nx", "!a boundary is followed by neither a line's end nor --");
    EXPECT("b", "--b\rx", "!a boundary is followed by neither a line's end nor --");
    EXPECT("b", "--b-x", "!a boundary is followed by neither a line's end nor --");
}

WEFT_TEST(lines_of_a_head_end_in_cr_lf)
{
    EXPECT("b", "--b\r\nA: 1\n\r\n", "!a header line of a part does not end in CR LF");
    EXPECT("b", "--b\r\nA: 1\rB\r\n\r\n", "!a header line of a part does not end in CR LF");
    EXPECT("b", "--b\r\n\nx", "!a header line of a part does not end in CR LF");
    EXPECT("b", "--b\r\nA: \0\r\n\r\n", "!a NUL in the header lines of a part");
}

WEFT_TEST(a_form_without_its_last_boundary_does_not_end)
{
    EXPECT("b", "--b\r\n\r\nx", "{}x~");
    EXPECT("b", "--b\r\n\r\nx\r\n--", "{}x~");
    EXPECT("b", "--b\r\n\r\nx\r\n--b\r\n", "{}x|~");
    EXPECT("b", "--b\r\n\r\nx\r\n--b-", "{}x|~");
    EXPECT("b", "--b\r\nA", "~");
}

static void grown(const char *before, char c, size_t n, const char *behind, const char *expected)
{
    static char in[32 * 1024];
    weft__buf out;
    size_t len = strlen(before);
    memcpy(in, before, len);
    memset(in + len, c, n);
    strcpy(in + len + n, behind);
    weft__buf_init(&out, 1 << 20);
    for (size_t step = 1; step < 5000; step += 1666)
        WEFT_CHECK_STR(events(&out, WEFT_S("b"), weft_str_of(in), step, step), expected);
    weft__buf_free(&out);
}

WEFT_TEST(heads_preambles_and_padding_have_a_limit)
{
    grown("--b\r\nA: ", 'a', 8300, "\r\n\r\nx\r\n--b--", "!the header lines of a part are longer than 8192 bytes");
    grown("", 'a', 4200, "\r\n--b\r\n\r\nx\r\n--b--", "!the form does not begin with its boundary");
    grown("", '\r', 4200, "\r\n--b\r\n\r\nx\r\n--b--", "!the form does not begin with its boundary");
    grown("", 'a', 4000, "\r\n--b\r\n\r\n\r\n--b--", "{}|.");
    grown("--b", ' ', 4200, "\r\n\r\nx\r\n--b--", "!too much white space behind a boundary");
}

/* ---- content types ---- */

WEFT_TEST(a_content_type_names_its_boundary)
{
    WEFT_CHECK(weft__multipart_is(WEFT_S("Multipart/Form-Data ; boundary=x")));
    WEFT_CHECK(weft__multipart_is(WEFT_S("multipart/form-data")));
    WEFT_CHECK(!weft__multipart_is(WEFT_S("multipart/form-datax")));
    WEFT_CHECK(!weft__multipart_is(WEFT_S("multipart/mixed; boundary=x")));
    WEFT_CHECK(!weft__multipart_is((weft_str){ NULL, 0 }));
    WEFT_CHECK_STR(weft__multipart_boundary(WEFT_S("multipart/form-data; boundary=----WebKitFormBoundaryX")), "----WebKitFormBoundaryX");
    WEFT_CHECK_STR(weft__multipart_boundary(WEFT_S("multipart/form-data; charset=utf-8;BOUNDARY=\"a b'()+_,-./:=?\" ;x=y")), "a b'()+_,-./:=?");
}

WEFT_TEST(a_boundary_that_cannot_be_one_is_none)
{
    static const char *const bad[] = { "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=a@b", "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=\"a", "multipart/form-data; boundary=\"a\\\"b\"", "multipart/form-data; boundary", "multipart/form-data; =a",
        "multipart/form-data; boundary=\"a\"b", "multipart/form-data; boundary =a", "multipart/form-data; boundary=\xC3\xA9",
        "multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789x" };
    for (size_t i = 0; i < weft_count(bad); i++) WEFT_CHECK_STR(weft__multipart_boundary(weft_str_of(bad[i])), "");
    WEFT_CHECK_EQ(weft__multipart_boundary(WEFT_S("multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789")).len, 70);
}

/* ---- heads ---- */

static const char *fault_of(weft_str head)
{
    weft__part part;
    const char *fault;
    int rc = weft__part_read(head, &part, &fault);
    WEFT_CHECK_EQ(rc, fault ? WEFT_EPROTO : 0);
    return fault ? fault : "";
}
#define FAULT(head, text) WEFT_CHECK_STR(weft_str_of(fault_of(WEFT_S(head))), text)

WEFT_TEST(a_head_tells_name_file_and_type)
{
    weft__part part;
    const char *fault;
    char out[100];
    WEFT_CHECK_EQ(weft__part_read(WEFT_S("Content-disposition: form-data; name=\"a b\"; filename=\"x \\\"y\\\" C:\\z\\\"\r\nContent-Type:text/plain \r\nX-A: 1\r\n"), &part, &fault), WEFT_EPROTO);
    WEFT_CHECK_EQ(weft__part_read(WEFT_S("content-disposition:FORM-DATA;name=\"a b\" ;filename=\"x \\\"y\\\" C:\\z\\\\\"\r\nContent-Type:text/plain \r\nX-A: 1\r\n"), &part, &fault), 0);
    WEFT_CHECK_STR(part.name, "a b");
    WEFT_CHECK_STR(part.content_type, "text/plain");
    WEFT_CHECK_EQ(part.header_count, 3);
    WEFT_CHECK_STR(part.headers[2].name, "X-A");
    WEFT_CHECK_STR(((weft_str){ out, (size_t)weft__part_text(part.filename, part.extended, out) }), "x \"y\" C:\\z\\");
    WEFT_CHECK_EQ(weft__part_read(WEFT_S("Content-Disposition: form-data; name=a; filename=\"\"\r\n"), &part, &fault), 0);
    WEFT_CHECK(part.filename.ptr && !part.filename.len);
    WEFT_CHECK_EQ(weft__part_read(WEFT_S("Content-Disposition: form-data; name=\"\"\r\n"), &part, &fault), 0);
    WEFT_CHECK(part.name.ptr && !part.name.len && !part.filename.ptr);
}

WEFT_TEST(an_extended_name_of_a_file_counts_where_no_other_is)
{
    weft__part part;
    const char *fault;
    char out[100];
    WEFT_CHECK_EQ(weft__part_read(WEFT_S("Content-Disposition: form-data; name=a; filename*=UTF-8'en'%c3%a9%22.txt\r\n"), &part, &fault), 0);
    WEFT_CHECK_STR(((weft_str){ out, (size_t)weft__part_text(part.filename, part.extended, out) }), "\xC3\xA9\".txt");
    for (int i = 0; i < 2; i++) {
        weft_str head = i ? WEFT_S("Content-Disposition: form-data; name=a; filename=b; filename*=UTF-8''c\r\n")
                          : WEFT_S("Content-Disposition: form-data; name=a; filename*=UTF-8''c; filename=b\r\n");
        WEFT_CHECK_EQ(weft__part_read(head, &part, &fault), 0);
        WEFT_CHECK_STR(part.filename, "b");
        WEFT_CHECK(!part.extended);
    }
    WEFT_CHECK_EQ(weft__part_read(WEFT_S("Content-Disposition: form-data; name=a; filename*=UTF-8''%ff\r\n"), &part, &fault), 0);
    WEFT_CHECK_EQ(weft__part_text(part.filename, part.extended, out), WEFT_EPROTO);
    FAULT("Content-Disposition: form-data; name=a; filename*=iso-8859-1''c\r\n", "the name of a file (filename*) is not UTF-8");
    FAULT("Content-Disposition: form-data; name=a; filename*=c\r\n", "the name of a file (filename*) is not UTF-8");
}

WEFT_TEST(heads_that_two_could_read_differently_are_refused)
{
    FAULT("", "a part has no Content-Disposition");
    FAULT("Content-Type: text/plain\r\n", "a part has no Content-Disposition");
    FAULT("Content-Disposition: form-data\r\n", "a part has no name");
    FAULT("Content-Disposition: form-data; filename=a\r\n", "a part has no name");
    FAULT("Content-Disposition: attachment; name=a\r\n", "the Content-Disposition of a part is not form-data");
    FAULT("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n", "a part has two Content-Disposition");
    FAULT("Content-Disposition: form-data; name=a; name=b\r\n", "a part has two names");
    FAULT("Content-Disposition: form-data; name=a; filename=b; FILENAME=c\r\n", "a part has two names of its file");
    FAULT("Content-Disposition: form-data; name=\"a\r\n", "the Content-Disposition of a part cannot be read");
    FAULT("Content-Disposition: form-data; name=\"a\"x\r\n", "the Content-Disposition of a part cannot be read");
    FAULT("Content-Disposition: form-data; name=a b\r\n", "the Content-Disposition of a part cannot be read");
    FAULT("Content-Disposition: form-data; name=\"\xff\"\r\n", "the name of a part is not UTF-8");
    FAULT("Content-Disposition: form-data; name=a; filename=\"\xc3\"\r\n", "the name of a file is not UTF-8");
    FAULT("Content-Disposition: form-data; name=a\r\n folded\r\n", "a line in the head of a part is no header");
    FAULT("Content-Disposition : form-data; name=a\r\n", "a line in the head of a part is no header");
    FAULT(": form-data; name=a\r\n", "a line in the head of a part is no header");
    FAULT("Content-Disposition: form-data; name=\"a\x01\"\r\n", "a line in the head of a part is no header");
    FAULT("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n",
        "a part has a Content-Transfer-Encoding, which forms have none of");
    FAULT("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: Binary\r\n", "");
    FAULT("A:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nContent-Disposition: form-data; name=a\r\n",
        "a part has more than 16 header lines");
    FAULT("Content-Disposition: form-data; name=a;; ;\r\n", "");
}
