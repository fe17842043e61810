/* SPDX-License-Identifier: Apache-2.0 */
/* Requests a second: the HTTP server against the least that can be done with the same libraries, a libuv loop that runs
 * llhttp over what comes and writes a ready answer of the same bytes. Both are asked in turns by the same client, over
 * loopback, in one run; what counts is the ratio. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <llhttp/llhttp.h>
#include <uv.h>

#include "event/loop.h"
#include "net/http_server.h"

enum { CONNECTIONS = 32, ROUNDS = 5, ANSWER_BYTES = 16 * 1024 };

static const char request[] =
    "GET /master/health?jsonp=x HTTP/1.1\r\nHost: 127.0.0.1:5050\r\nUser-Agent: curl/7.88.1\r\n"
    "Accept: application/json\r\n\r\n";
static const char body[] = "{\"version\":\"1.11.0\",\"git_sha\":\"04bc7ee1984d86fbb0bd782ccc69ce44c13ae4b9\","
                           "\"build_time\":1606232317.0,\"build_user\":\"ubuntu\"}";

static int64_t now_ns(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "bench_http: %s\n", what);
    exit(1);
}

/* Our server */

struct our_server {
    struct loop *loop;
    struct http_server *server;
    pthread_t thread;
    uint16_t port;
};

static void on_request(struct http_exchange *exchange, void *user) {
    http_respond(exchange, 200, "application/json", body, sizeof(body) - 1);
}

static void *run_ours(void *user) {
    struct our_server *ours = user;

    loop_run(ours->loop);
    return NULL;
}

static void start_ours(struct our_server *ours) {
    static const struct http_server_handler handler = {.on_request = on_request};
    struct address any = address_tcp("127.0.0.1", 0);

    ours->loop = loop_new(NULL);
    if (ours->loop == NULL)
        fail("no loop");
    ours->server = http_server_new(loop_env(ours->loop), NULL, &handler, NULL);
    if (http_server_listen(ours->server, &any, NULL) < 0)
        fail("can not listen");
    ours->port = http_server_address(ours->server)->port;
    if (pthread_create(&ours->thread, NULL, run_ours, ours) != 0)
        fail("no thread");
}

static void on_stop_ours(void *user) {
    struct our_server *ours = user;

    http_server_free(ours->server);
    loop_stop(ours->loop);
}

static void stop_ours(struct our_server *ours) {
    loop_post(ours->loop, on_stop_ours, ours);
    pthread_join(ours->thread, NULL);
    loop_free(ours->loop);
}

/* The bare loop */

struct bare_server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_async_t stop;
    pthread_t thread;
    uint16_t port;
    llhttp_settings_t settings;
    char input[64 * 1024];
    char answer[ANSWER_BYTES];
    size_t answer_size;
};

struct bare_connection {
    uv_tcp_t tcp;
    struct bare_server *server;
    llhttp_t parser;
    size_t answers; /* due for the block being parsed */
};

struct bare_write {
    uv_write_t write;
    char bytes[];
};

static int on_bare_message(llhttp_t *parser) {
    struct bare_connection *connection = parser->data;

    connection->answers++;
    return 0;
}

static void on_bare_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret) {
    struct bare_connection *connection = handle->data;

    *ret = uv_buf_init(connection->server->input, sizeof(connection->server->input));
}

static void on_bare_written(uv_write_t *write, int status) {
    free(write);
}

static void on_bare_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void on_bare_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *input) {
    struct bare_connection *connection = stream->data;
    struct bare_server *server = connection->server;
    struct bare_write *write;
    uv_buf_t output;
    int written;

    if (size < 0) {
        uv_close((uv_handle_t *)stream, on_bare_closed);
        return;
    }
    connection->answers = 0;
    if (llhttp_execute(&connection->parser, input->base, (size_t)size) != HPE_OK)
        fail("the bare loop does not understand a request");
    write = xmalloc(sizeof(*write) + connection->answers * server->answer_size);
    for (size_t i = 0; i < connection->answers; i++)
        memcpy(write->bytes + i * server->answer_size, server->answer, server->answer_size);
    output = uv_buf_init(write->bytes, (unsigned)(connection->answers * server->answer_size));
    written = uv_try_write(stream, &output, 1);
    if (written == (int)output.len) {
        free(write);
        return;
    }
    if (written > 0) {
        output.base += written;
        output.len -= (size_t)written;
    }
    uv_write(&write->write, stream, &output, 1, on_bare_written);
}

static void on_bare_connection(uv_stream_t *listener, int status) {
    struct bare_server *server = listener->data;
    struct bare_connection *connection = new0(struct bare_connection);

    connection->server = server;
    connection->tcp.data = connection;
    uv_tcp_init(&server->loop, &connection->tcp);
    uv_accept(listener, (uv_stream_t *)&connection->tcp);
    uv_tcp_nodelay(&connection->tcp, 1);
    llhttp_init(&connection->parser, HTTP_REQUEST, &server->settings);
    connection->parser.data = connection;
    uv_read_start((uv_stream_t *)&connection->tcp, on_bare_alloc, on_bare_read);
}

static void on_bare_stop(uv_async_t *stop) {
    uv_stop(stop->loop);
}

static void *run_bare(void *user) {
    struct bare_server *server = user;

    uv_run(&server->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void start_bare(struct bare_server *server, const char *answer, size_t answer_size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int size = sizeof(address);

    memcpy(server->answer, answer, answer_size);
    server->answer_size = answer_size;
    llhttp_settings_init(&server->settings);
    server->settings.on_message_complete = on_bare_message;
    uv_loop_init(&server->loop);
    uv_async_init(&server->loop, &server->stop, on_bare_stop);
    uv_tcp_init(&server->loop, &server->listener);
    server->listener.data = server;
    if (uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&server->listener, 128, on_bare_connection) != 0 ||
        uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &size) != 0)
        fail("the bare loop can not listen");
    server->port = ntohs(address.sin_port);
    if (pthread_create(&server->thread, NULL, run_bare, server) != 0)
        fail("no thread");
}

static void on_bare_walk(uv_handle_t *handle, void *user) {
    struct bare_server *server = user;

    if (!uv_is_closing(handle))
        uv_close(handle, handle == (uv_handle_t *)&server->listener || handle == (uv_handle_t *)&server->stop
                             ? NULL
                             : on_bare_closed);
}

static void stop_bare(struct bare_server *server) {
    uv_async_send(&server->stop);
    pthread_join(server->thread, NULL);
    uv_walk(&server->loop, on_bare_walk, server);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
}

/* The client: on each connection a batch of requests, then the next when all of it is answered. */

struct client {
    int fd;
    size_t missing; /* bytes of the batch's answers */
};

static int connect_to(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("can not connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* One answer as our server gives it. */
static size_t get_answer(uint16_t port, char answer[ANSWER_BYTES]) {
    int fd = connect_to(port);
    size_t size = 0;
    const char *end;

    if (write(fd, request, sizeof(request) - 1) != (ssize_t)sizeof(request) - 1)
        fail("can not send");
    do {
        ssize_t got = read(fd, answer + size, ANSWER_BYTES - 1 - size);

        if (got <= 0)
            fail("no answer");
        size += (size_t)got;
        answer[size] = '\0';
        end = strstr(answer, "\r\n\r\n");
    } while (end == NULL || (size_t)(end + 4 - answer) + sizeof(body) - 1 > size);
    close(fd);
    return size;
}

static void send_batch(struct client *client, const char *batch, size_t batch_size, size_t answers_size) {
    if (write(client->fd, batch, batch_size) != (ssize_t)batch_size)
        fail("can not send a batch");
    client->missing = answers_size;
}

/* Requests a second with @depth of them under way on each connection. */
static double measure(uint16_t port, size_t depth, size_t answer_size, int64_t duration_ns) {
    static char input[256 * 1024];
    struct client clients[CONNECTIONS];
    struct epoll_event events[CONNECTIONS];
    size_t batch_size = depth * (sizeof(request) - 1), answered = 0;
    cleanup_free char *batch = xmalloc(batch_size);
    cleanup_close int epoll = epoll_create1(EPOLL_CLOEXEC);
    int64_t start, now;

    for (size_t i = 0; i < depth; i++)
        memcpy(batch + i * (sizeof(request) - 1), request, sizeof(request) - 1);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};

        clients[i].fd = connect_to(port);
        epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
    }
    start = now = now_ns();
    for (size_t i = 0; i < CONNECTIONS; i++)
        send_batch(&clients[i], batch, batch_size, depth * answer_size);
    while (now - start < duration_ns) {
        int count = epoll_wait(epoll, events, CONNECTIONS, 1000);

        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            ssize_t got = read(client->fd, input, sizeof(input));

            if (got <= 0 || (size_t)got > client->missing)
                fail("an answer is not what it should be");
            client->missing -= (size_t)got;
            if (client->missing == 0) {
                answered += depth;
                send_batch(client, batch, batch_size, depth * answer_size);
            }
        }
        now = now_ns();
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        close(clients[i].fd);
    return (double)answered / ((double)(now - start) / SECOND);
}

static void compare(const struct our_server *ours, const struct bare_server *bare, size_t depth, int64_t duration_ns) {
    double best_ours = 0, best_bare = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double rate = measure(ours->port, depth, bare->answer_size, duration_ns);

        best_ours = rate > best_ours ? rate : best_ours;
        rate = measure(bare->port, depth, bare->answer_size, duration_ns);
        best_bare = rate > best_bare ? rate : best_bare;
    }
    printf(
        "http: %2zu requests under way on each of %d connections: %.0f/s, bare llhttp over libuv %.0f/s, ratio %.2f\n",
        depth, CONNECTIONS, best_ours, best_bare, best_ours / best_bare);
}

int main(int argc, char **argv) {
    int64_t duration_ns = argc > 1 ? strtol(argv[1], NULL, 10) * MILLISECOND : 500 * MILLISECOND;
    static struct bare_server bare;
    static char answer[ANSWER_BYTES];
    struct our_server ours;
    size_t answer_size;

    start_ours(&ours);
    answer_size = get_answer(ours.port, answer);
    start_bare(&bare, answer, answer_size);
    compare(&ours, &bare, 1, duration_ns);
    compare(&ours, &bare, 16, duration_ns);
    stop_bare(&bare);
    stop_ours(&ours);
    return 0;
}
