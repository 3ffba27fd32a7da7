// Rules shared by all stores: how long a silent host keeps its runs, and how durations are aggregated.
import { LOST_LEASE } from '../../adapters/fence.ts';

/** A run whose host is silent for longer is lost. */
export const LEASE_MS = 30_000;
/** How often hosts renew their leases, and check those of silent hosts. @param leaseMs of the store */
export function leaseTimes(leaseMs = LEASE_MS): { readonly heartbeatMs: number; readonly reapMs: number } {
  return { heartbeatMs: leaseMs / 6, reapMs: leaseMs / 2 };
}
/** Number of newest successful runs of a node whose median is its usual duration. */
export const DURATION_RUNS = 11;

/** The message for a run that may not publish. */
export function lostLease(job: string, runId: string): string {
  return `run ${runId} of job ${job} ${LOST_LEASE}: another host may have taken its work`;
}
