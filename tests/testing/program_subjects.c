/* Tests of programs that fail on purpose: what program_test.c runs. */
#define _GNU_SOURCE
#include <unistd.h>
#include "weft/file.h"
#include "weft/sync.h"
#include "weft/test.h"

static int checks(void)
{
    WEFT_CHECK_EQ(1 + 1, 3);
    return 0;
}
static int checks_main(void) { return weft_run(checks); }

static int needs(void)
{
    WEFT_NEED(1 > 2);
    return 0;
}
static int needs_main(void) { return weft_run(needs); }

static int blocks(void)
{
    usleep(800 * 1000);
    return 0;
}
static int blocks_main(void) { return weft_run(blocks); }

WEFT_TEST(checks_in_a_program) { WEFT_CHECK_EQ(weft_test_program(checks_main).status, 0); }
WEFT_TEST(needs_in_a_program) { WEFT_CHECK_EQ(weft_test_program(needs_main).status, 0); }
WEFT_TEST(blocks_in_a_program) { WEFT_CHECK_EQ(weft_test_program(blocks_main).status, 0); }

/* ---- what a test leaves behind, and what it waits for in vain ---- */

static int leaves_a_file(void)
{
    weft_file *f = NULL;
    return weft_file_open(&f, "left.txt", .write = true, .create = true);
}

WEFT_TEST(leaves_a_file_open) { WEFT_CHECK_EQ(weft_test_run(leaves_a_file), 0); }

static int closes(void)
{
    WEFT_FILE(f);
    return weft_file_open(&f, "left.txt", .write = true, .create = true);
}

WEFT_TEST(closes_its_file) { WEFT_CHECK_EQ(weft_test_run(closes), 0); }

static int never_ticks(const weft_none *in, weft_events *out)
{
    weft_flag never = { 0 };
    (void)in;
    WEFT_TRY(weft_event(out, .data = WEFT_S("first")));
    weft_events_heartbeat(out, 0);
    return weft_flag_wait(&never);
}

static const weft_app stuck = { .routes = WEFT_ROUTES(WEFT_GET("/", never_ticks, weft_none, weft_events)) };

WEFT_TEST(waits_for_what_never_comes)
{
    weft_test_message m;
    weft_test_stream *s = weft_test_open(&stuck, "/");
    WEFT_CHECK_EQ(weft_test_event(s, &m), 1);
    WEFT_CHECK_EQ(weft_test_event(s, &m), 1);
}
