/* try, except, finally: a failure is a code that a function returns. Whoever knows what to do about it looks at it,
 * everybody else passes it on with WEFT_TRY. */
#include <stdio.h>
#include <weft.h>

static int faulty_task(void)
{
    WEFT_TRY(weft_sleep_ms(1000));
    return weft_fail(WEFT_EINVAL, "An error occurred");
}

static void finally(const char **what) { printf("%s\n", *what); }

static int program(void)
{
    const char *what WEFT_CLEANUP(finally) = "Done, either way";
    int rc = faulty_task();
    if (rc == WEFT_EINVAL) printf("Caught exception: %s\n", weft_error_of(rc)->text);
    else WEFT_TRY(rc);                 /* no business of ours */
    return 0;
}

int main(void) { return weft_run(program); }
