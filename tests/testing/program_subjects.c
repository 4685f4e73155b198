/* Tests of programs that fail on purpose: what program_test.c runs. */
#define _GNU_SOURCE
#include <unistd.h>
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
