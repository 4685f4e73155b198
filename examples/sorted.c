/* Another program at work: `sort` on lines made here, and what happens when there is no such program. */
#include <stdio.h>
#include <weft.h>

static weft_str numbers(void)
{
    weft_str text = WEFT_S("");
    for (int i = 0; i < 10; i++) text = weft_format("%s%d\n", text.ptr, i * 7 % 10);
    return text;
}

/* All at once: input, output and status. */
static int at_once(void)
{
    weft_str sorted;
    WEFT_TRY(weft_command_text(&sorted, weft_argv("sort", "-n", "-r"), .input = numbers(), .timeout_ms = 5000));
    printf("%s", sorted.ptr);
    return 0;
}

/* While it runs: lines as they come. It is ended at the end of the block. */
static int as_they_come(void)
{
    weft_str line;
    WEFT_COMMAND(c);
    WEFT_TRY(weft_command_start(&c, weft_argv("sh", "-c", "for word in one two three; do echo $word; done; exec sleep 100")));
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(weft_conn_line(c->out, &line));
        printf("it said %s\n", line.ptr);
    }
    return 0;
}

static int program(void)
{
    weft_output o;
    WEFT_TRY(at_once());
    WEFT_TRY(as_they_come());
    int rc = weft_command_run(&o, weft_argv("fooo", "--help"));
    printf("%s\n", weft_error_of(rc)->text);
    rc = weft_command_run(&o, weft_argv("sleep", "100"), .timeout_ms = 100);
    printf("%s\n", weft_error_of(rc)->text);
    return 0;
}

int main(void) { return weft_run(program); }
