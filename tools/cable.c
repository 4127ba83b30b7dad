/* SPDX-License-Identifier: PostgreSQL */
/*
 * cable - the network of a playground: a switch with a cable to each member, and what can be wrong
 * with a cable. Kernels without netem need it, and it is as silent as a pulled cable behind a
 * switch: frames vanish, nobody is refused, no carrier is lost.
 *
 *   member's namespace            cable                        member's namespace
 *   eth0 (TAP) ── out: faults, queue ──▶ switch ──▶ in: faults, queue ── eth0 (TAP)
 *
 * A member has the hardware address 02:00 and its IPv4 address, so the switch has nothing to learn;
 * there is no broadcast: the members know each other's addresses for good. Commands come over a
 * Unix socket, one in a packet, "MEMBER ..." as cable_fault.h says, and are answered with "ok" or
 * "no".
 */
#include "cable_fault.h"
#include "cable_queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MEMBER_MAX CABLE_PEER_MAX
#define NAME_BYTES 64
#define COMMAND_BYTES 1024
/* Frames taken from one member before the next has its turn. */
#define TURN_FRAMES 64
/* What is polled beside the members: where commands knock, and who gives one now. */
#define DOOR MEMBER_MAX
#define CLIENT (MEMBER_MAX + 1)
#define POLL_COUNT (MEMBER_MAX + 2)

struct member {
    char name[NAME_BYTES];
    struct in_addr address;
    int tap;
    struct cable_faults faults;
    struct cable_queue queues[CABLE_DIRECTION_COUNT];
};

static struct member members[MEMBER_MAX];
static uint32_t member_count;
static uint64_t chance = 88172645463325252U;

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- frames ---- */

/* True when the frame is at the other end at once; else it is lost, or under way. */
static bool passes(struct member *member, enum cable_direction direction, const uint8_t *frame,
                   size_t size)
{
    const struct cable_fault *fault = &member->faults.of[direction];
    struct cable_queue *queue = &member->queues[direction];
    if (cable_fault_drops(fault, direction, frame, size, &chance)) {
        return false;
    }
    if (fault->delay_ms == 0 && queue->count == 0) {
        return true;
    }
    (void)cable_queue_put(queue, now_us() + (uint64_t)fault->delay_ms * 1000, frame, size);
    return false;
}

/* An interface that is down loses the frame. */
static void hand_over(const struct member *member, const uint8_t *frame, size_t size)
{
    ssize_t written = write(member->tap, frame, size);
    (void)written;
}

static struct member *member_at(const uint8_t *frame)
{
    struct in_addr address;
    memcpy(&address, frame + ETHER_ADDR_LEN - sizeof address, sizeof address);
    for (uint32_t i = 0; i < member_count; i++) {
        if (members[i].address.s_addr == address.s_addr) {
            return &members[i];
        }
    }
    return NULL;
}

static void forward(const uint8_t *frame, size_t size)
{
    struct member *to = member_at(frame);
    if (to != NULL && passes(to, CABLE_IN, frame, size)) {
        hand_over(to, frame, size);
    }
}

static void take_frames(struct member *member)
{
    uint8_t frame[CABLE_FRAME_BYTES];
    for (int i = 0; i < TURN_FRAMES; i++) {
        ssize_t size = read(member->tap, frame, sizeof frame);
        if (size < (ssize_t)sizeof(struct ether_header)) {
            return;
        }
        if (passes(member, CABLE_OUT, frame, (size_t)size)) {
            forward(frame, (size_t)size);
        }
    }
}

static void run_queue(struct member *member, enum cable_direction direction)
{
    struct cable_queue *queue = &member->queues[direction];
    const struct cable_frame *frame = NULL;
    while ((frame = cable_queue_first(queue)) != NULL && frame->due_us <= now_us()) {
        if (direction == CABLE_OUT) {
            forward(frame->bytes, frame->size);
        } else {
            hand_over(member, frame->bytes, frame->size);
        }
        cable_queue_pop(queue);
    }
}

/* What left one cable may be due at once in another: those that go out come first. */
static void run_queues(void)
{
    for (int direction = 0; direction < CABLE_DIRECTION_COUNT; direction++) {
        for (uint32_t i = 0; i < member_count; i++) {
            run_queue(&members[i], (enum cable_direction)direction);
        }
    }
}

/* Milliseconds until a frame is due, rounded up; -1 when none is under way. */
static int next_ms(void)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < member_count; i++) {
        for (int direction = 0; direction < CABLE_DIRECTION_COUNT; direction++) {
            const struct cable_frame *frame = cable_queue_first(&members[i].queues[direction]);
            next = frame != NULL && frame->due_us < next ? frame->due_us : next;
        }
    }
    uint64_t now = now_us();
    if (next == UINT64_MAX) {
        return -1;
    }
    return next > now ? (int)((next - now + 999) / 1000) : 0;
}

/* ---- commands ---- */

static const char *obey(char *text)
{
    const char *name = strsep(&text, " ");
    for (uint32_t i = 0; i < member_count; i++) {
        if (strcmp(members[i].name, name) == 0 && text != NULL &&
            cable_fault_command(&members[i].faults, text)) {
            return "ok";
        }
    }
    return "no";
}

/* False when the client has gone. */
static bool answer(int client)
{
    char text[COMMAND_BYTES];
    ssize_t size = recv(client, text, sizeof text - 1, 0);
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    const char *said = obey(text);
    return send(client, said, strlen(said), MSG_NOSIGNAL) > 0;
}

static int open_door(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (door < 0 || bind(door, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(door, 8) != 0) {
        return -1;
    }
    return door;
}

/* ---- members ---- */

static bool enter(const char *namespace)
{
    char path[NAME_BYTES + 16];
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return entered;
}

/* Attaches to the eth0 that stands in the member's namespace; without vnet_hdr the kernel neither
 * leaves checksums open nor joins segments. */
static int open_tap(const char *namespace)
{
    struct ifreq request = {.ifr_name = "eth0", .ifr_flags = IFF_TAP | IFF_NO_PI};
    if (!enter(namespace)) {
        return -1;
    }
    int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0) {
        return -1;
    }
    return tap;
}

/* NAME=NAMESPACE=ADDRESS; the text is taken apart. */
static bool add_member(char *text)
{
    const char *name = strsep(&text, "=");
    const char *namespace = strsep(&text, "=");
    const char *address = text;
    struct member *member = &members[member_count];
    if (address == NULL || member_count == MEMBER_MAX || strlen(name) >= NAME_BYTES ||
        strlen(namespace) >= NAME_BYTES || inet_pton(AF_INET, address, &member->address) != 1) {
        fprintf(stderr, "cable: '%s' is not NAME=NAMESPACE=ADDRESS\n", name);
        return false;
    }
    snprintf(member->name, sizeof member->name, "%s", name);
    member->tap = open_tap(namespace);
    if (member->tap < 0) {
        fprintf(stderr, "cable: eth0 of %s in %s: %s\n", name, namespace, strerror(errno));
        return false;
    }
    member_count += 1;
    return true;
}

/* ---- the loop ---- */

static void init_poll(struct pollfd fds[POLL_COUNT], int door)
{
    for (uint32_t i = 0; i < POLL_COUNT; i++) {
        fds[i] = (struct pollfd){.fd = i < member_count ? members[i].tap : -1, .events = POLLIN};
    }
    fds[DOOR].fd = door;
}

/* One client after the other: the next waits at the door. */
static void serve(struct pollfd fds[POLL_COUNT], int door)
{
    if (fds[CLIENT].fd >= 0 && fds[CLIENT].revents != 0 && !answer(fds[CLIENT].fd)) {
        close(fds[CLIENT].fd);
        fds[CLIENT].fd = -1;
        fds[DOOR].fd = door;
    } else if (fds[DOOR].fd >= 0 && fds[DOOR].revents != 0) {
        fds[CLIENT].fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
        fds[CLIENT].revents = 0;
        fds[DOOR].fd = fds[CLIENT].fd >= 0 ? -1 : door;
    }
}

static void loop(int door)
{
    struct pollfd fds[POLL_COUNT];
    init_poll(fds, door);
    for (;;) {
        if (poll(fds, POLL_COUNT, next_ms()) < 0 && errno != EINTR) {
            return;
        }
        run_queues();
        for (uint32_t i = 0; i < member_count; i++) {
            if (fds[i].revents != 0) {
                take_frames(&members[i]);
            }
        }
        serve(fds, door);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("Usage: cable SOCKET NAME=NAMESPACE=ADDRESS...\n", stderr);
        return 2;
    }
    /* The door is opened first: where the members' namespaces lead, the path may not. */
    int door = open_door(argv[1]);
    if (door < 0) {
        fprintf(stderr, "cable: %s: %s\n", argv[1], strerror(errno));
        return EXIT_FAILURE;
    }
    for (int i = 2; i < argc; i++) {
        if (!add_member(argv[i])) {
            return EXIT_FAILURE;
        }
    }
    loop(door);
    fprintf(stderr, "cable: poll: %s\n", strerror(errno));
    return EXIT_FAILURE;
}
