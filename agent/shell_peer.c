/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"

#include <stdio.h>
#include <string.h>

static void on_received(void *data, const struct promise_message *message)
{
    shell_peer_received(data, message);
}

static enum result open_net(struct shell *shell, struct failure *reterr_failure)
{
    const struct settings *s = shell->settings;
    const struct peer_options options = {.loop = shell->loop,
                                         .cluster = s->self.cluster,
                                         .node = s->self.node,
                                         .host = s->self.host,
                                         .port = s->self.agent_port,
                                         .tls_certificate = s->tls.certificate,
                                         .tls_key = s->tls.key,
                                         .tls_ca = s->tls.ca,
                                         .received = on_received,
                                         .data = shell};
    return peer_open(&options, &shell->peer.net, reterr_failure);
}

/* PostgreSQL runs on, whatever became of a certificate. */
static void try_to_open(struct shell *shell)
{
    struct shell_peer *peer = &shell->peer;
    struct failure failure = {0};
    if (open_net(shell, &failure) == RESULT_OK) {
        if (peer->said[0] != '\0') {
            log_line(SEVERITY_INFO, "the link to the other agents works again");
        }
        peer->said[0] = '\0';
        peer->seen_seq = 0;
        shell_peer_set(shell);
        return;
    }
    shell_arm(shell, &peer->retry, PEER_LISTEN_RETRY_MS);
    if (strcmp(peer->said, failure.text) != 0) {
        (void)snprintf(peer->said, sizeof(peer->said), "%s", failure.text);
        log_line(SEVERITY_ERROR,
                 "no link to the other agents: %s%s%s; until then a leader gives its lease up when "
                 "the log is away; trying again every %d s",
                 failure.text, failure.hint[0] != '\0' ? "; " : "", failure.hint,
                 PEER_LISTEN_RETRY_MS / 1000);
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    try_to_open(watcher->data);
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

void shell_peer_open(struct shell *shell)
{
    ev_init(&shell->peer.retry, on_retry);
    shell->peer.retry.data = shell;
    if (shell->settings->self.agent_port == 0) {
        return;
    }
    if (shell->settings->tls.certificate[0] == '\0' && !is_loopback(shell->settings->self.host)) {
        log_line(SEVERITY_WARNING,
                 "the link to the other agents is plain: whoever reaches port %u can promise in "
                 "another node's name; set tls in agent.yaml",
                 (unsigned)shell->settings->self.agent_port);
    }
    try_to_open(shell);
}

void shell_peer_close(struct shell *shell)
{
    ev_timer_stop(shell->loop, &shell->peer.retry);
    peer_close(shell->peer.net);
    shell->peer.net = NULL;
}

static uint32_t list_peers(const struct shell *shell, struct peer_address peers[NODE_COUNT_MAX])
{
    const struct cluster *c = &shell->agent.cluster;
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        if (n->agent_port == 0 || n->removed || strcmp(n->name, shell->settings->self.node) == 0) {
            continue;
        }
        memcpy(peers[count].node, n->name, sizeof(n->name));
        memcpy(peers[count].host, n->host, sizeof(n->host));
        peers[count++].port = n->agent_port;
    }
    return count;
}

void shell_peer_set(struct shell *shell)
{
    struct shell_peer *peer = &shell->peer;
    struct peer_address peers[NODE_COUNT_MAX];
    uint64_t seq = shell->agent.cluster.last_seq;
    if (peer->net == NULL || !shell->log.caught_up || peer->seen_seq == seq) {
        return;
    }
    peer->seen_seq = seq;
    peer_set(peer->net, peers, list_peers(shell, peers));
}

void shell_peer_send(struct shell *shell, const struct promise_message *message)
{
    if (shell->peer.net != NULL) {
        peer_send(shell->peer.net, message);
    }
}

void shell_peer_received(struct shell *shell, const struct promise_message *message)
{
    log_line(SEVERITY_DEBUG, "%s has %s promise number=%llu term=%llu", message->from,
             message->kind == PROMISE_ASKED ? "asked for a" : "answered the question for a",
             (unsigned long long)message->number, (unsigned long long)message->term);
    shell_push(shell, FACT_PROMISE)->promise = *message;
    shell_pump(shell);
}
