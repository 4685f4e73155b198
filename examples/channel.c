/* Work for three tasks, through a channel with room for two: who makes it waits when they fall
 * behind. */
#include <stdio.h>
#include <weft.h>

typedef struct job { int id, ms; } job;
typedef weft_channel(job) jobs;
typedef struct worker { const char *name; jobs *todo; } worker;

static int work(const worker *in)
{
    job next;
    int rc;
    while ((rc = weft_recv(in->todo, &next)) > 0) {
        WEFT_TRY(weft_sleep_ms(next.ms));
        printf("%s did job %d\n", in->name, next.id);
    }
    return rc;
}

static int program(void)
{
    jobs todo;
    WEFT_TRY(weft_channel_open(&todo, 2));
    {
        WEFT_SCOPE(workers);
        weft_spawn(workers, work, (&(worker){ "Ada", &todo }));
        weft_spawn(workers, work, (&(worker){ "Ben", &todo }));
        weft_spawn(workers, work, (&(worker){ "Cleo", &todo }));
        for (int id = 1; id <= 6; id++) WEFT_TRY(weft_send(&todo, (job){ id, 100 * id }));
        printf("all jobs are handed out\n");
        weft_channel_close(&todo);
        WEFT_TRY(weft_join(workers));
    }
    weft_channel_free(&todo);
    return 0;
}

int main(void) { return weft_run(program); }
