/*
 * Watches a routing table by looking prefixes up in it, so that watching costs
 * next to nothing while the table fills. Run in the namespace of the table.
 *
 *   table-watch 4|6 TABLE MARK      a rule sends packets with MARK to TABLE
 *
 * One command a line on stdin, one answer a line on stdout. FILE holds prefixes
 * that nothing longer lies in, in an order that has nothing to do with that of
 * writing; a look-up that has succeeded is not repeated.
 *
 *   present FILE N MS   until all of FILE are unicast routes, and N routes are in the table
 *   absent FILE N MS    until none is, and at most N are
 *   via FILE IFINDEX MS until packets to all of them leave by that interface
 *   count
 *
 * Answers: `done NANOSECONDS COUNT` with CLOCK_MONOTONIC. N and COUNT are above
 * what was there at the start. IPv6 is counted for the whole namespace, which is
 * what the kernel counts without a walk; so only the count is looked at, and FILE is
 * not: a look-up of one of many IPv6 routes on a nexthop object answers with any of
 * them. What does not come true within MS ends
 * the program, which says how far it came.
 */
#include "netlink.h"

/* Between two looks: a five-hundredth of the time waited so far, within bounds. */
enum { PATIENCE = 500, SHORTEST_NS = 300000, LONGEST_NS = 20000000 };

static int fd;
static unsigned char family;
static uint32_t table, mark;
static long base;

static long count4(void) {
    FILE *file = fopen("/proc/self/net/fib_triestat", "r");
    if (!file) fail("fib_triestat");
    char line[256], label[32];
    if (table == RT_TABLE_MAIN) strcpy(label, "Main:");
    else snprintf(label, sizeof label, "Id %u:", table);
    long count = 0;
    int within = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] != '\t' && strchr(line, ':')) within = !strncmp(line, label, strlen(label));
        if (within) sscanf(line, " Prefixes: %ld", &count);
    }
    fclose(file);
    return count;
}

static long count6(void) {
    FILE *file = fopen("/proc/self/net/rt6_stats", "r");
    unsigned nodes, route_nodes, allocated, entries;
    if (!file || fscanf(file, "%x %x %x %x", &nodes, &route_nodes, &allocated, &entries) != 4)
        fail("rt6_stats");
    fclose(file);
    return entries;
}

static long count(void) { return (family == AF_INET ? count4() : count6()) - base; }

/* Looks up the first address but one of a prefix; the answer, or null where there is no route. */
static struct nlmsghdr *look_up(const struct prefix *prefix, unsigned flags) {
    static char request[256], answer[8192];
    size_t size = address_size(family);
    struct nlmsghdr *message = (struct nlmsghdr *)request;
    memset(request, 0, sizeof request);
    message->nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg));
    message->nlmsg_type = RTM_GETROUTE;
    message->nlmsg_flags = NLM_F_REQUEST;
    struct rtmsg *route = NLMSG_DATA(message);
    route->rtm_family = family;
    route->rtm_dst_len = (unsigned char)(size * 8);
    route->rtm_flags = flags;
    unsigned char address[16];
    memcpy(address, prefix->address, sizeof address);
    address[size - 1] |= 1;
    put(message, RTA_DST, address, size);
    put(message, RTA_MARK, &mark, sizeof mark);
    if (send(fd, request, message->nlmsg_len, 0) < 0) fail("send");
    ssize_t got = recv(fd, answer, sizeof answer, 0);
    if (got < (ssize_t)sizeof(struct nlmsghdr)) fail("recv");
    struct nlmsghdr *heard = (struct nlmsghdr *)answer;
    if (heard->nlmsg_type == RTM_NEWROUTE) return heard;
    errno = -((struct nlmsgerr *)NLMSG_DATA(heard))->error;
    if (errno != ENETUNREACH && errno != EHOSTUNREACH) fail("look-up");
    return NULL;
}

static int is_route(const struct prefix *prefix) {
    struct nlmsghdr *found = look_up(prefix, RTM_F_FIB_MATCH | RTM_F_LOOKUP_TABLE);
    if (!found) return 0;
    struct rtmsg *route = NLMSG_DATA(found);
    struct rtattr *destination = attribute_of(found, RTA_DST);
    return route->rtm_type == RTN_UNICAST && route->rtm_dst_len == prefix->length &&
           table_of(found) == table && destination && !memcmp(RTA_DATA(destination), prefix->address, address_size(family));
}

static int leaves_by(const struct prefix *prefix, int interface) {
    struct nlmsghdr *found = look_up(prefix, 0);
    struct rtattr *out = found ? attribute_of(found, RTA_OIF) : NULL;
    return out && *(int *)RTA_DATA(out) == interface;
}

static int holds(char condition, const struct prefix *prefix, long wanted) {
    switch (condition) {
    case 'p': return is_route(prefix);
    case 'a': return !is_route(prefix);
    default: return leaves_by(prefix, (int)wanted);
    }
}

static int counted(char condition, long wanted, long have) {
    return condition == 'v' || (condition == 'p' ? have == wanted : have <= wanted);
}

static void rest(uint64_t waited) {
    uint64_t pause = waited / PATIENCE;
    if (pause < SHORTEST_NS) pause = SHORTEST_NS;
    if (pause > LONGEST_NS) pause = LONGEST_NS;
    nanosleep(&(struct timespec){.tv_nsec = (long)pause}, NULL);
}

static void until(char condition, const char *file, long wanted, long deadline) {
    size_t samples, at = 0;
    struct prefix *sample = read_prefixes(file, &samples);
    if (family == AF_INET6 && condition != 'v') samples = 0;
    uint64_t begin = now(), moment = begin, end = begin + (uint64_t)deadline * 1000000u;
    long have = -1;
    for (;;) {
        while (at < samples && holds(condition, &sample[at], wanted)) at++;
        if (at == samples) {
            moment = now();
            have = condition == 'v' ? 0 : count();
            if (counted(condition, wanted, have)) break;
        }
        if (moment > end) {
            errno = 0;
            fail("not within %ld ms: %zu of %zu samples hold, then %ld routes for %ld", deadline, at,
                 samples, have, wanted);
        }
        rest(moment - begin);
        moment = now();
    }
    free(sample);
    printf("done %llu %ld\n", (unsigned long long)moment, have);
}

int main(int argc, char **argv) {
    if (argc != 4) fail("table-watch 4|6 TABLE MARK");
    family = argv[1][0] == '6' ? AF_INET6 : AF_INET;
    table = (uint32_t)strtoul(argv[2], NULL, 0);
    mark = (uint32_t)strtoul(argv[3], NULL, 0);
    fd = open_rtnetlink(1 << 20);
    base = 0;
    base = count();
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    char line[512], word[16], file[400];
    long wanted, deadline;
    while (fgets(line, sizeof line, stdin)) {
        errno = 0;
        if (sscanf(line, "%15s %399s %ld %ld", word, file, &wanted, &deadline) == 4)
            until(word[0], file, wanted, deadline);
        else if (!strncmp(line, "count", 5)) printf("done %llu %ld\n", (unsigned long long)now(), count());
        else fail("no command: %s", line);
    }
    return 0;
}
