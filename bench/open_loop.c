/* Load at a fixed rate over keep-alive connections: request i is due at start + i / rate, whatever came back before.
 *
 *   cc -std=gnu11 -O2 bench/open_loop.c -o open_loop
 *   ./open_loop PORT PATH BODIES RATE CONNECTIONS SECONDS PATIENCE DEADLINE
 *
 * BODIES is a file with one JSON body a line; they take turns.  A request that is due when all connections are busy waits
 * here, and its latency counts from when it was due: no coordinated omission.  One that has waited for PATIENCE seconds
 * is given up unsent, as a client with a time limit does.  Requests due in the first tenth of the time are not counted.
 *
 * Prints one JSON object: "due", "unsent" and "broken" (connection lost) requests, "status" (replies by status), and
 * of the replies with 200 and with 503 or 504 the latency in µs (from due to the last byte) at some percentiles, exact,
 * and "within", those not later than DEADLINE seconds.
 * "late" is how late this program itself was at worst, in µs, when a connection was free.  It spins: give it a core.
 */
#define _GNU_SOURCE /* memmem, asprintf */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_BODIES = 1024, MAX_CONNECTIONS = 16384, REPLY_BYTES = 16384, STATUSES = 600 };

typedef struct text {
    char *bytes;
    size_t size;
} text;

typedef struct connection {
    int fd;
    bool busy, counted;
    uint64_t due; /* of the request it carries, ns */
    const text *request;
    size_t sent, received;
    char reply[REPLY_BYTES];
} connection;

typedef struct latencies {
    float *us;
    size_t count;
} latencies;

typedef struct load {
    struct sockaddr_in address;
    int epoll;
    text requests[MAX_BODIES];
    size_t request_count;
    connection *connections;
    size_t connection_count;
    uint32_t *idle; /* stack of connections without a request */
    size_t idle_count;
    latencies accepted, refused;
    uint64_t status[STATUSES], due, unsent, broken, late_ns;
} load;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "open_loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fail("memory");
    }
    return memory;
}

static void read_requests(load *l, const char *path, const char *port, const char *bodies) {
    FILE *file = fopen(bodies, "r");
    if (file == NULL) {
        fail(bodies);
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    while (l->request_count < MAX_BODIES && (size = getline(&line, &room, file)) > 0) {
        size -= line[size - 1] == '\n';
        text *r = &l->requests[l->request_count++];
        int length = asprintf(&r->bytes,
                              "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/json\r\n"
                              "Content-Length: %zd\r\n\r\n%.*s",
                              path, port, size, (int)size, line);
        if (length < 0) {
            fail("memory");
        }
        r->size = (size_t)length;
    }
    free(line);
    fclose(file);
    if (l->request_count == 0) {
        fprintf(stderr, "open_loop: %s has no bodies\n", bodies);
        exit(1);
    }
}

static void open_connection(load *l, connection *c) {
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&l->address, sizeof l->address) != 0) {
        fail("connect");
    }
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(c - l->connections)};
    epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event);
    c->busy = false;
    l->idle[l->idle_count++] = (uint32_t)(c - l->connections);
}

static void reopen(load *l, connection *c) {
    l->broken += c->counted;
    close(c->fd);
    open_connection(l, c);
}

/* Sends what the socket takes; the rest when it takes more. */
static bool send_more(load *l, connection *c) {
    while (c->sent < c->request->size) {
        ssize_t n = send(c->fd, c->request->bytes + c->sent, c->request->size - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0) {
            return false;
        }
        c->sent += (size_t)n;
    }
    bool more = c->sent < c->request->size;
    struct epoll_event event = {.events = EPOLLIN | (more ? EPOLLOUT : 0), .data.u32 = (uint32_t)(c - l->connections)};
    if (more) {
        epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &event);
    }
    return true;
}

/* The size of the whole reply; 0 while its head is incomplete.  Only replies with a Content-Length are understood. */
static size_t reply_size(const connection *c) {
    const char *end = memmem(c->reply, c->received, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    for (const char *line = memmem(c->reply, c->received, "\r\n", 2); line != NULL && line < end;
         line = memmem(line + 2, (size_t)(end - line), "\r\n", 2)) {
        if (strncasecmp(line + 2, "content-length:", 15) == 0) {
            return (size_t)(end - c->reply) + 4 + strtoul(line + 17, NULL, 10);
        }
    }
    fprintf(stderr, "open_loop: a reply without Content-Length\n");
    exit(1);
}

static void note(latencies *list, uint64_t ns) {
    list->us[list->count++] = (float)((double)ns / 1e3);
}

/* Reads on; when the reply is complete, the connection is idle again.  False if it is broken. */
static bool receive(load *l, connection *c) {
    ssize_t n = recv(c->fd, c->reply + c->received, sizeof c->reply - 1 - c->received, 0);
    if (n < 0 && errno == EAGAIN) {
        return true;
    }
    if (n <= 0 || !c->busy) {
        return false;
    }
    c->received += (size_t)n;
    size_t size = reply_size(c);
    if (size >= sizeof c->reply) {
        return false;
    }
    if (size == 0 || c->received < size) {
        return true;
    }
    c->reply[c->received] = '\0';
    int status = atoi(c->reply + 9); /* after "HTTP/1.1 " */
    if (c->counted) {
        l->status[status > 0 && status < STATUSES ? status : 0]++;
        if (status == 200) {
            note(&l->accepted, now_ns() - c->due);
        } else if (status == 503 || status == 504) {
            note(&l->refused, now_ns() - c->due);
        }
    }
    c->busy = false;
    l->idle[l->idle_count++] = (uint32_t)(c - l->connections);
    return true;
}

static void handle_events(load *l) {
    struct epoll_event events[256];
    int n = epoll_wait(l->epoll, events, 256, 0);
    for (int i = 0; i < n; i++) {
        connection *c = &l->connections[events[i].data.u32];
        bool good = true;
        if (events[i].events & EPOLLOUT) {
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = events[i].data.u32};
            epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &event);
            good = send_more(l, c);
        }
        if (good && (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))) {
            good = receive(l, c);
        }
        if (!good && c->busy) {
            reopen(l, c);
        } else if (!good) { /* closed while idle: it is on the stack already */
            l->idle_count--;
            for (size_t k = 0; k < l->idle_count; k++) {
                if (l->idle[k] == events[i].data.u32) {
                    l->idle[k] = l->idle[l->idle_count];
                    break;
                }
            }
            c->counted = false;
            reopen(l, c);
        }
    }
}

static void start_request(load *l, uint64_t number, uint64_t due, bool counted) {
    connection *c = &l->connections[l->idle[--l->idle_count]];
    c->busy = true;
    c->counted = counted;
    c->due = due;
    c->request = &l->requests[number % l->request_count];
    c->sent = c->received = 0;
    if (!send_more(l, c)) {
        reopen(l, c);
    }
}

static void run(load *l, double rate, double seconds, double patience) {
    uint64_t start = now_ns() + 10000000u, total = (uint64_t)(rate * seconds), from = total / 10, next = 0;
    uint64_t patience_ns = (uint64_t)(patience * 1e9),
             stop = start + (uint64_t)((seconds + patience) * 1e9) + 2000000000u;
    bool was_idle = true; /* a connection has been free since the last look */
    while (next < total || l->idle_count < l->connection_count) {
        uint64_t now = now_ns();
        if (now > stop) {
            break; /* what has not come back by now never will */
        }
        while (next < total) {
            uint64_t due = start + (uint64_t)((double)next * 1e9 / rate);
            if (due > now) {
                break;
            }
            bool counted = next >= from;
            if (now - due > patience_ns) {
                l->unsent += counted;
            } else if (l->idle_count == 0) {
                was_idle = false;
                break;
            } else {
                if (was_idle && counted && now - due > l->late_ns) {
                    l->late_ns = now - due;
                }
                start_request(l, next, due, counted);
            }
            l->due += counted;
            next++;
        }
        if (next == total || start + (uint64_t)((double)next * 1e9 / rate) > now) {
            was_idle = true;
        }
        handle_events(l);
    }
    for (size_t i = 0; i < l->connection_count; i++) {
        l->broken += l->connections[i].busy && l->connections[i].counted;
    }
}

static int ascending(const void *a, const void *b) {
    float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

/* "within": how many came back within the deadline. */
static void print_latencies(const char *name, latencies *list, double deadline) {
    static const double shares[] = {0.5, 0.9, 0.99, 0.999, 1};
    static const char *const names[] = {"p50", "p90", "p99", "p999", "max"};
    qsort(list->us, list->count, sizeof *list->us, ascending);
    size_t within = 0;
    while (within < list->count && (double)list->us[within] <= deadline * 1e6) {
        within++;
    }
    printf(", \"%s\": {\"count\": %zu, \"within\": %zu", name, list->count, within);
    for (size_t i = 0; i < sizeof shares / sizeof *shares && list->count > 0; i++) {
        size_t at = (size_t)(shares[i] * (double)list->count);
        printf(", \"%s\": %.1f", names[i], (double)list->us[at < list->count ? at : list->count - 1]);
    }
    printf("}");
}

static void print_result(load *l, double deadline) {
    printf("{\"due\": %llu, \"unsent\": %llu, \"broken\": %llu, \"late\": %.1f, \"status\": {",
           (unsigned long long)l->due, (unsigned long long)l->unsent, (unsigned long long)l->broken,
           (double)l->late_ns / 1e3);
    const char *separator = "";
    for (int status = 0; status < STATUSES; status++) {
        if (l->status[status] > 0) {
            printf("%s\"%d\": %llu", separator, status, (unsigned long long)l->status[status]);
            separator = ", ";
        }
    }
    printf("}");
    print_latencies("accepted", &l->accepted, deadline);
    print_latencies("refused", &l->refused, deadline);
    printf("}\n");
}

int main(int count, char **arguments) {
    if (count != 9) {
        fprintf(stderr, "usage: open_loop PORT PATH BODIES RATE CONNECTIONS SECONDS PATIENCE DEADLINE\n");
        return 2;
    }
    static load l;
    double rate = atof(arguments[4]), seconds = atof(arguments[6]), patience = atof(arguments[7]);
    l.connection_count = (size_t)atoi(arguments[5]);
    if (rate <= 0 || seconds <= 0 || l.connection_count == 0 || l.connection_count > MAX_CONNECTIONS) {
        fprintf(stderr, "open_loop: rate, seconds and connections must be positive\n");
        return 2;
    }
    read_requests(&l, arguments[2], arguments[1], arguments[3]);
    l.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
    l.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l.epoll = epoll_create1(0);
    size_t most = (size_t)(rate * seconds) + 1;
    l.accepted.us = allocate(most, sizeof(float));
    l.refused.us = allocate(most, sizeof(float));
    l.idle = allocate(l.connection_count, sizeof *l.idle);
    l.connections = allocate(l.connection_count, sizeof *l.connections);
    for (size_t i = 0; i < l.connection_count; i++) {
        open_connection(&l, &l.connections[i]);
    }
    run(&l, rate, seconds, patience);
    print_result(&l, atof(arguments[8]));
    return 0;
}
