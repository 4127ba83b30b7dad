/* SPDX-License-Identifier: PostgreSQL */
/* A guard that looks after its agent and its PostgreSQL, but never ends a lease, and leaves the
 * kernel no will: what is left then is the commit fence. Linked with --wrap. */
#include "../../agent/guard_impl.h"

bool __wrap_guard_lease_is_over(void);
void __wrap_guard_lease_will(void);

bool __wrap_guard_lease_is_over(void)
{
    return false;
}

void __wrap_guard_lease_will(void)
{
}
