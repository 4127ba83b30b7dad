/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

/* A postmaster whose queue of connections is full is tried again this often. */
#define RETRY_MS 20

static void unwatch(struct shell *shell)
{
    ev_io_stop(shell->loop, &shell->probe.ping.io);
    ev_timer_stop(shell->loop, &shell->probe.ping.timer);
}

static uint64_t wait_ms(const struct pg_ping *ping)
{
    uint64_t now_ms = shell_now_ms();
    uint64_t left_ms = ping->deadline_ms > now_ms ? ping->deadline_ms - now_ms : 0;
    return pg_ping_fd(ping) < 0 && left_ms > RETRY_MS ? RETRY_MS : left_ms;
}

static void work(struct shell *shell)
{
    struct shell_ping *ping = &shell->probe.ping;
    unwatch(shell);
    enum pg_ping_verdict verdict = pg_ping_work(&ping->ping, shell_now_ms());
    if (verdict != PG_PING_PENDING) {
        shell_probe_pinged(shell, verdict);
        return;
    }
    if (pg_ping_fd(&ping->ping) >= 0) {
        ev_io_set(&ping->io, pg_ping_fd(&ping->ping), EV_READ);
        ev_io_start(shell->loop, &ping->io);
    }
    shell_arm(shell, &ping->timer, wait_ms(&ping->ping));
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    work(watcher->data);
    shell_pump(watcher->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    work(watcher->data);
    shell_pump(watcher->data);
}

void shell_ping_open(struct shell *shell)
{
    struct shell_ping *ping = &shell->probe.ping;
    pg_ping_init(&ping->ping);
    ev_init(&ping->io, on_io);
    ev_init(&ping->timer, on_timer);
    ping->io.data = shell;
    ping->timer.data = shell;
}

void shell_ping_begin(struct shell *shell, uint32_t timeout_ms)
{
    struct shell_ping *ping = &shell->probe.ping;
    unwatch(shell);
    pg_ping_begin(&ping->ping, shell->settings->socket_directory, shell->settings->self.port,
                  shell_now_ms() + timeout_ms);
    shell_arm(shell, &ping->timer, 0);
}

void shell_ping_close(struct shell *shell)
{
    unwatch(shell);
    pg_ping_end(&shell->probe.ping.ping);
}
