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
