#include "wire/ws.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

/* What a parser makes of bytes, as text: 't' and 'b' pieces joined as "text(...)", controls as they are. */
typedef struct told { char text[4096]; size_t len; } told;

static void tell(told *t, const char *what, weft_str bytes)
{
    t->len += (size_t)snprintf(t->text + t->len, sizeof t->text - t->len, "%s", what);
    for (size_t i = 0; i < bytes.len && t->len < sizeof t->text - 8; i++) t->text[t->len++] = bytes.ptr[i] >= ' ' ? bytes.ptr[i] : '?';
    t->text[t->len] = 0;
}

static const weft__ws_rules server_rules = { .message_bytes_max = 1 << 20, .fragments_max = 8, .masked = true };
static const weft__ws_rules client_rules = { .message_bytes_max = 1 << 20, .fragments_max = 8, .masked = false };

/* Feed in pieces of `step`; what is not used is there again before the next one, in memory of its exact size. */
static told feed(const weft__ws_rules *rules, const char *bytes, size_t len, size_t step)
{
    weft__ws_in in = { 0 };
    told t = { "", 0 };
    char *kept = NULL;
    size_t have = 0;
    bool open = false;
    for (size_t at = 0; at < len;) {
        size_t n = len - at < step ? len - at : step, used = 0;
        char *now = malloc(have + n);
        if (have) memcpy(now, kept, have);
        memcpy(now + have, bytes + at, n);
        free(kept);
        kept = now;
        have += n;
        at += n;
        size_t done = 0;
        for (int rc = 1; rc > 0; done += used) {
            weft__ws_event e;
            rc = weft__ws_next(&in, rules, kept + done, have - done, &used, &e);
            if (rc < 0) {
                char fault[160];
                snprintf(fault, sizeof fault, "!%u %s", in.code, in.fault);
                tell(&t, fault, (weft_str){ "", 0 });
                free(kept);
                return t;
            }
            if (rc == 0) continue;
            if (e.op == WEFT__WS_CLOSE) {
                char code[16];
                snprintf(code, sizeof code, "close%u:", e.code);
                tell(&t, code, e.bytes);
            } else if (e.op == WEFT__WS_PING) tell(&t, "<ping:", e.bytes);
            else if (e.op == WEFT__WS_PONG) tell(&t, "<pong:", e.bytes);
            else tell(&t, open ? "" : e.op == WEFT__WS_TEXT ? "text:" : "binary:", e.bytes);
            if (e.op == WEFT__WS_TEXT || e.op == WEFT__WS_BINARY) open = !e.last;
            if (e.op == WEFT__WS_PING || e.op == WEFT__WS_PONG) tell(&t, ">", (weft_str){ "", 0 });
            if (!open) tell(&t, ";", (weft_str){ "", 0 });
        }
        have -= done;
        memmove(kept, kept + done, have);
        WEFT_CHECK(have <= WEFT__WS_HEAD_MAX + WEFT__WS_CONTROL_MAX);
    }
    free(kept);
    return t;
}

static void check_told(int line, const weft__ws_rules *rules, const char *bytes, size_t len, const char *expected)
{
    for (size_t step = 1; step <= len; step++) {
        told t = feed(rules, bytes, len, step);
        if (strcmp(t.text, expected) == 0) continue;
        weft__check_fail(__FILE__, line, "in pieces of %zu: expected \"%s\", came \"%s\"", step, expected, t.text);
        return;
    }
}
#define FROM_SERVER(bytes, expected) check_told(__LINE__, &client_rules, bytes, sizeof(bytes) - 1, expected)
#define FROM_CLIENT(bytes, expected) check_told(__LINE__, &server_rules, bytes, sizeof(bytes) - 1, expected)

WEFT_TEST(ws_frames_of_rfc_6455_are_read_however_they_are_cut)
{
    FROM_SERVER("\x81\x05Hello", "text:Hello;");
    FROM_CLIENT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "text:Hello;");
    FROM_SERVER("\x01\x03Hel\x80\x02lo", "text:Hello;");
    FROM_SERVER("\x89\x05Hello", "<ping:Hello>;");
    FROM_CLIENT("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "<pong:Hello>;");
    FROM_SERVER("\x82\x00", "binary:;");
    FROM_SERVER("\x02\x00\x00\x00\x80\x00", "binary:;");
    FROM_SERVER("\x01\x01" "a\x89\x01p\x00\x01" "b\x8a\x00\x80\x01" "c\x81\x01" "d", "text:a<ping:p>b<pong:>c;text:d;");
}

WEFT_TEST(ws_control_frames_may_stand_between_fragments_and_not_be_in_fragments)
{
    FROM_SERVER("\x01\x01x\x89\x02hi\x80\x01y", "text:x<ping:hi>y;");
    FROM_SERVER("\x09\x01x\x80\x01y", "!1002 a control frame in fragments");
    FROM_SERVER("\x08\x02\x03\xe8", "!1002 a control frame in fragments");
    FROM_SERVER("\x0a\x00", "!1002 a control frame in fragments");
    FROM_SERVER("\x89\x7e\x00\x7e", "!1002 a control frame of more than 125 bytes");
    FROM_SERVER("\x88\x7f", "!1002 a control frame of more than 125 bytes");
}

WEFT_TEST(ws_opcodes_and_bits_that_are_reserved_are_refused)
{
    for (unsigned op = 3; op < 16; op++) {
        char frame[] = { (char)(0x80 | op), 0 };
        if (op >= 8 && op <= 10) continue;
        check_told(__LINE__, &client_rules, frame, 2, "!1002 a frame with a reserved opcode");
        frame[0] = (char)op;
        check_told(__LINE__, &client_rules, frame, 2, "!1002 a frame with a reserved opcode");
    }
    for (unsigned rsv = 1; rsv < 8; rsv++) {
        char frame[] = { (char)(0x81 | rsv << 4), 1, 'x' };
        check_told(__LINE__, &client_rules, frame, 3, "!1002 a frame with reserved bits");
        frame[0] = (char)(0x89 | rsv << 4);
        check_told(__LINE__, &client_rules, frame, 3, "!1002 a frame with reserved bits");
    }
}

WEFT_TEST(ws_a_compressed_message_says_so_in_its_first_frame_alone)
{
    weft__ws_rules rules = client_rules;
    rules.deflate = true;
    check_told(__LINE__, &rules, "\xc1\x01x", 3, "text:x;");
    check_told(__LINE__, &rules, "\x41\x01x\x80\x01y", 6, "text:xy;");
    check_told(__LINE__, &rules, "\x01\x01x\xc0\x01y", 6, "text:x!1002 a frame with reserved bits");
    check_told(__LINE__, &rules, "\xc9\x00", 2, "!1002 a frame with reserved bits");
    check_told(__LINE__, &rules, "\xa1\x00", 2, "!1002 a frame with reserved bits");
    check_told(__LINE__, &rules, "\x91\x00", 2, "!1002 a frame with reserved bits");
}

WEFT_TEST(ws_frames_of_a_message_follow_each_other)
{
    FROM_SERVER("\x80\x01x", "!1002 a continuation without a beginning");
    FROM_SERVER("\x00\x01x", "!1002 a continuation without a beginning");
    FROM_SERVER("\x81\x01x\x80\x01y", "text:x;!1002 a continuation without a beginning");
    FROM_SERVER("\x01\x01x\x81\x01y", "text:x!1002 a new message inside of another one");
    FROM_SERVER("\x01\x01x\x02\x01y", "text:x!1002 a new message inside of another one");
}

WEFT_TEST(ws_masks_are_asked_of_clients_and_refused_of_servers)
{
    FROM_CLIENT("\x81\x01x", "!1002 a frame of a client without a mask");
    FROM_CLIENT("\x89\x00", "!1002 a frame of a client without a mask");
    FROM_SERVER("\x81\x81" "aaaax", "!1002 a masked frame from a server");
    FROM_SERVER("\x88\x80" "aaaa", "!1002 a masked frame from a server");
}

WEFT_TEST(ws_lengths_are_as_short_as_they_can_be)
{
    FROM_SERVER("\x81\x7e\x00\x7d", "!1002 a length that is not written as short as it can be");
    FROM_SERVER("\x81\x7e\x00\x00", "!1002 a length that is not written as short as it can be");
    FROM_SERVER("\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", "!1002 a length that is not written as short as it can be");
    FROM_SERVER("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", "!1002 a length of more than 63 bits");
    FROM_SERVER("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "!1002 a length of more than 63 bits");
    FROM_SERVER("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "!1009 a message is larger than message_bytes_max");
}

WEFT_TEST(ws_lengths_on_either_side_of_their_forms_are_read_as_they_are_written)
{
    static const size_t lengths[] = { 0, 1, 125, 126, 127, 128, 65535, 65536, 65537 };
    for (size_t i = 0; i < weft_count(lengths); i++) {
        char *frame = malloc(lengths[i] + WEFT__WS_HEAD_MAX);
        size_t head = weft__ws_head(frame, &(weft__ws_frame){ .op = WEFT__WS_BINARY }, lengths[i]), used;
        memset(frame + head, 'x', lengths[i]);
        weft__ws_in in = { 0 };
        weft__ws_event e;
        WEFT_CHECK_EQ(weft__ws_next(&in, &client_rules, frame, head + lengths[i], &used, &e), 1);
        WEFT_CHECK(e.last && e.bytes.len == lengths[i] && used == head + lengths[i]);
        free(frame);
    }
}

WEFT_TEST(ws_a_message_has_no_more_bytes_and_fragments_than_it_may)
{
    weft__ws_rules rules = { .message_bytes_max = 4, .fragments_max = 3 };
    check_told(__LINE__, &rules, "\x82\x04" "abcd", 6, "binary:abcd;");
    check_told(__LINE__, &rules, "\x82\x05", 2, "!1009 a message is larger than message_bytes_max");
    check_told(__LINE__, &rules, "\x02\x03" "abc\x80\x02", 7, "binary:abc!1009 a message is larger than message_bytes_max");
    check_told(__LINE__, &rules, "\x02\x00\x00\x00\x80\x00", 6, "binary:;");
    check_told(__LINE__, &rules, "\x02\x00\x00\x00\x00\x00\x80\x00", 8, "!1008 a message has more fragments than fragments_max");
    check_told(__LINE__, &rules, "\x02\x03" "abc\x80\x01" "d\x82\x04" "efgh", 14, "binary:abcd;binary:efgh;");
}

WEFT_TEST(ws_a_close_says_a_code_that_may_be_sent)
{
    FROM_SERVER("\x88\x00", "close1005:;");
    FROM_SERVER("\x88\x01\x03", "!1002 a Close with half a code");
    FROM_SERVER("\x88\x02\x03\xe8", "close1000:;");
    FROM_SERVER("\x88\x05\x03\xe8" "bye", "close1000:bye;");
    FROM_SERVER("\x88\x04\x03\xe8\xff\xfe", "!1007 a Close whose reason is no UTF-8");
    FROM_SERVER("\x88\x04\x03\xe8\xe2\x82", "!1007 a Close whose reason is no UTF-8");
    static const unsigned good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 };
    static const unsigned bad[] = { 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535 };
    for (size_t i = 0; i < weft_count(good); i++) WEFT_CHECK(weft__ws_code_valid(good[i]));
    for (size_t i = 0; i < weft_count(bad); i++) {
        char frame[] = { (char)0x88, 2, (char)(bad[i] >> 8), (char)bad[i] };
        WEFT_CHECK(!weft__ws_code_valid(bad[i]));
        check_told(__LINE__, &client_rules, frame, 4, "!1002 a Close with a code that must not be sent");
    }
}

WEFT_TEST(ws_a_mask_is_its_own_inverse_at_every_length_and_place)
{
    char text[200], was[200];
    for (size_t i = 0; i < sizeof text; i++) was[i] = (char)(i * 7);
    for (size_t len = 0; len <= 100; len++) {
        for (size_t at = 0; at < 9; at++) {
            uint8_t mask[4] = { 1, 2, 3, 250 }, again[4] = { 1, 2, 3, 250 };
            memcpy(text, was, sizeof text);
            weft__ws_mask(text + at, len, mask);
            for (size_t i = 0; i < sizeof text; i++) {
                bool inside = i >= at && i < at + len;
                WEFT_CHECK_EQ((unsigned char)text[i], (unsigned char)(was[i] ^ (inside ? again[(i - at) & 3] : 0)));
            }
            for (unsigned i = 0; i < 4; i++) WEFT_CHECK_EQ(mask[i], again[(len + i) & 3]);
        }
    }
}

/* ---- text ---- */

static bool text_good(const char *bytes, size_t len, size_t step, size_t *at)
{
    weft__ws_text t = { 0 };
    for (*at = 0; *at < len; *at += step) {
        size_t n = len - *at < step ? len - *at : step;
        if (!weft__ws_text_add(&t, bytes + *at, n)) return false;
    }
    return !t.len;
}

WEFT_TEST(ws_text_is_checked_byte_by_byte_and_refused_at_the_first_that_cannot_be)
{
    static const char good[] = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf4\x8f\xbf\xbf \xed\x9f\xbf \xee\x80\x80";
    static const struct { const char *bytes; size_t fails_at; } bad[] = {
        { "ab\xff", 2 }, { "\xc0\x80", 0 }, { "\xc1\xbf", 0 }, { "\xe0\x9f\x80", 1 }, { "\xed\xa0\x80", 1 }, { "\xf0\x8f\x80\x80", 1 }, { "\xf4\x90\x80\x80", 1 },
        { "\xf5\x80", 0 }, { "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80" "edited", 12 }, { "a\x80", 1 }, { "\xe2\x28\xa1", 1 }, { "\xe2\x82\x28", 2 },
        { "\xf0\x9f\x98\x28", 3 },
    };
    size_t at;
    for (size_t step = 1; step < sizeof good; step++) WEFT_CHECK(text_good(good, sizeof good - 1, step, &at));
    for (size_t n = 1; n < sizeof good; n++) {
        weft__ws_text t = { 0 };
        WEFT_CHECK(weft__ws_text_add(&t, good, n));          /* no beginning of a good text is bad */
    }
    for (size_t i = 0; i < weft_count(bad); i++) {
        size_t len = strlen(bad[i].bytes);
        for (size_t step = 1; step <= len; step++) WEFT_CHECK(!text_good(bad[i].bytes, len, step, &at));
        WEFT_CHECK(!text_good(bad[i].bytes, len, 1, &at));
        WEFT_CHECK_EQ(at, bad[i].fails_at);
    }
    for (size_t n = 1; n < 4; n++) WEFT_CHECK(!text_good("\xf0\x9f\x98\x80", n, 1, &at));       /* a character without its end */
}

/* ---- writing ---- */

WEFT_TEST(ws_heads_are_written_as_rfc_6455_shows_them)
{
    char to[WEFT__WS_HEAD_MAX];
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    WEFT_CHECK_EQ(weft__ws_head(to, &(weft__ws_frame){ .op = WEFT__WS_TEXT }, 5), 2);
    WEFT_CHECK(memcmp(to, "\x81\x05", 2) == 0);
    WEFT_CHECK_EQ(weft__ws_head(to, &(weft__ws_frame){ .op = WEFT__WS_TEXT, .mask = mask }, 5), 6);
    WEFT_CHECK(memcmp(to, "\x81\x85\x37\xfa\x21\x3d", 6) == 0);
    WEFT_CHECK_EQ(weft__ws_head(to, &(weft__ws_frame){ .op = WEFT__WS_BINARY, .more = true, .compressed = true }, 256), 4);
    WEFT_CHECK(memcmp(to, "\x42\x7e\x01\x00", 4) == 0);
    WEFT_CHECK_EQ(weft__ws_head(to, &(weft__ws_frame){ .op = WEFT__WS_BINARY, .mask = mask }, 65536), 14);
    WEFT_CHECK(memcmp(to, "\x82\xff\0\0\0\0\0\1\0\0\x37\xfa\x21\x3d", 14) == 0);
}

WEFT_TEST(ws_a_reason_that_is_too_long_is_cut_between_characters)
{
    char to[WEFT__WS_CONTROL_MAX], reason[130];
    memset(reason, 'r', sizeof reason);
    memcpy(reason + 122, "\xc3\xa4", 2);
    WEFT_CHECK_EQ(weft__ws_close_payload(to, 1005, WEFT_S("")), 0);
    WEFT_CHECK_EQ(weft__ws_close_payload(to, 1000, WEFT_S("bye")), 5);
    WEFT_CHECK(memcmp(to, "\x03\xe8" "bye", 5) == 0);
    WEFT_CHECK_EQ(weft__ws_close_payload(to, 1001, (weft_str){ reason, sizeof reason }), 2 + 122);
}
