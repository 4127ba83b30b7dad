/* SPDX-License-Identifier: PostgreSQL */
#include "standby.h"

bool standby_is_on(const struct cluster *c)
{
    return c->config.standby.host[0] != '\0';
}

bool standby_serves(const struct cluster *c)
{
    return c->promoted && (c->writable || standby_is_on(c));
}

enum synchronous standby_synchronous(const struct cluster *c)
{
    return standby_is_on(c) ? SYNCHRONOUS_OFF : c->config.synchronous;
}
