/* Makes each call that blocks, on a line of its own, and prints "CALL LINE" of what is to be told; for the script beside this
 * folder. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "weft.h"

static volatile long sink;
static volatile size_t some = 4;
static volatile bool silent;             /* what follows is not to be told */

/* The call is made after its name and line are printed. */
#define BLOCKS(what, call) do { if (!silent) dprintf(1, "%s %d\n", what, __LINE__); sink += (long)(call); } while (0)

static const char *path;                 /* of a file, as the first argument says */

static void sleeps(void)
{
    struct timespec t = { .tv_nsec = 1000 };
    BLOCKS("usleep", usleep(1));
    BLOCKS("sleep", sleep(0));
    BLOCKS("nanosleep", nanosleep(&t, NULL));
    BLOCKS("clock_nanosleep", clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL));
    BLOCKS("poll", poll(NULL, 0, 1));
    BLOCKS("select", select(0, NULL, NULL, NULL, &(struct timeval){ .tv_usec = 1 }));
}

static void descriptors_of(int fd, const char *of)
{
    char to[16];
    char name[64];
    struct iovec v = { to, 4 };
#define OF(call) (snprintf(name, sizeof name, "%s of a %s", call, of), name)
    BLOCKS(OF("write"), write(fd, "abcd", some));
    BLOCKS(OF("read"), read(fd, to, some));
    BLOCKS(OF("writev"), writev(fd, &v, 1));
    BLOCKS(OF("readv"), readv(fd, &v, 1));
}

static void files(void)
{
    char to[16], line[16];
    int fd;
    BLOCKS("open of a regular file", fd = open(path, O_RDWR | O_CLOEXEC));
    BLOCKS("write of a regular file", write(fd, "one\ntwo\n", 8));
    BLOCKS("pread of a regular file", pread(fd, to, some, 0));
    BLOCKS("pwrite of a regular file", pwrite(fd, "a", 1, 0));
    BLOCKS("read of a regular file", read(fd, to, some));
    BLOCKS("fsync of a regular file", fsync(fd));
    BLOCKS("fdatasync of a regular file", fdatasync(fd));
    BLOCKS("flock", flock(fd, LOCK_SH));
    sink += close(fd);
    FILE *f;
    BLOCKS("fopen of a regular file", (f = fopen(path, "r+")) != NULL);
    BLOCKS("fgets of a regular file", fgets(line, (int)some, f) != NULL);
    BLOCKS("fgetc of a regular file", fgetc(f));
    BLOCKS("fread of a regular file", fread(to, 1, some, f));
    char *text = NULL;
    size_t room = 0;
    BLOCKS("getline of a regular file", getline(&text, &room, f));
    free(text);
    sink += fseek(f, 0, SEEK_SET);
    BLOCKS("fprintf of a regular file", fprintf(f, "%zu", some));
    BLOCKS("fwrite of a regular file", fwrite("abcd", 1, some, f));
    BLOCKS("fputs of a regular file", fputs(path, f));
    BLOCKS("fputc of a regular file", fputc((int)some + 'a', f));
    BLOCKS("fflush of a regular file", fflush(f));
    BLOCKS("fclose of a regular file", fclose(f));
}

static void pipes_and_sockets(void)
{
    int two[2];
    sink += pipe(two);
    BLOCKS("write of a pipe", write(two[1], "abcd", some));
    char to[8];
    BLOCKS("read of a pipe", read(two[0], to, some));
    close(two[0]), close(two[1]);
    sink += socketpair(AF_UNIX, SOCK_STREAM, 0, two);
    BLOCKS("send of a blocking socket", send(two[0], "abcd", some, 0));
    BLOCKS("recv of a blocking socket", recv(two[1], to, some, 0));
    sink += send(two[1], "abcdefgh", 8, MSG_DONTWAIT);
    descriptors_of(two[0], "blocking socket");
    close(two[0]), close(two[1]);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    BLOCKS("connect of a blocking socket", connect(fd, (struct sockaddr *)&nobody, sizeof nobody));
    close(fd);
}

static void names_and_processes(void)
{
    struct addrinfo *list = NULL;
    BLOCKS("getaddrinfo", getaddrinfo("127.0.0.1", "80", &(struct addrinfo){ .ai_flags = AI_NUMERICHOST }, &list));
    freeaddrinfo(list);
    BLOCKS("gethostbyname", gethostbyname("127.0.0.1") != NULL);
    BLOCKS("system", system("true"));
    FILE *f;
    BLOCKS("popen", (f = popen("true", "r")) != NULL);
    BLOCKS("pclose", pclose(f));
    pid_t child = fork();
    if (!child) _exit(0);
    BLOCKS("waitpid", waitpid(child, NULL, 0));
}

/* Nothing of this may be told. */
static void what_never_blocks(void)
{
    char to[16], buffer[64];
    int two[2];
    sink += pipe2(two, O_NONBLOCK);
    sink += write(two[1], "abcd", some) + read(two[0], to, some) + read(two[0], to, some);
    close(two[0]), close(two[1]);
    sink += socketpair(AF_UNIX, SOCK_STREAM, 0, two);
    sink += send(two[0], "abcd", some, MSG_DONTWAIT) + recv(two[1], to, some, MSG_DONTWAIT);
    close(two[0]), close(two[1]);
    int null = open("/dev/null", O_RDWR), event = eventfd(0, EFD_NONBLOCK);
    sink += write(null, "abcd", some) + read(null, to, some) + read(event, to, 8);
    close(null), close(event);
    FILE *f = fmemopen(buffer, sizeof buffer, "w+");
    sink += fprintf(f, "%zu", some) + fflush(f);
    fclose(f);
    sink += poll(NULL, 0, 0) + waitpid(-1, NULL, WNOHANG);
    printf("%.*s", (int)some - 4, path);
    fprintf(stderr, "%.*s", (int)some - 4, path);
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
}

static void all(void)
{
    sleeps();
    files();
    pipes_and_sockets();
    names_and_processes();
}

static void *in_thread(void *arg)
{
    silent = true;
    all();
    return arg;
}

static int waits_well(void) { return weft_sleep_ms(5); }

static int program(void)
{
    what_never_blocks();
    WEFT_TRY(weft_gather(weft_call(waits_well), weft_call(waits_well)));
    for (int i = 0; i < 3; i++) {
        all();
        silent = true;                   /* the same places again: told once */
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    path = argv[1];
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    pthread_t t;
    silent = true;
    all();                               /* outside of tasks, as often as one likes */
    pthread_create(&t, NULL, in_thread, NULL);
    pthread_join(t, NULL);
    silent = false;
    int rc = weft_run(program);
    silent = true;
    all();
    return rc;
}
