/*
 * The fastest way known to write routes: messages of a nexthop id each, many a
 * send, one acknowledgement a send. What rib2fib's kernel writer is held against.
 *
 *   bulk-routes FILE TABLE NEXTHOP_ID PROTOCOL MESSAGES_A_SEND
 *
 * FILE holds one prefix a line, read before the clock starts. Answers one line of
 * JSON: seconds from the first send to the last acknowledgement, and of processor.
 */
#include "netlink.h"
#include <sys/resource.h>

enum { MESSAGE_ROOM = 128 };

static double processor(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static size_t encode(char *at, const struct prefix *prefix, uint32_t table, uint32_t nexthop, int protocol) {
    struct nlmsghdr *message = (struct nlmsghdr *)at;
    memset(at, 0, NLMSG_LENGTH(sizeof(struct rtmsg)));
    message->nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg));
    message->nlmsg_type = RTM_NEWROUTE;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
    struct rtmsg *route = NLMSG_DATA(message);
    route->rtm_family = prefix->family;
    route->rtm_dst_len = prefix->length;
    route->rtm_protocol = (unsigned char)protocol;
    route->rtm_scope = RT_SCOPE_UNIVERSE;
    route->rtm_type = RTN_UNICAST;
    put(message, RTA_DST, prefix->address, address_size(prefix->family));
    put(message, RTA_TABLE, &table, sizeof table);
    put(message, RTA_NH_ID, &nexthop, sizeof nexthop);
    return message->nlmsg_len;
}

/* Everything that came for one send, which ends with the acknowledgement of its last message. */
static unsigned long failures(int fd, uint32_t last) {
    static char bytes[1 << 16];
    unsigned long failed = 0;
    for (;;) {
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got < 0) fail("recv");
        int left = (int)got;
        for (struct nlmsghdr *m = (void *)bytes; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
            if (m->nlmsg_type != NLMSG_ERROR) continue;
            if (((struct nlmsgerr *)NLMSG_DATA(m))->error) failed++;
            if (m->nlmsg_seq == last) return failed;
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 6) fail("bulk-routes FILE TABLE NEXTHOP_ID PROTOCOL MESSAGES_A_SEND");
    size_t prefixes;
    struct prefix *prefix = read_prefixes(argv[1], &prefixes);
    uint32_t table = (uint32_t)strtoul(argv[2], NULL, 0), nexthop = (uint32_t)strtoul(argv[3], NULL, 0);
    int protocol = atoi(argv[4]);
    size_t batch = strtoul(argv[5], NULL, 0);
    if (batch == 0) fail("no messages a send");
    char *bytes = malloc(batch * MESSAGE_ROOM);
    if (!bytes) fail("memory");
    int fd = open_rtnetlink((int)(batch * 1024));
    unsigned long failed = 0;
    errno = 0;
    double before = processor();
    uint64_t begin = now();
    for (size_t at = 0; at < prefixes;) {
        size_t used = 0, last = 0;
        for (size_t n = 0; n < batch && at < prefixes; n++, at++) {
            last = used;
            used += encode(bytes + used, &prefix[at], table, nexthop, protocol);
            ((struct nlmsghdr *)(bytes + last))->nlmsg_seq = (uint32_t)at + 1;
        }
        ((struct nlmsghdr *)(bytes + last))->nlmsg_flags |= NLM_F_ACK;
        if (send(fd, bytes, used, 0) != (ssize_t)used) fail("send");
        failed += failures(fd, (uint32_t)at);
    }
    uint64_t end = now();
    printf("{\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"failed\":%lu}\n", (double)(end - begin) / 1e9,
           processor() - before, failed);
    return 0;
}
