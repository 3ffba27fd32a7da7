// Tests the clock of long-running commands.
import { afterEach, expect, it, vi } from 'vitest';
import { wallClock } from '../../../../src/cli/wall-clock.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it('wallClock follows a system clock that is set forward or back, and keeps fractions between two steps', () => {
  const start = Date.now();
  const clock = vi.spyOn(Date, 'now');
  const steady = vi.spyOn(performance, 'now');
  const read = (today: number, elapsed: number): number => {
    clock.mockReturnValue(today);
    steady.mockReturnValue(elapsed);
    return Math.round((wallClock() - start) * 1000) / 1000;
  };
  read(start + 5_000_000, 100);
  // The machine was suspended for an hour.
  expect(read(start + 8_600_000, 100)).toBe(8_600_000);
  expect(read(start + 8_600_010, 110.25)).toBe(8_600_010.25);
  // The clock is set back by two hours.
  expect(read(start + 1_400_020, 120)).toBe(1_400_020);
  expect(read(start + 1_400_520, 620.5)).toBe(1_400_520.5);
});
