/* SPDX-License-Identifier: PostgreSQL */
/* What is left to chance: a stream for each actor, all of one seed. */
#include "sim.h"

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9ULL;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBULL;
    return x ^ x >> 31;
}

void sim_seed(struct sim_random *random, uint64_t seed, uint64_t stream)
{
    random->state = mix(seed * 0x9E3779B97F4A7C15ULL + mix(stream + 1));
}

static uint64_t next(struct sim_random *random)
{
    random->state += 0x9E3779B97F4A7C15ULL;
    return mix(random->state);
}

uint64_t sim_draw(struct sim_random *random, uint64_t below)
{
    uint64_t value = next(random);
    if (below <= UINT32_MAX) {
        return (value >> 32) * below >> 32;
    }
    return value % below;
}

bool sim_chance(struct sim_random *random, uint32_t percent)
{
    return sim_draw(random, 100) < percent;
}

bool sim_bad_luck(const struct sim *s, struct sim_random *random, uint64_t of)
{
    return s->now_us < s->noisy_us && sim_draw(random, of) == 0;
}

uint64_t sim_delay(const struct sim *s, struct sim_random *random, uint64_t low_us,
                   uint64_t high_us)
{
    uint64_t delay_us = low_us + sim_draw(random, high_us - low_us + 1);
    if (sim_bad_luck(s, random, 200)) {
        delay_us *= 1 + sim_draw(random, 50);
        return delay_us < SIM_NOISE_US ? delay_us : SIM_NOISE_US;
    }
    return delay_us;
}

uint64_t sim_hop(const struct sim *s, struct sim_reader *reader)
{
    uint64_t hop_us = s->options.fast ? sim_delay(s, &reader->random, 10, 50)
                                      : sim_delay(s, &reader->random, 100, 2 * SIM_MS);
    return s->now_us < reader->slow_us ? hop_us * (20 + sim_draw(&reader->random, 200)) : hop_us;
}
