/*
 * receive SOCKET: binds it, prints each datagram as libmtasts reads and writes it, a line each, or the code of what is wrong
 * with it; ends with its standard input.
 */
#define _GNU_SOURCE
#include <mtasts.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
    static uint8_t octets[65536];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (argc != 2 || receiver < 0 || strlen(argv[1]) >= sizeof name.sun_path)
        return 2;
    strcpy(name.sun_path, argv[1]);
    if (bind(receiver, (struct sockaddr *)&name, sizeof name) || chmod(argv[1], 0666))
        return 2;
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd fds[2] = {{receiver, POLLIN, 0}, {0, POLLIN, 0}};
        mtasts_datagram *datagram = NULL;
        mtasts_text *json = NULL;
        mtasts_error *error = NULL;
        ssize_t len;
        if (poll(fds, 2, -1) < 0)
            return 2;
        if (!(fds[0].revents & POLLIN))
            return 0;
        len = recv(receiver, octets, sizeof octets, 0);
        if (len < 0)
            return 2;
        if (mtasts_datagram_parse(octets, (size_t)len, &datagram, &error) || mtasts_datagram_json(datagram, &json, &error))
            puts(mtasts_error_code(error));
        else
            puts(mtasts_text_string(json));
        fflush(stdout);
        mtasts_error_free(error);
        mtasts_text_free(json);
        mtasts_datagram_free(datagram);
    }
}
