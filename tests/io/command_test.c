/* Other programs: what they read, say and leave behind, which is nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "task/world.h"
#include "testing/folder.h"
#include "weft/command.h"

/* No child at all: neither running nor a zombie. */
static bool no_children(void)
{
    siginfo_t info = { .si_pid = 0 };
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

static bool is_gone(int pid) { return kill(pid, 0) < 0 && errno == ESRCH; }

/* Processes of a killed group are somebody else's to reap. */
static bool goes(int pid)
{
    for (int i = 0; i < 200 && !is_gone(pid); i++) {
        char path[64], state = 'R';
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *f = fopen(path, "re");
        if (f) {
            if (fscanf(f, "%*d %*s %c", &state) != 1) state = 'Z';
            fclose(f);
        }
        if (state == 'Z') return true;
        WEFT_NEED(weft_sleep_ms(10) == 0);
    }
    return is_gone(pid);
}

#define SH(script) weft_argv("sh", "-c", script)

/* ---- running to the end ---- */

EPOLL_TEST(a_program_gets_its_input_and_its_output_is_given)
{
    weft_output r;
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("sort", "-r"), .input = WEFT_S("b\na\nc\n")), 0);
    WEFT_CHECK_STR(r.out, "c\nb\na\n");
    WEFT_CHECK_STR(r.err, "");
    WEFT_CHECK_EQ(r.exit.status, 0);
    WEFT_CHECK_EQ(r.exit.signal, 0);
    WEFT_CHECK(no_children());
    return 0;
}

EPOLL_TEST(status_signal_and_stderr_are_told_and_are_no_failure)
{
    weft_output r;
    WEFT_CHECK_EQ(weft_command_run(&r, SH("echo out; echo oh >&2; exit 3")), 0);
    WEFT_CHECK_STR(r.out, "out\n");
    WEFT_CHECK_STR(r.err, "oh\n");
    WEFT_CHECK_EQ(r.exit.status, 3);
    WEFT_CHECK_EQ(weft_command_run(&r, SH("kill -KILL $$")), 0);
    WEFT_CHECK_EQ(r.exit.signal, SIGKILL);
    WEFT_CHECK_EQ(r.exit.status, -1);
    WEFT_CHECK_EQ(weft_command_run(&r, SH("echo a; echo b >&2; echo c"), .err = WEFT_STDIO_TO_OUT), 0);
    WEFT_CHECK_STR(r.out, "a\nb\nc\n");
    WEFT_CHECK_EQ(weft_command_run(&r, SH("echo a; echo b >&2"), .out = WEFT_STDIO_NULL), 0);
    WEFT_CHECK_STR(r.out, "");
    WEFT_CHECK_STR(r.err, "b\n");
    return 0;
}

EPOLL_TEST(stdin_is_empty_unless_it_is_given)
{
    weft_output r;
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("cat")), 0);
    WEFT_CHECK_STR(r.out, "");
    WEFT_CHECK_EQ(r.exit.status, 0);
    return 0;
}

EPOLL_TEST(much_goes_in_and_out_at_once)
{
    enum { BYTES = 4 << 20 };
    weft_output r;
    char *bytes = malloc(BYTES);
    WEFT_NEED(bytes != NULL);
    for (int i = 0; i < BYTES; i++) bytes[i] = (char)('a' + i % 26);
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("cat"), .input = (weft_str){ bytes, BYTES }, .out_bytes_max = BYTES), 0);
    WEFT_CHECK_EQ(r.out.len, BYTES);
    WEFT_CHECK(r.out.len == BYTES && !memcmp(r.out.ptr, bytes, BYTES));
    free(bytes);
    return 0;
}

EPOLL_TEST(a_program_that_closes_its_stdin_early_is_no_failure_and_no_signal)
{
    enum { BYTES = 1 << 20 };
    weft_output r;
    char *bytes = calloc(1, BYTES);
    WEFT_NEED(bytes != NULL);
    for (int i = 0; i < 20; i++) {
        WEFT_CHECK_EQ(weft_command_run(&r, SH("exec <&-; echo enough"), .input = (weft_str){ bytes, BYTES }), 0);
        WEFT_CHECK_STR(r.out, "enough\n");
    }
    sigset_t waiting;
    sigpending(&waiting);
    WEFT_CHECK(!sigismember(&waiting, SIGPIPE));
    free(bytes);
    return 0;
}

EPOLL_TEST(too_much_output_ends_it_and_too_much_stderr_is_cut)
{
    weft_output r;
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("yes"), .out_bytes_max = 1000), WEFT_ELIMIT);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_ELIMIT)->text), "yes wrote more than 1000 bytes to its stdout (out_bytes_max)");
    WEFT_CHECK(no_children());
    WEFT_CHECK_EQ(weft_command_run(&r, SH("echo 12345678 >&2; echo 123456 >&2; echo out"), .err_bytes_max = 12), 0);
    WEFT_CHECK_STR(r.err, "12345678\n123");
    WEFT_CHECK(r.err_cut);
    WEFT_CHECK_STR(r.out, "out\n");
    WEFT_CHECK_EQ(weft_command_run(&r, SH("printf 123456"), .out_bytes_max = 6), 0);
    WEFT_CHECK_STR(r.out, "123456");
    return 0;
}

EPOLL_TEST(text_of_a_program_that_must_succeed)
{
    weft_str text = WEFT_S("untouched");
    WEFT_CHECK_EQ(weft_command_text(&text, SH("echo wrong file >&2; exit 2")), WEFT_EFAILED);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_EFAILED)->text), "sh ended with status 2: wrong file");
    WEFT_CHECK_STR(text, "untouched");
    WEFT_CHECK_EQ(weft_command_text(&text, SH("kill -TERM $$")), WEFT_EFAILED);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_EFAILED)->text), "sh was ended by signal 15");
    WEFT_NEED(weft_command_text(&text, weft_argv("printf", "%s", "a b; *")) == 0);
    WEFT_CHECK_STR(text, "a b; *");
    return 0;
}

EPOLL_TEST(folder_and_environment_are_as_asked_for)
{
    weft_str text;
    const char *const env[] = { "WEFT_TEST_A=one", "HOME=/nowhere", NULL };
    setenv("WEFT_TEST_A", "before", 1);
    setenv("WEFT_TEST_B", "two", 1);
    WEFT_NEED(weft_command_text(&text, SH("pwd; echo $WEFT_TEST_A $WEFT_TEST_B $HOME"), .folder = "/tmp", .env = env) == 0);
    WEFT_CHECK_STR(text, "/tmp\none two /nowhere\n");
    WEFT_NEED(weft_command_text(&text, weft_argv("env"), .env = env) == 0);
    WEFT_CHECK(strstr(text.ptr, "WEFT_TEST_A=one\n") && !strstr(text.ptr, "before"));
    WEFT_NEED(weft_command_text(&text, SH("echo \"<$WEFT_TEST_A$WEFT_TEST_B>\""), .env_only = true) == 0);
    WEFT_CHECK_STR(text, "<>\n");
    return 0;
}

/* ---- what cannot be run ---- */

static void script(char path[64], const char *text, int mode)
{
    snprintf(path, 64, "%s/script", weft__test_folder(WEFT__ON_DISK));
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    WEFT_NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, (mode_t)mode) == 0);
    close(fd);
}

static void check_refused(const char *name, const char *folder, int code, const char *text)
{
    weft_output r;
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv(name), .folder = folder), code);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(code)->text), text);
}

EPOLL_TEST(what_cannot_be_run_is_told_clearly)
{
    char path[64], text[200];
    check_refused("fooo", NULL, WEFT_ENOENT, "cannot run 'fooo': no such program in PATH");
    check_refused("./fooo", NULL, WEFT_ENOENT, "cannot run './fooo': there is no such file");
    check_refused("", NULL, WEFT_ENOENT, "cannot run '': no such program in PATH");
    check_refused("/tmp", NULL, -EACCES, "cannot run '/tmp': it may not be executed");
    check_refused("sh", "/nowhere", WEFT_ENOENT, "cannot run 'sh' in '/nowhere': there is no such folder");
    check_refused("sh", "/etc/passwd", -ENOTDIR, "cannot run 'sh' in '/etc/passwd': there is no such folder");
    script(path, "#!/no/such/shell\n", 0700);
    snprintf(text, sizeof text, "cannot run '%s': the interpreter that its first line names is missing", path);
    check_refused(path, NULL, WEFT_ENOENT, text);
    unlink(path);
    script(path, "not a program\n", 0700);
    snprintf(text, sizeof text, "cannot run '%s': it is no program; a script begins with a line like #!/bin/sh", path);
    check_refused(path, NULL, -ENOEXEC, text);
    unlink(path);
    script(path, "#!/bin/sh\n", 0600);
    if (geteuid() == 0) WEFT_CHECK_EQ(chmod(path, 0600), 0);
    snprintf(text, sizeof text, "cannot run '%s': it may not be executed", path);
    check_refused(path, NULL, -EACCES, text);
    unlink(path);
    WEFT_CHECK(no_children());
    return 0;
}

EPOLL_TEST(path_is_that_of_the_program_and_what_may_not_run_there_is_told)
{
    const char *folder = weft__test_folder(WEFT__ON_DISK);
    char file[64], path[80];
    weft_str text;
    snprintf(file, sizeof file, "%s/tool", folder);
    snprintf(path, sizeof path, "PATH=::/nowhere:%s", folder);
    const char *const env[] = { path, NULL };
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    WEFT_NEED(fd >= 0 && write(fd, "#!/bin/sh\necho tool\n", 20) == 20);
    close(fd);
    WEFT_CHECK_EQ(weft_command_text(&text, weft_argv("tool"), .env = env), -EACCES);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(-EACCES)->text), "cannot run 'tool': what PATH has by that name may not be executed");
    WEFT_CHECK_EQ(chmod(file, 0700), 0);
    WEFT_NEED(weft_command_text(&text, weft_argv("tool"), .env = env) == 0);
    WEFT_CHECK_STR(text, "tool\n");
    WEFT_CHECK_EQ(weft_command_text(&text, weft_argv("tool")), WEFT_ENOENT);
    return 0;
}

EPOLL_TEST(options_that_make_no_sense_are_refused)
{
    weft_output r;
    WEFT_COMMAND(c);
    const char *const none[] = { NULL };
    WEFT_CHECK_EQ(weft_command_run(&r, none), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("true"), .out = WEFT_STDIO_TO_OUT), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("true"), .out = WEFT_STDIO_PIPED), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("true"), .in = WEFT_STDIO_NULL, .input = WEFT_S("x")), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("true"), .timeout_ms = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_command_start(&c, weft_argv("true"), .out = WEFT_STDIO_CAPTURED), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_command_start(&c, weft_argv("true"), .input = WEFT_S("x")), WEFT_EINVAL);
    WEFT_CHECK(c == NULL && no_children());
    return 0;
}

/* ---- ends ---- */

EPOLL_TEST(a_program_that_takes_too_long_is_ended)
{
    weft_output r;
    int64_t began = world_real_ms();
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("sleep", "100"), .timeout_ms = 50), WEFT_ETIMEDOUT);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_ETIMEDOUT)->text), "sleep did not end within 50 ms");
    WEFT_CHECK(world_real_ms() - began < 1900);
    WEFT_CHECK(no_children());
    return 0;
}

EPOLL_TEST(one_that_ignores_sigterm_is_killed_after_its_grace)
{
    weft_output r;
    int64_t began = world_real_ms();
    WEFT_CHECK_EQ(weft_command_run(&r, SH("trap '' TERM; while :; do sleep 0.05; done"), .timeout_ms = 200, .grace_ms = 200), WEFT_ETIMEDOUT);
    WEFT_CHECK(world_real_ms() - began >= 400);
    WEFT_CHECK(no_children());
    return 0;
}

static int run_sleep(const int *ms)
{
    weft_output r;
    (void)ms;
    return weft_command_run(&r, weft_argv("sleep", "100"));
}

EPOLL_TEST(a_cancel_ends_the_program_and_waits_for_it)
{
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, run_sleep, &(int){ 0 });
    WEFT_TRY(weft_sleep_ms(100));
    WEFT_CHECK(!no_children());
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK(no_children());
    return 0;
}

EPOLL_TEST(in_a_cancelled_scope_nothing_is_started)
{
    weft_output r;
    WEFT_SCOPE(s);
    weft_cancel(s);
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("true")), WEFT_ECANCELED);
    WEFT_CHECK(no_children());
    return 0;
}

static int pid_in(weft_str text) { return atoi(text.ptr); }

EPOLL_TEST(what_a_program_leaves_behind_does_not_hold_up_its_result)
{
    weft_output r;
    int64_t began = world_real_ms();
    WEFT_NEED(weft_command_run(&r, SH("sleep 30 & echo $!")) == 0);
    WEFT_CHECK(world_real_ms() - began < 5000);
    WEFT_CHECK_EQ(r.exit.status, 0);
    WEFT_NEED(pid_in(r.out) > 1);
    WEFT_CHECK_EQ(kill(pid_in(r.out), SIGKILL), 0);
    WEFT_CHECK(goes(pid_in(r.out)));
    return 0;
}

/* Its stdin stays open and nobody reads it: what it was not given is nobody's any more. */
EPOLL_TEST(input_that_nobody_reads_any_more_does_not_hold_up_the_loop)
{
    weft_output r;
    char *much = weft_alloc(1 << 20);
    WEFT_NEED(much);
    int64_t began = world_real_ms();
    WEFT_NEED(weft_command_run(&r, SH("exec 3<&0; sleep 20 & echo $!"), .input = { much, 1 << 20 }) == 0);
    WEFT_CHECK(world_real_ms() - began < 5000);
    WEFT_CHECK_EQ(r.exit.status, 0);
    WEFT_NEED(pid_in(r.out) > 1);
    WEFT_CHECK_EQ(kill(pid_in(r.out), SIGKILL), 0);
    WEFT_CHECK(goes(pid_in(r.out)));
    return 0;
}

EPOLL_TEST(what_a_program_leaves_behind_may_write_without_end)
{
    weft_output r;
    int64_t began = world_real_ms();
    WEFT_NEED(weft_command_run(&r, SH("yes >&2 & echo $!"), .timeout_ms = 10000) == 0);
    int64_t took = world_real_ms() - began;
    WEFT_CHECK(took >= 900 && took < 5000);
    WEFT_CHECK(r.err_cut);
    WEFT_NEED(pid_in(r.out) > 1);
    WEFT_CHECK(goes(pid_in(r.out)));                 /* of SIGPIPE */
    return 0;
}

EPOLL_TEST(of_a_group_nothing_is_left)
{
    weft_output r;
    WEFT_NEED(weft_command_run(&r, SH("sleep 30 & echo $!"), .group = true) == 0);
    WEFT_NEED(pid_in(r.out) > 1);
    WEFT_CHECK(goes(pid_in(r.out)));
    WEFT_COMMAND(c);
    weft_str line;
    WEFT_NEED(weft_command_start(&c, SH("sleep 30 & echo $!; wait"), .group = true) == 0);
    WEFT_NEED(weft_conn_line(c->out, &line) == 1);
    int pid = pid_in(line);
    weft_command_free(c);
    c = NULL;
    WEFT_CHECK(goes(pid));
    WEFT_CHECK(no_children());
    return 0;
}

EPOLL_TEST(its_end_may_be_told_to_somebody_else)
{
    weft_output r;
    signal(SIGCHLD, SIG_IGN);
    WEFT_CHECK_EQ(weft_command_run(&r, weft_argv("true")), -ECHILD);
    WEFT_CHECK(strstr(weft_error_of(-ECHILD)->text, "is SIGCHLD ignored?") != NULL);
    signal(SIGCHLD, SIG_DFL);
    return 0;
}

/* ---- a running one ---- */

EPOLL_TEST(a_conversation_with_a_program)
{
    weft_exit how;
    weft_str line;
    WEFT_COMMAND(c);
    WEFT_NEED(weft_command_start(&c, weft_argv("cat"), .in = WEFT_STDIO_PIPED) == 0);
    for (int i = 0; i < 100; i++) {
        char expected[20];
        snprintf(expected, sizeof expected, "line %d", i);
        WEFT_NEED(weft_conn_print(c->in, "line %d\n", i) == 0);
        WEFT_NEED(weft_conn_line(c->out, &line) == 1);
        WEFT_CHECK_STR(line, expected);
    }
    weft_conn_close(c->in);
    WEFT_CHECK_EQ(weft_conn_line(c->out, &line), 0);
    WEFT_CHECK_EQ(weft_conn_line(c->err, &line), 0);
    WEFT_CHECK_EQ(weft_command_wait(c, &how), 0);
    WEFT_CHECK_EQ(how.status, 0);
    WEFT_CHECK_EQ(weft_command_wait(c, &how), 0);
    WEFT_CHECK_EQ(weft_command_signal(c, SIGTERM), 0);
    WEFT_CHECK(no_children());
    return 0;
}

EPOLL_TEST(its_input_is_ended_as_that_of_a_connection)
{
    weft_str all;
    WEFT_COMMAND(c);
    WEFT_NEED(weft_command_start(&c, weft_argv("sort"), .in = WEFT_STDIO_PIPED) == 0);
    WEFT_CHECK_EQ(weft_conn_write(c->in, WEFT_S("b\na\n")), 0);
    WEFT_CHECK_EQ(weft_conn_end(c->in), 0);
    WEFT_CHECK_EQ(weft_conn_write(c->in, WEFT_S("c\n")), WEFT_ECLOSED);
    WEFT_CHECK_EQ(weft_conn_exactly(c->out, 4, &all), 1);
    WEFT_CHECK_STR(all, "a\nb\n");
    return 0;
}

EPOLL_TEST(lines_are_read_while_it_runs_and_it_is_ended_at_the_end_of_the_block)
{
    int pid;
    {
        weft_str line;
        WEFT_COMMAND(c);
        WEFT_NEED(weft_command_start(&c, weft_argv("yes", "a line")) == 0);
        pid = c->pid;
        for (int i = 0; i < 10000; i++) {
            WEFT_NEED(weft_conn_line(c->out, &line) == 1);
            WEFT_NEED(line.len == 6);
        }
        WEFT_CHECK(!is_gone(pid));
    }
    WEFT_CHECK(is_gone(pid));
    return 0;
}

EPOLL_TEST(a_write_to_one_that_has_gone_is_told_and_no_signal)
{
    weft_exit how;
    WEFT_COMMAND(c);
    WEFT_NEED(weft_command_start(&c, weft_argv("true"), .in = WEFT_STDIO_PIPED) == 0);
    WEFT_CHECK_EQ(weft_command_wait(c, &how), 0);
    WEFT_CHECK_EQ(weft_conn_write(c->in, WEFT_S("anybody?")), WEFT_ECONNRESET);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_ECONNRESET)->text), "writing to stdin of true: connection broken off by the peer");
    return 0;
}

static int wait_for(weft_command *const *c, weft_exit *how) { return weft_command_wait(*c, how); }

EPOLL_TEST(its_end_is_waited_for_by_one_task_and_a_cancel_lets_it_run)
{
    weft_exit how = { 0, 0 }, second;
    WEFT_COMMAND(c);
    WEFT_NEED(weft_command_start(&c, weft_argv("sleep", "100")) == 0);
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, wait_for, &c, &how);
    world_turn();
    WEFT_CHECK_EQ(weft_command_wait(c, &second), WEFT_EBUSY);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK(!is_gone(c->pid));
    t = weft_spawn(s, wait_for, &c, &how);
    WEFT_CHECK_EQ(weft_command_signal(c, SIGUSR1), 0);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(how.signal, SIGUSR1);
    return 0;
}

EPOLL_TEST(one_that_is_freed_while_a_task_waits_for_it_is_ended)
{
    weft_exit how;
    weft_command *c;
    WEFT_NEED(weft_command_start(&c, weft_argv("sleep", "100")) == 0);
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, wait_for, &c, &how);
    world_turn();
    weft_command_free(c);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECLOSED);
    WEFT_CHECK(no_children());
    return 0;
}

/* ---- what it inherits ---- */

EPOLL_TEST(a_program_has_no_descriptor_of_ours_and_the_signals_as_usual)
{
    weft_str text;
    int open_here = open("/dev/null", O_RDONLY);             /* without O_CLOEXEC, as a careless program has it */
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);
    WEFT_NEED(weft_command_text(&text, weft_argv("ls", "/proc/self/fd")) == 0);
    WEFT_CHECK_STR(text, "0\n1\n2\n3\n");                   /* 3: the folder that it reads */
    WEFT_NEED(weft_command_text(&text, weft_argv("grep", "-E", "SigBlk|SigIgn", "/proc/self/status")) == 0);
    unsigned long long blocked_there = 1, ignored_there = 1ULL << (SIGPIPE - 1);
    WEFT_CHECK_EQ(sscanf(text.ptr, "SigBlk: %llx SigIgn: %llx", &blocked_there, &ignored_there), 2);
    WEFT_CHECK_EQ(blocked_there, 0);
    WEFT_CHECK_EQ(ignored_there & 1ULL << (SIGPIPE - 1), 0);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(open_here);
    return 0;
}

/* Standard streams that are closed here: the child's must not be mixed up with the pipes that take their numbers. */
static int without_streams(void)
{
    weft_output r;
    int kept[3] = { dup(0), dup(1), dup(2) };
    for (int fd = 0; fd < 3; fd++) close(fd);
    int rc = weft_command_run(&r, SH("cat; echo err >&2"), .input = WEFT_S("in"));
    for (int fd = 0; fd < 3; fd++) {
        dup2(kept[fd], fd);
        close(kept[fd]);
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_STR(r.out, "in");
    WEFT_CHECK_STR(r.err, "err\n");
    return 0;
}

EPOLL_TEST(pipes_do_not_take_the_place_of_closed_streams) { return without_streams(); }

/* ---- many ---- */

static int run_true(const int *n)
{
    weft_output r;
    for (int i = 0; i < *n; i++) {
        WEFT_TRY(weft_command_run(&r, weft_argv("true")));
        WEFT_CHECK_EQ(r.exit.status, 0);
    }
    return 0;
}

/* 10 000 with WEFT_COMMAND_RUNS=10000. */
EPOLL_TEST(many_runs_leave_nothing_behind)
{
    enum { AT_ONCE = 8 };
    const char *asked = getenv("WEFT_COMMAND_RUNS");
    int each = (asked ? atoi(asked) : 400) / AT_ONCE;
    WEFT_CHECK_EQ(run_true(&(int){ 3 }), 0);
    long fds = world_fds(), rss = world_rss_kib();
    {
        WEFT_TEMP;
        WEFT_SCOPE(s);
        for (int i = 0; i < AT_ONCE; i++) weft_spawn(s, run_true, &each);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK_EQ(world_fds(), fds);
    WEFT_CHECK(no_children());
    if (!WORLD_SANITIZED) WEFT_CHECK(world_rss_kib() - rss < 4096);
    return 0;
}

/* Each allocation of a run fails once: a code, and neither memory nor child nor descriptor is left. */
static int converse(void)
{
    weft_output r;
    WEFT_TRY(weft_command_run(&r, weft_argv("cat"), .input = WEFT_S("some text"), .grace_ms = -1));
    WEFT_CHECK_STR(r.out, "some text");
    return 0;
}

WEFT_TEST(without_memory_a_run_fails_and_leaves_nothing)
{
    bool failed = true;
    long fds = world_fds();
    for (long i = 0; failed; i++) {
        world_open_epoll();
        world_mem.failures = 0;
        world_mem.fail_after = i;
        int rc = world_run(weft_call(converse));
        world_mem.fail_after = -1;
        failed = world_mem.failures > 0;
        if (!failed) WEFT_CHECK_EQ(rc, 0);
        WEFT_CHECK(no_children());
        world_close();
        WEFT_CHECK_EQ(world_mem.blocks, 0);
        WEFT_CHECK_EQ(world_fds(), fds);
        WEFT_NEED(i < 200);
    }
}
