/* A sandbox is tried by doing what it forbids, in a process of its own. */
#define _GNU_SOURCE
#include "os/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "testing/folder.h"
#include "weft/check.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static char inside[128], outside[128];

/* What a deed fails with; 0: it does not. */
static int result(int rc) { return rc < 0 ? errno : 0; }

static int write_in(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600), rc = result(fd);
    if (fd >= 0) close(fd);
    return rc;
}

static void *in_a_thread(void *arg)
{
    *(int *)arg = write_in(outside, "thread");
    return NULL;
}

static int run_program(void)
{
    char *const argv[] = { "true", NULL }, *const none[] = { NULL };
    return result(execve("/bin/true", argv, none));
}

static void try_attributes(FILE *out, const char *path)
{
    struct timespec times[2] = { { 0 } };
    int fd = open(path, O_RDONLY), flags = 0;
    fprintf(out, "rights %d %d %d %d\n", result(chmod(path, 04777)), result(fchmod(fd, 0777)), result(fchmodat(AT_FDCWD, path, 0777, 0)),
        result((int)syscall(SYS_fchmodat2, AT_FDCWD, path, 0777, 0)));
    fprintf(out, "owner %d %d %d\n", result(chown(path, 1, 1)), result(lchown(path, 1, 1)), result(fchown(fd, 1, 1)));
    fprintf(out, "times %d %d\n", result(utimensat(AT_FDCWD, path, times, 0)), result(futimens(fd, times)));
    fprintf(out, "attributes %d %d %d\n", result(setxattr(path, "user.x", "1", 1, 0)), result(fsetxattr(fd, "user.x", "1", 1, 0)), result(removexattr(path, "user.x")));
    fprintf(out, "flags %d\n", result(ioctl(fd, FS_IOC_SETFLAGS, &flags)));
    close(fd);
}

/* Each line: what was done, and how it ended. */
static void try_all(FILE *out)
{
    char path[256];
    pthread_t thread;
    int of_thread = -1, sockets[2];
    fprintf(out, "exec %d\n", run_program());
    fprintf(out, "new file outside %d\n", write_in(outside, "new"));
    fprintf(out, "old file outside %d\n", write_in(outside, "old"));
    fprintf(out, "new file inside %d\n", write_in(inside, "new"));
    snprintf(path, sizeof path, "%s/old", outside);
    fprintf(out, "truncate outside %d\n", result(truncate(path, 0)));
    fprintf(out, "read and truncate outside %d %d\n", result(open(path, O_RDONLY | O_TRUNC)), result(open(path, O_ACCMODE | O_TRUNC)));
    try_attributes(out, path);
    fprintf(out, "remove outside %d\n", result(unlink(path)));
    fprintf(out, "folder outside %d\n", result(mkdir("/tmp/weft-sandbox-made", 0700)));
    fprintf(out, "read outside %d\n", result(open(path, O_RDONLY)));
    fprintf(out, "write nowhere %d\n", result(open("/dev/null", O_WRONLY)));
    fprintf(out, "mount %d\n", result((int)syscall(SYS_mount, "none", inside, "tmpfs", 0, NULL)));
    fprintf(out, "trace %d\n", result((int)ptrace(PTRACE_TRACEME, 0, NULL, NULL)));
    fprintf(out, "namespace %d\n", result(unshare(CLONE_NEWUSER)));
    pid_t made = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (made == 0) _exit(0);
    if (made > 0) waitpid(made, NULL, 0);
    fprintf(out, "cloned namespace %d\n", result(made));
    fprintf(out, "clone3 %d\n", result((int)syscall(SYS_clone3, NULL, 0)));
    fprintf(out, "uring %d\n", result((int)syscall(SYS_io_uring_setup, 1, NULL)));
    fprintf(out, "sockets %d\n", result(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets)));
    pid_t pid = fork();
    if (!pid) _exit(run_program() == EPERM ? 7 : 1);
    int status = 0;
    waitpid(pid, &status, 0);
    fprintf(out, "exec of a child %d\n", WEXITSTATUS(status));
    if (pthread_create(&thread, NULL, in_a_thread, &of_thread) == 0) pthread_join(thread, NULL);
    fprintf(out, "thread outside %d\n", of_thread);
}

static void in_a_process(const char *folders, int landlock_most, char *text, size_t room)
{
    int ends[2], status;
    size_t n = 0;
    WEFT_NEED(pipe(ends) == 0);
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        char why[256] = "";
        FILE *out = fdopen(ends[1], "w");
        if (weft__sandbox_of(folders, landlock_most, why) < 0) fprintf(out, "%s\n", why);
        else try_all(out);
        fflush(out);
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got; n + 1 < room && (got = read(ends[0], text + n, room - 1 - n)) > 0;) n += (size_t)got;
    text[n] = 0;
    close(ends[0]);
    WEFT_NEED(waitpid(pid, &status, 0) == pid);
}

static void make_folders(void)
{
    const char *own = weft__test_folder(WEFT__ON_DISK);
    snprintf(inside, sizeof inside, "%s/inside", own);
    snprintf(outside, sizeof outside, "%s/outside", own);
    WEFT_NEED(mkdir(inside, 0700) == 0 && mkdir(outside, 0700) == 0);
    WEFT_NEED(write_in(outside, "old") == 0);
}

/* Old kernels and qemu have neither. */
static bool has_sandboxes(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static void check_deeds(const char *folders, int landlock_most, int truncated, int read_and_truncated)
{
    char text[4096], expected[4096];
    in_a_process(folders, landlock_most, text, sizeof text);
    snprintf(expected, sizeof expected, "exec 1\nnew file outside 13\nold file outside 13\nnew file inside 0\ntruncate outside %d\nread and truncate outside %d %d\n"
        "rights 1 1 1 1\nowner 1 1 1\ntimes 1 1\nattributes 1 1 1\nflags 1\nremove outside 13\nfolder outside 13\n"
        "read outside 0\nwrite nowhere 0\nmount 1\ntrace 1\nnamespace 1\ncloned namespace 1\nclone3 38\nuring 1\nsockets 0\nexec of a child 7\nthread outside 13\n",
        truncated, read_and_truncated, read_and_truncated);
    WEFT_CHECK_STR(weft_str_of(text), expected);
}

WEFT_TEST(what_a_sandbox_forbids_fails_and_what_a_server_needs_does_not)
{
    enum { KNOWS_TRUNCATION = 3 };
    char text[4096], folders[256];
    if (!has_sandboxes()) WEFT_SKIP("this kernel has no Landlock");
    make_folders();
    snprintf(folders, sizeof folders, "%s, /nowhere", inside);
    in_a_process(folders, INT_MAX, text, sizeof text);
    WEFT_CHECK_STR(weft_str_of(text), "sandbox: folder '/nowhere': No such file or directory\n");
    snprintf(folders, sizeof folders, " %s ", inside);
    check_deeds(folders, KNOWS_TRUNCATION - 1, EPERM, EPERM);
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= KNOWS_TRUNCATION) check_deeds(folders, INT_MAX, EACCES, EACCES);
}

WEFT_TEST(who_becomes_another_user_cannot_come_back)
{
    char why[256] = "";
    int ends[2], status, words[4] = { 0 };
    const struct passwd *nobody = getpwnam("nobody");
    WEFT_CHECK_EQ(weft__become_user("no-such-user-here", why), WEFT_ENOENT);
    WEFT_CHECK_STR(weft_str_of(why), "user: nobody is called 'no-such-user-here'");
    if (geteuid() != 0 || !nobody) WEFT_SKIP("only root can become nobody");
    uid_t uid = nobody->pw_uid;
    WEFT_NEED(pipe(ends) == 0);
    pid_t pid = fork();
    if (!pid) {
        gid_t groups[32];
        int rc = weft__become_user("nobody", why);
        int said[4] = { rc, setuid(0), (int)getuid(), getgroups(32, groups) };
        _exit(write(ends[1], said, sizeof said) == sizeof said ? 0 : 1);
    }
    WEFT_NEED(read(ends[0], words, sizeof words) == sizeof words);
    WEFT_NEED(waitpid(pid, &status, 0) == pid);
    close(ends[0]);
    close(ends[1]);
    WEFT_CHECK_EQ(words[0], 0);
    WEFT_CHECK_EQ(words[1], -1);
    WEFT_CHECK_EQ(words[2], (int)uid);
    WEFT_CHECK(words[3] <= 1);
}
