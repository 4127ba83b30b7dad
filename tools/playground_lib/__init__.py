# SPDX-License-Identifier: PostgreSQL
"""What tools/playground is made of. shape: what stands where; processes: who runs; freezer: hosts that
stand still; network: namespaces and cables; members: configuration and start; faults: what breaks."""
