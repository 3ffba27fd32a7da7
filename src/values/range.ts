// Python's range: a lazy sequence of ints.
import { numericOf } from './equality.ts';
import { sequenceIndex } from './sequence.ts';
import type { HostObject, Value } from './value.ts';

/** `range(start, stop, step)`; the step is not zero. */
export class PyRange implements HostObject {
  readonly jinjaType = 'range';
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly length: number;

  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'start':
        return this.start;
      case 'stop':
        return this.stop;
      case 'step':
        return this.step;
      case 'count':
        return (args) => (this.jinjaContains(args[0] ?? null) ? 1 : 0);
      case 'index':
        return (args) => Math.round((Number(args[0]) - this.start) / this.step);
      default:
        return undefined;
    }
  }

  jinjaItem(key: Value): Value | undefined {
    const index = sequenceIndex(this.length, key);
    return index === undefined ? undefined : this.at(index);
  }

  jinjaText(): string {
    return this.step === 1 ? `range(${this.start}, ${this.stop})` : `range(${this.start}, ${this.stop}, ${this.step})`;
  }

  jinjaTruth(): boolean {
    return this.length > 0;
  }

  jinjaLength(): number {
    return this.length;
  }

  *jinjaIter(): Generator<Value, void, undefined> {
    for (let i = 0; i < this.length; i++) yield this.start + i * this.step;
  }

  jinjaContains(item: Value): boolean {
    const n = numericOf(item);
    if (typeof n !== 'number') return false;
    const index = (n - this.start) / this.step;
    return Number.isInteger(index) && index >= 0 && index < this.length;
  }

  jinjaEquals(other: Value): boolean {
    if (!(other instanceof PyRange) || other.length !== this.length) return false;
    return this.length === 0 || (other.start === this.start && (this.length === 1 || other.step === this.step));
  }

  jinjaHash(): string {
    return this.length === 0 ? 'range' : `range${this.length},${this.start},${this.length === 1 ? 0 : this.step}`;
  }
}
