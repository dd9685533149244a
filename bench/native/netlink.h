/* What the programs here share: rtnetlink sockets, the clock, prefixes in text. */
#ifndef BENCH_NETLINK_H
#define BENCH_NETLINK_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* An IPv4 address stands in the first four bytes. */
struct prefix {
    unsigned char address[16];
    unsigned char family, length;
};

__attribute__((noreturn, format(printf, 1, 2))) static inline void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fprintf(stderr, "%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

/* CLOCK_MONOTONIC, nanoseconds: the clock of process.hrtime in Node. */
static inline uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline size_t address_size(unsigned char family) { return family == AF_INET6 ? 16 : 4; }

static inline struct prefix parse_prefix(char *text) {
    struct prefix prefix = {0};
    char *slash = strchr(text, '/');
    if (!slash) fail("not a prefix: %s", text);
    *slash = 0;
    prefix.family = strchr(text, ':') ? AF_INET6 : AF_INET;
    prefix.length = (unsigned char)atoi(slash + 1);
    if (inet_pton(prefix.family, text, prefix.address) != 1) fail("not an address: %s", text);
    return prefix;
}

/* One prefix a line. */
static inline struct prefix *read_prefixes(const char *path, size_t *count) {
    FILE *file = fopen(path, "r");
    if (!file) fail("%s", path);
    size_t room = 1024, n = 0;
    struct prefix *all = malloc(room * sizeof *all);
    char line[64];
    while (all && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (n == room) all = realloc(all, (room *= 2) * sizeof *all);
        if (all) all[n++] = parse_prefix(line);
    }
    if (!all) fail("memory");
    fclose(file);
    *count = n;
    return all;
}

static inline int open_rtnetlink(int receive_buffer) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), on = 1;
    struct sockaddr_nl self = {.nl_family = AF_NETLINK};
    if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof self)) fail("netlink socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer))
        fail("SO_RCVBUFFORCE");
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    return fd;
}

/* Behind the message; the room is the caller's to know of. */
static inline void put(struct nlmsghdr *message, unsigned short type, const void *value, size_t size) {
    struct rtattr *attribute = (void *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(size);
    memcpy(RTA_DATA(attribute), value, size);
    message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

/* An attribute of a route message; null where there is none. */
static inline struct rtattr *attribute_of(struct nlmsghdr *message, unsigned short type) {
    struct rtmsg *route = NLMSG_DATA(message);
    int left = (int)RTM_PAYLOAD(message);
    for (struct rtattr *a = RTM_RTA(route); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == type) return a;
    return NULL;
}

static inline uint32_t table_of(struct nlmsghdr *message) {
    struct rtattr *table = attribute_of(message, RTA_TABLE);
    return table ? *(uint32_t *)RTA_DATA(table) : ((struct rtmsg *)NLMSG_DATA(message))->rtm_table;
}

#endif
