// What the event of a run's end says of the signal that stopped the command.

/** Facts of a run's end about what stopped it; dbt knows Ctrl-C alone. */
export function interruption(reason: string | null): { keyboard_interrupt: boolean; stopped_by?: string } {
  return { keyboard_interrupt: reason !== null, ...(reason === 'SIGTERM' ? { stopped_by: reason } : {}) };
}
