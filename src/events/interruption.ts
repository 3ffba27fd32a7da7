// Builds the fields of the event EndOfRunSummary about the signal that stopped the command. Callers fire the event.

/** Fields about the interruption of a run. dbt only knows Ctrl-C: a SIGTERM is also named in a field of its own. */
export function interruption(reason: string | null): { keyboard_interrupt: boolean; stopped_by?: string } {
  return { keyboard_interrupt: reason !== null, ...(reason === 'SIGTERM' ? { stopped_by: reason } : {}) };
}
