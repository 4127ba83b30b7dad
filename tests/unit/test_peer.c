/* SPDX-License-Identifier: PostgreSQL */
/* The link between agents, without TLS: what travels, what is said, and who loses its connection.
 */
#include "test_peer_world.h"

static void meet(void)
{
    side_open(&w.a);
    side_open(&w.b);
    side_meets(&w.a, "node-b", "127.0.0.1", w.b.port);
}

static void test_peer_asks_and_answers(void **state)
{
    (void)state;
    meet();
    assert_true(world_talks(5000));
    assert_string_equal(w.b.last.from, "node-a");
    assert_int_equal(w.b.last.term, 7);
    assert_int_equal(world_said("WARNING"), 0);
    assert_int_equal(world_said("INFO"), 0);
}

static void test_peer_asks_in_both_directions(void **state)
{
    (void)state;
    meet();
    side_meets(&w.b, "node-a", "127.0.0.1", w.a.port);
    assert_true(world_talks(5000));
    struct promise_message m = message_of(PROMISE_ASKED, "node-b", "node-a", 5);
    w.b.count = 0;
    for (int i = 0; i < 100 && w.b.count == 0; i++) {
        peer_send(w.b.net, &m);
        turn(20);
    }
    assert_int_equal(w.b.last.kind, PROMISE_ANSWERED);
    assert_string_equal(w.b.last.from, "node-a");
}

static void test_peer_finds_a_name(void **state)
{
    (void)state;
    side_open(&w.a);
    side_open(&w.b);
    side_meets(&w.a, "node-b", "localhost", w.b.port);
    assert_true(world_talks(10000));
    side_meets(&w.a, "node-b", "no-such-host.invalid", w.b.port);
    assert_true(world_says("node-b cannot be asked for a promise at no-such-host.invalid", 20000));
    side_meets(&w.a, "node-b", "no-such-host.invalid", 1); /* closed while it asks */
}

static void test_peer_says_once_that_a_node_is_lost(void **state)
{
    (void)state;
    meet();
    assert_true(world_talks(5000));
    side_close(&w.b);
    assert_true(
            world_says("WARNING node-b cannot be asked for a promise at 127.0.0.1 port", 10000));
    assert_int_equal(world_said("Connection refused; while that is so, a leader"), 1);
    turn(1500);
    assert_int_equal(world_said("WARNING"), 1);
    side_open(&w.b);
    assert_true(world_talks(10000));
    assert_int_equal(world_said("INFO node-b can be asked for a promise again"), 1);
    assert_int_equal(world_said("WARNING"), 1);
}

static void test_peer_forgets_a_node_that_is_not_wanted(void **state)
{
    (void)state;
    meet();
    assert_true(world_talks(5000));
    peer_set(w.a.net, NULL, 0);
    assert_false(world_talks(200));
    side_meets(&w.a, "node-b", "127.0.0.1", w.b.port);
    side_meets(&w.a, "node-b", "127.0.0.1", w.b.port);
    assert_true(world_talks(5000));
}

/* Who listens there is another node, or of another cluster. */
static void test_peer_knows_whom_it_has_reached(void **state)
{
    (void)state;
    side_open(&w.a);
    side_open(&w.b);
    side_meets(&w.a, "node-c", "127.0.0.1", w.b.port);
    assert_true(world_says("who listens there does not answer as this node", 10000));
    assert_int_equal(w.b.count, 0);
}

static void test_peer_drops_what_is_for_others(void **state)
{
    (void)state;
    side_open(&w.b);
    int fd = client_connect();
    struct promise_message m = message_of(PROMISE_ASKED, "node-a", "node-c", 1);
    client_say(fd, &m);
    m = message_of(PROMISE_ASKED, "node-a", "node-b", 1);
    memcpy(m.cluster, "other", sizeof("other"));
    client_say(fd, &m);
    turn(100);
    assert_int_equal(w.b.count, 0);
    m = message_of(PROMISE_ASKED, "node-a", "node-b", 2);
    client_say(fd, &m);
    turn(100);
    assert_int_equal(w.b.count, 1);
    assert_int_equal(w.b.last.number, 2);
    assert_false(client_is_closed(fd));
    close(fd);
}

static void test_peer_takes_one_name_per_connection(void **state)
{
    (void)state;
    side_open(&w.b);
    int fd = client_connect();
    struct promise_message m = message_of(PROMISE_ASKED, "node-a", "node-b", 1);
    client_say(fd, &m);
    m = message_of(PROMISE_ASKED, "node-c", "node-b", 1);
    client_say(fd, &m);
    assert_true(client_is_dropped(fd, 2000));
    assert_int_equal(w.b.count, 1);
    assert_int_equal(world_said("it speaks as a node that it is not"), 1);
    close(fd);
}

static void test_peer_answers_on_the_newest_connection(void **state)
{
    (void)state;
    side_open(&w.b);
    struct promise_message m = message_of(PROMISE_ASKED, "node-a", "node-b", 1);
    int old = client_connect();
    client_say(old, &m);
    turn(50);
    int new = client_connect();
    client_say(new, &m);
    turn(50);
    uint8_t bytes[512];
    assert_true(recv(new, bytes, sizeof(bytes), 0) > 0);
    assert_true(client_is_dropped(old, 1000));
    assert_false(client_is_closed(new));
    close(old);
    close(new);
}

static void assert_closed_for(const void *bytes, size_t size, const char *why)
{
    int fd = client_connect();
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
    assert_true(client_is_dropped(fd, 2000));
    close(fd);
    if (why != NULL) {
        assert_int_equal(world_said(why), 1);
    }
}

static void test_peer_closes_on_nonsense(void **state)
{
    (void)state;
    side_open(&w.b);
    assert_closed_for("GET / HTTP/1.1\r\n\r\n", 18, "it sent a frame of 18245 bytes");
    assert_closed_for("\0\0", 2, NULL);
    assert_closed_for("\0\4abcd", 6, NULL);
    assert_closed_for("\xff\xff", 2, NULL);
    for (int i = 0; i < 20; i++) {
        assert_closed_for("\x16\x03\x01\x02", 4, NULL);
    }
    assert_int_equal(world_said("WARNING"), 1); /* the others wait for their turn */
}

static void test_peer_says_that_a_caller_speaks_tls(void **state)
{
    (void)state;
    side_open(&w.b);
    assert_closed_for("\x16\x03\x01\x02", 4, "it speaks TLS, and this node does not");
}

static void test_peer_takes_a_frame_in_pieces(void **state)
{
    (void)state;
    side_open(&w.b);
    uint8_t frame[2 + PROMISE_BYTES_MAX] = {0};
    struct promise_message m = message_of(PROMISE_ASKED, "node-a", "node-b", 9);
    size_t size = promise_encode(&m, frame + 2, PROMISE_BYTES_MAX);
    frame[1] = (uint8_t)size;
    int fd = client_connect();
    for (size_t i = 0; i < size + 2; i++) {
        assert_int_equal(send(fd, frame + i, 1, MSG_NOSIGNAL), 1);
        turn(1);
    }
    turn(50);
    assert_int_equal(w.b.count, 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(send(fd, frame, size + 2, MSG_NOSIGNAL), size + 2);
    }
    turn(300);
    assert_int_equal(w.b.count, 101);
    close(fd);
}

static void test_peer_closes_who_is_silent(void **state)
{
    (void)state;
    side_open(&w.b);
    int silent = client_connect();
    int speaks = client_connect();
    struct promise_message m = message_of(PROMISE_ASKED, "node-a", "node-b", 0);
    client_say(speaks, &m);
    assert_false(client_is_dropped(silent, 4000));
    assert_true(client_is_dropped(silent, 4000));
    turn(1500);
    assert_false(client_is_closed(speaks));
    close(silent);
    close(speaks);
}

static void test_peer_has_room_for_a_node_among_strangers(void **state)
{
    int fds[100];
    (void)state;
    side_open(&w.a);
    side_open(&w.b);
    for (size_t i = 0; i < 100; i++) {
        fds[i] = client_connect();
        turn(1);
    }
    side_meets(&w.a, "node-b", "127.0.0.1", w.b.port);
    assert_true(world_talks(5000));
    uint32_t closed = 0;
    for (size_t i = 0; i < 100; i++) {
        closed += client_is_closed(fds[i]);
        close(fds[i]);
    }
    assert_in_range(closed, 36, 38);
    assert_int_equal(world_said("there are too many"), 1);
}

static void test_peer_is_not_held_by_who_does_not_read(void **state)
{
    (void)state;
    side_open(&w.b);
    int fd = client_connect();
    struct promise_message m = message_of(PROMISE_ASKED, "node-a", "node-b", 1);
    client_say(fd, &m);
    turn(50);
    struct promise_message answer = message_of(PROMISE_ANSWERED, "node-b", "node-a", 1);
    uint64_t begin_ms = clock_ms();
    for (int i = 0; i < 200000 && world_said("takes nothing any more") == 0; i++) {
        for (int j = 0; j < 200; j++) {
            peer_send(w.b.net, &answer);
        }
        turn(0);
    }
    assert_int_equal(world_said("takes nothing any more"), 1);
    assert_true(clock_ms() - begin_ms < 20000);
    turn(50);
    assert_true(client_is_closed(fd));
    close(fd);
}

static void test_peer_waits_for_its_port(void **state)
{
    int fd = -1;
    (void)state;
    w.b.port = hold_port(&fd);
    assert_int_equal(listen(fd, 1), 0);
    side_open(&w.b);
    assert_int_equal(world_said("ERROR no other agent can ask this one: cannot listen at "
                                "127.0.0.1 port"),
                     1);
    assert_int_equal(world_said("Address already in use; set agent_port"), 1);
    side_open(&w.a);
    close(fd);
    side_meets(&w.a, "node-b", "127.0.0.1", w.b.port);
    assert_true(world_talks(15000));
    assert_int_equal(world_said("ERROR"), 1);
    assert_int_equal(world_said("INFO other agents can ask this one again"), 1);
}

/* A change of the set from within received(), on the very connection that brought the message. */
static void on_received_change(void *data, const struct promise_message *m)
{
    struct side *side = data;
    side->count++;
    side->last = *m;
    peer_set(side->net, NULL, 0);
    side_meets(side, "node-b", "127.0.0.1", w.b.port);
}

static void test_peer_set_may_change_while_a_message_is_taken(void **state)
{
    const struct peer_options options = {.loop = w.loop,
                                         .cluster = "demo",
                                         .node = "node-a",
                                         .host = "127.0.0.1",
                                         .port = w.a.port,
                                         .tls_certificate = "",
                                         .tls_key = "",
                                         .tls_ca = "",
                                         .received = on_received_change,
                                         .data = &w.a};
    struct failure failure = {0};
    (void)state;
    assert_int_equal(peer_open(&options, &w.a.net, &failure), RESULT_OK);
    side_open(&w.b);
    side_meets(&w.a, "node-b", "127.0.0.1", w.b.port);
    for (int i = 0; i < 10; i++) {
        assert_true(world_talks(5000));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            in_world(test_peer_asks_and_answers),
            in_world(test_peer_asks_in_both_directions),
            in_world(test_peer_finds_a_name),
            in_world(test_peer_says_once_that_a_node_is_lost),
            in_world(test_peer_forgets_a_node_that_is_not_wanted),
            in_world(test_peer_knows_whom_it_has_reached),
            in_world(test_peer_drops_what_is_for_others),
            in_world(test_peer_takes_one_name_per_connection),
            in_world(test_peer_answers_on_the_newest_connection),
            in_world(test_peer_closes_on_nonsense),
            in_world(test_peer_says_that_a_caller_speaks_tls),
            in_world(test_peer_takes_a_frame_in_pieces),
            in_world(test_peer_closes_who_is_silent),
            in_world(test_peer_has_room_for_a_node_among_strangers),
            in_world(test_peer_is_not_held_by_who_does_not_read),
            in_world(test_peer_waits_for_its_port),
            in_world(test_peer_set_may_change_while_a_message_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
