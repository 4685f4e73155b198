#ifndef WEFT_SRC_OS_THREADS_H
#define WEFT_SRC_OS_THREADS_H
/* How many threads this process has that run code of its own: one that was joined counts no more, though the kernel may be busy with its end for a
 * moment. 1 when nobody says, and under TSan, which has one of its own and knows of forks. proc_pid_stat(5) */
int weft__os_threads(void);

/* A thread of ours has been told to end, and nobody joins it: from now on who counts gives it a moment (100 ms at most). */
void weft__os_threads_leave(void);
#endif
