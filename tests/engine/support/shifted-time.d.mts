export function shiftedTime(start: string): {
  readonly Date: DateConstructor;
  readonly performance: Pick<Performance, 'now' | 'timeOrigin'>;
};
