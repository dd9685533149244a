/*
 * Listens to what the kernel tells of the routes of a table and of nexthop
 * objects, and counts it; with `stamps` it keeps the time and prefix of each too.
 *
 *   route-stamps TABLE counts|stamps
 *
 * On stdin `counts` is answered by one line of JSON, once all that the kernel told
 * before is counted; `stamps FILE` writes `NANOSECONDS new|gone PREFIX` lines
 * (CLOCK_MONOTONIC, at reception) and answers `done`. `messages` are the requests
 * that made the changes: what one request caused bears its port and sequence number.
 */
#include "netlink.h"
#include <poll.h>

enum { RECEIVE_BUFFER = 512 << 20 };

struct stamp {
    uint64_t at;
    struct prefix prefix;
    char gone;
};

static struct {
    unsigned long added, replaced, deleted, nexthops, messages, lost;
} seen;
static struct stamp *stamps;
static size_t kept, room;
static int keeping, fd;
static uint32_t table;

static void keep(uint64_t at, struct nlmsghdr *message) {
    if (kept == room) {
        room = room ? room * 2 : 1 << 16;
        stamps = realloc(stamps, room * sizeof *stamps);
        if (!stamps) fail("memory");
    }
    struct rtmsg *route = NLMSG_DATA(message);
    struct rtattr *destination = attribute_of(message, RTA_DST);
    struct stamp *stamp = &stamps[kept++];
    memset(stamp, 0, sizeof *stamp);
    stamp->at = at;
    stamp->gone = message->nlmsg_type == RTM_DELROUTE;
    stamp->prefix.family = route->rtm_family;
    stamp->prefix.length = route->rtm_dst_len;
    if (destination) memcpy(stamp->prefix.address, RTA_DATA(destination), RTA_PAYLOAD(destination));
}

static void hear(uint64_t at, struct nlmsghdr *message) {
    static uint32_t port, sequence;
    switch (message->nlmsg_type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        if (table_of(message) != table) return;
        if (message->nlmsg_type == RTM_DELROUTE) seen.deleted++;
        else if (message->nlmsg_flags & NLM_F_REPLACE) seen.replaced++;
        else seen.added++;
        if (keeping) keep(at, message);
        break;
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
        seen.nexthops++;
        break;
    default:
        return;
    }
    if (message->nlmsg_pid != port || message->nlmsg_seq != sequence) seen.messages++;
    port = message->nlmsg_pid;
    sequence = message->nlmsg_seq;
}

static void drain(void) {
    static char bytes[1 << 16];
    for (;;) {
        ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        uint64_t at = now();
        if (got < 0 && errno == ENOBUFS) seen.lost++;
        else if (got < 0 && errno == EAGAIN) return;
        else if (got < 0) fail("recv");
        int left = (int)got;
        for (struct nlmsghdr *m = (void *)bytes; got > 0 && NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
            hear(at, m);
    }
}

static void write_stamps(const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) fail("%s", path);
    for (size_t i = 0; i < kept; i++) {
        char text[INET6_ADDRSTRLEN];
        inet_ntop(stamps[i].prefix.family, stamps[i].prefix.address, text, sizeof text);
        fprintf(file, "%llu %s %s/%u\n", (unsigned long long)stamps[i].at,
                stamps[i].gone ? "gone" : "new", text, stamps[i].prefix.length);
    }
    if (fclose(file)) fail("%s", path);
    kept = 0;
}

static void answer(void) {
    char line[512], file[400];
    if (!fgets(line, sizeof line, stdin)) exit(0);
    drain();
    if (sscanf(line, "stamps %399s", file) == 1) {
        write_stamps(file);
        puts("done");
    } else if (!strncmp(line, "counts", 6)) {
        printf("{\"added\":%lu,\"replaced\":%lu,\"deleted\":%lu,\"nexthops\":%lu,\"messages\":%lu,\"lost\":%lu}\n",
               seen.added, seen.replaced, seen.deleted, seen.nexthops, seen.messages, seen.lost);
    } else fail("no command: %s", line);
}

int main(int argc, char **argv) {
    if (argc != 3) fail("route-stamps TABLE counts|stamps");
    table = (uint32_t)strtoul(argv[1], NULL, 0);
    keeping = argv[2][0] == 's';
    fd = open_rtnetlink(RECEIVE_BUFFER);
    const int groups[] = {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof *groups))
            fail("membership");
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0);
    puts("ready");
    struct pollfd ends[] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    for (;;) {
        if (poll(ends, 2, -1) < 0) fail("poll");
        errno = 0;
        if (ends[0].revents) drain();
        if (ends[1].revents) answer();
    }
}
