/* The limit: asks, answers with bytes that were made beforehand, and looks at nothing but the request id.
   Usage: sender HOST PORT COUNT CHUNK: an answer has COUNT chunks; CHUNK is their text, or how many x in each. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[1 << 16];

static void send_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t sent = write(fd, data, size);
        if (sent <= 0) exit(0);
        data += sent, size -= sent;
    }
}

/* A whole reply, into `buffer`. */
static void reply(int fd) {
    size_t size = 0;
    for (;;) {
        ssize_t got = read(fd, buffer + size, sizeof buffer - 1 - size);
        if (got <= 0) exit(0);
        buffer[size += got] = 0;
        char *blank = strstr(buffer, "\r\n\r\n"), *length = strstr(buffer, "Content-Length: ");
        if (blank && length && size >= (size_t)(blank + 4 - buffer) + strtoul(length + 16, 0, 10)) return;
    }
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    size_t count = strtoul(argv[3], 0, 10), chunk = strtoul(argv[4], 0, 10);
    const char *text = chunk ? NULL : argv[4];
    if (text) chunk = strlen(text);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) return 1;

    static const char prelude[] = "{\"statusCode\":200,\"headers\":{\"content-type\":\"application/octet-stream\"}}\0\0\0\0\0\0\0\0";
    char opening[256], head[1024];
    size_t prelude_size = sizeof prelude - 1;
    int at = sprintf(opening, "%zx\r\n", prelude_size);
    memcpy(opening + at, prelude, prelude_size), memcpy(opening + at + prelude_size, "\r\n", 2);
    size_t opening_size = at + prelude_size + 2;

    char *framed = malloc(chunk + 64);
    size_t framed_size = sprintf(framed, "%zx\r\n", chunk);
    memset(framed + framed_size, 'x', chunk), memcpy(framed + framed_size + chunk, "\r\n", 2);
    if (text) memcpy(framed + framed_size, text, chunk);
    framed_size += chunk + 2;
    char *small = malloc(2048 + framed_size);

    for (;;) {
        static const char next[] = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";
        send_all(fd, next, sizeof next - 1);
        reply(fd);
        int size = sprintf(head,
            "POST /2018-06-01/runtime/invocation/%.36s/response HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: application/vnd.awslambda.http-integration-response\r\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n",
            strstr(buffer, "Request-Id: ") + 12);
        if (count == 1) { /* all in one write */
            memcpy(small, head, size), memcpy(small + size, opening, opening_size);
            memcpy(small + size + opening_size, framed, framed_size);
            memcpy(small + size + opening_size + framed_size, "0\r\n\r\n", 5);
            send_all(fd, small, size + opening_size + framed_size + 5);
        } else {
            send_all(fd, head, size), send_all(fd, opening, opening_size);
            for (size_t i = 0; i < count; i++) send_all(fd, framed, framed_size);
            send_all(fd, "0\r\n\r\n", 5);
        }
        reply(fd);
    }
}
