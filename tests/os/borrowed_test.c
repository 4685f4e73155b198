/* A library's socket: a descriptor of our own for it, what it has to tell, its end. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "os/borrowed.h"
#include "weft/check.h"

WEFT_TEST(a_borrowed_socket_tells_of_bytes_and_of_its_end)
{
    int ends[2];
    bool over;
    WEFT_NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    int mine = weft__borrowed_take(ends[0]);
    WEFT_NEED(mine > 2 && mine != ends[0]);
    WEFT_CHECK(fcntl(mine, F_GETFD) & FD_CLOEXEC);
    weft__borrowed_keep_alive(mine);
    WEFT_CHECK(!weft__borrowed_tells(mine, &over) && !over);
    WEFT_CHECK_EQ(write(ends[1], "x", 1), 1);
    WEFT_CHECK(weft__borrowed_tells(mine, &over) && !over);
    WEFT_CHECK_EQ(weft__borrowed_unread(mine), 1);
    WEFT_CHECK_EQ(weft__borrowed_unread(-1), 0);
    close(ends[1]);
    WEFT_CHECK(weft__borrowed_tells(mine, &over) && over);
    close(ends[0]);
    WEFT_CHECK(weft__borrowed_tells(mine, &over));   /* its own one is still open */
    weft__borrowed_give(mine);
    WEFT_CHECK(weft__borrowed_tells(mine, &over) && over);
}

WEFT_TEST(a_borrowed_socket_takes_until_it_is_full_and_tells_meanwhile)
{
    static char bytes[8192];
    int ends[2];
    bool tells = true;
    WEFT_NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    WEFT_CHECK(weft__borrowed_takes(ends[0], &tells) && !tells);
    WEFT_CHECK(write(ends[1], "x", 1) == 1 && weft__borrowed_takes(ends[0], &tells) && tells);
    int n = 0;
    while (n < 10000 && weft__borrowed_takes(ends[0], &tells)) {
        if (!WEFT_CHECK_EQ(write(ends[0], bytes, sizeof bytes), (ssize_t)sizeof bytes)) break;       /* all of it, whenever it is said to take some */
        n++;
    }
    WEFT_CHECK(n > 0 && n < 10000 && tells);
    close(ends[1]);
    (void)weft__borrowed_takes(ends[0], &tells);
    WEFT_CHECK(tells);
    close(ends[0]);
}

WEFT_TEST(a_borrowed_socket_that_is_cut_ends_for_whoever_reads_it)
{
    int ends[2];
    char byte;
    WEFT_NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    int mine = weft__borrowed_take(ends[0]);
    WEFT_NEED(mine > 2);
    weft__borrowed_cut(mine);
    WEFT_CHECK_EQ(recv(ends[0], &byte, 1, MSG_DONTWAIT), 0);
    WEFT_CHECK_EQ(recv(ends[1], &byte, 1, MSG_DONTWAIT), 0);
    weft__borrowed_give(mine);
    close(ends[0]);
    close(ends[1]);
}

WEFT_TEST(a_borrowed_socket_gives_a_part_and_nothing_that_comes_meanwhile)
{
    int ends[2];
    char bytes[16];
    weft__borrowed_part p;
    WEFT_NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    WEFT_CHECK_EQ(weft__borrowed_read(ends[0], bytes, sizeof bytes), 0);
    WEFT_CHECK_EQ(write(ends[1], "onetwo", 6), 6);
    WEFT_CHECK_EQ(weft__borrowed_read(ends[0], bytes, 3), 3);
    WEFT_NEED(weft__borrowed_part_begin(&p, ends[0], bytes, 3));
    WEFT_CHECK_EQ(send(ends[1], "three", 5, MSG_NOSIGNAL), 5);
    WEFT_CHECK_EQ(recv(ends[0], bytes, sizeof bytes, 0), 3);
    WEFT_CHECK_EQ(recv(ends[0], bytes, sizeof bytes, 0), -1);        /* and waits for nothing */
    WEFT_CHECK_EQ(send(ends[0], "said", 4, MSG_NOSIGNAL), 4);
    WEFT_CHECK(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
    WEFT_NEED(weft__borrowed_part_end(&p) && !p.left);
    WEFT_CHECK_EQ(recv(ends[1], bytes, sizeof bytes, MSG_DONTWAIT), 4);
    WEFT_CHECK_EQ(recv(ends[0], bytes, sizeof bytes, MSG_DONTWAIT), 8);
    WEFT_NEED(weft__borrowed_part_begin(&p, ends[0], bytes, 8));
    WEFT_CHECK_EQ(recv(ends[0], bytes, 7, 0), 7);
    WEFT_CHECK(!weft__borrowed_part_end(&p));        /* one byte is lost */
    WEFT_CHECK_EQ(send(ends[1], "x", 1, MSG_NOSIGNAL), 1);
    WEFT_CHECK_EQ(recv(ends[0], bytes, sizeof bytes, MSG_DONTWAIT), 1);
    close(ends[0]);
    close(ends[1]);
}

WEFT_TEST(a_borrowed_socket_that_is_closed_in_the_middle_of_a_part_leaves_its_number_to_others)
{
    int ends[2], others[2];
    char byte;
    weft__borrowed_part p;
    WEFT_NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, others) == 0);
    WEFT_NEED(weft__borrowed_part_begin(&p, ends[0], "x", 1));
    WEFT_NEED(dup2(others[0], ends[0]) == ends[0]);
    WEFT_CHECK(weft__borrowed_part_end(&p) && p.left);
    WEFT_CHECK_EQ(recv(ends[1], &byte, 1, MSG_DONTWAIT), 0);         /* nobody else has it any more */
    WEFT_CHECK_EQ(write(others[1], "y", 1), 1);
    WEFT_CHECK_EQ(recv(ends[0], &byte, 1, MSG_DONTWAIT), 1);
    WEFT_CHECK(!weft__borrowed_part_begin(&p, -1, "x", 1));
    close(ends[0]);
    close(ends[1]);
    close(others[0]);
    close(others[1]);
}
