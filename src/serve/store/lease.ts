// What every store agrees on: how long a silent host keeps its runs, and how durations are summed up.
import { LOST_LEASE } from '../../adapters/fence.ts';

/** A run whose host is silent for longer is lost. */
export const LEASE_MS = 30_000;
/** Hosts renew their leases this often, and look for those of silent hosts. @param leaseMs of the store */
export function leaseTimes(leaseMs = LEASE_MS): { readonly heartbeatMs: number; readonly reapMs: number } {
  return { heartbeatMs: leaseMs / 6, reapMs: leaseMs / 2 };
}
/** Newest successful runs of a node that its usual duration is the median of. */
export const DURATION_RUNS = 11;

/** The lower median. An empty list gives 0. */
export function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? 0;
}

/** What a run that may not publish is told. */
export function lostLease(job: string, runId: string): string {
  return `run ${runId} of job ${job} ${LOST_LEASE}: another host may have taken its work`;
}
