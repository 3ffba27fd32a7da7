// Builds the fields of the event EndOfRunSummary about the signal that stopped the command. Callers fire the event.

/** Fields about the interruption of a run. dbt handles only Ctrl-C: for a SIGTERM a separate field names the signal. */
export function interruption(reason: string | null): { keyboard_interrupt: boolean; stopped_by?: string } {
  return { keyboard_interrupt: reason !== null, ...(reason === 'SIGTERM' ? { stopped_by: reason } : {}) };
}
