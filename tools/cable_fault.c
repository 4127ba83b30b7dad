/* SPDX-License-Identifier: PostgreSQL */
#include "cable_fault.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>

#define WORD_COUNT_MAX (CABLE_PEER_MAX + 2)

/* The words of a command, with the rest of them below. */
struct words {
    char *at[WORD_COUNT_MAX];
    uint32_t count;
};

static bool split(char *text, struct words *ret_words)
{
    ret_words->count = 0;
    for (char *word; (word = strsep(&text, " \n")) != NULL;) {
        if (*word == '\0') {
            continue;
        }
        if (ret_words->count == WORD_COUNT_MAX) {
            return false;
        }
        ret_words->at[ret_words->count] = word;
        ret_words->count += 1;
    }
    return ret_words->count > 0;
}

static bool parse_number(const struct words *words, uint32_t max, uint32_t *ret_number)
{
    char *end = NULL;
    if (words->count != 3) {
        return false;
    }
    unsigned long number = strtoul(words->at[2], &end, 10);
    *ret_number = (uint32_t)number;
    return end != words->at[2] && *end == '\0' && number <= max;
}

static bool parse_peers(const struct words *words, struct cable_fault *fault)
{
    fault->peer_count = words->count - 2;
    fault->drops_all = fault->peer_count == 0;
    for (uint32_t i = 0; i < fault->peer_count; i++) {
        if (inet_pton(AF_INET, words->at[i + 2], &fault->peers[i]) != 1) {
            return false;
        }
    }
    return true;
}

static bool change(struct cable_fault *fault, const struct words *words)
{
    if (words->count < 2) {
        return false;
    }
    if (strcmp(words->at[1], "drop") == 0) {
        return parse_peers(words, fault);
    }
    if (strcmp(words->at[1], "loss") == 0) {
        return parse_number(words, 100, &fault->loss_percent);
    }
    return strcmp(words->at[1], "delay") == 0 &&
           parse_number(words, CABLE_DELAY_MS_MAX, &fault->delay_ms);
}

static bool change_directions(struct cable_faults *faults, const struct words *words)
{
    bool both = strcmp(words->at[0], "both") == 0;
    bool out = both || strcmp(words->at[0], "out") == 0;
    bool in = both || strcmp(words->at[0], "in") == 0;
    return (out || in) && (!out || change(&faults->of[CABLE_OUT], words)) &&
           (!in || change(&faults->of[CABLE_IN], words));
}

bool cable_fault_command(struct cable_faults *faults, char *text)
{
    struct cable_faults changed = *faults;
    struct words words;
    if (!split(text, &words)) {
        return false;
    }
    if (words.count == 1 && strcmp(words.at[0], "heal") == 0) {
        memset(faults, 0, sizeof *faults);
        return true;
    }
    if (!change_directions(&changed, &words)) {
        return false;
    }
    *faults = changed;
    return true;
}

/* Whom the member speaks to, or who speaks to it; 0 when the frame is not IPv4. */
static in_addr_t peer_of(enum cable_direction direction, const uint8_t *frame, size_t size)
{
    struct ether_header ethernet;
    struct iphdr ip;
    if (size < sizeof ethernet + sizeof ip) {
        return 0;
    }
    memcpy(&ethernet, frame, sizeof ethernet);
    memcpy(&ip, frame + sizeof ethernet, sizeof ip);
    if (ethernet.ether_type != htons(ETHERTYPE_IP)) {
        return 0;
    }
    return direction == CABLE_OUT ? ip.daddr : ip.saddr;
}

static bool concerns_a_peer(const struct cable_fault *fault, in_addr_t peer)
{
    for (uint32_t i = 0; i < fault->peer_count; i++) {
        if (fault->peers[i].s_addr == peer) {
            return true;
        }
    }
    return false;
}

/* xorshift64 (Marsaglia): whoever wants other chances gives another seed. */
static uint32_t percent_by_chance(uint64_t *chance)
{
    *chance ^= *chance << 13;
    *chance ^= *chance >> 7;
    *chance ^= *chance << 17;
    return (uint32_t)((*chance >> 32) % 100);
}

bool cable_fault_drops(const struct cable_fault *fault, enum cable_direction direction,
                       const uint8_t *frame, size_t size, uint64_t *chance)
{
    if (fault->drops_all) {
        return true;
    }
    if (fault->peer_count > 0 && concerns_a_peer(fault, peer_of(direction, frame, size))) {
        return true;
    }
    return fault->loss_percent > 0 && percent_by_chance(chance) < fault->loss_percent;
}
