// The interface of time zones, and zones with a fixed offset (datetime.timezone, pytz.FixedOffset, UTC). Zones with
// rules are in context/modules/pytz.ts.
import { MICROS_PER_SECOND, pad } from './calendar.ts';
import { callable } from './callable.ts';
import { valueError } from './python-error.ts';
import { PyTimedelta } from './timedelta.ts';
import type { HostObject, Value } from './value.ts';

/**
 * Wall-clock time without a zone: microseconds since 0001-01-01 00:00, and which of two equal times is meant (the
 * fold).
 */
export interface WallClock {
  readonly micros: bigint;
  readonly fold: number;
}

/** Python's tzinfo. */
export interface TimeZone extends HostObject {
  readonly isTimeZone: true;
  /** UTC offset of a wall-clock time in this zone; null if the zone cannot tell (a `time` without a date). */
  utcOffset(wall: WallClock | null): PyTimedelta | null;
  dst(wall: WallClock | null): PyTimedelta | null;
  zoneName(wall: WallClock | null): string | null;
  /** Converts UTC to this zone: the offset, the fold and the zone object to keep (pytz has one object per rule). */
  fromUtc(utcMicros: bigint): { offset: PyTimedelta; fold: number; zone: TimeZone };
}

/** Whether a value is a Python `tzinfo`. */
export function isTimeZone(value: Value | undefined): value is Value & TimeZone {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    (value as HostObject & { isTimeZone?: boolean }).isTimeZone === true
  );
}

/** How a fixed zone prints; `timezone.utc`, `pytz.utc` and `pytz.FixedOffset(60)` differ. */
export type FixedZoneStyle = 'datetime' | 'pytz';

export class FixedZone implements TimeZone {
  readonly isTimeZone = true;
  readonly jinjaType: string;
  readonly offset: PyTimedelta;
  readonly name: string | null;
  readonly style: FixedZoneStyle;

  constructor(offset: PyTimedelta, name: string | null = null, style: FixedZoneStyle = 'datetime') {
    const day = 86_400n * MICROS_PER_SECOND;
    if (offset.micros <= -day || offset.micros >= day) {
      const shown =
        style === 'pytz'
          ? `absolute offset is too large`
          : 'offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not ' +
            `${offset.jinjaRepr()}.`;
      throw valueError(shown);
    }
    this.offset = offset;
    this.name = name;
    this.style = style;
    this.jinjaType = style === 'pytz' ? 'pytz._FixedOffset' : 'datetime.timezone';
  }

  utcOffset(): PyTimedelta {
    return this.offset;
  }

  dst(): PyTimedelta | null {
    return this.style === 'pytz' ? new PyTimedelta(0n) : null;
  }

  zoneName(): string | null {
    if (this.name !== null) return this.name;
    if (this.style === 'pytz') return null;
    return this.offset.micros === 0n ? 'UTC' : `UTC${formatOffset(this.offset, ':')}`;
  }

  fromUtc(): { offset: PyTimedelta; fold: number; zone: TimeZone } {
    return { offset: this.offset, fold: 0, zone: this };
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'utcoffset':
        return callable(name, 'dt', () => this.offset);
      case 'dst':
        return callable(name, 'dt', () => this.dst());
      case 'tzname':
        return callable(name, 'dt', () => this.zoneName());
      case 'zone':
        return this.style === 'pytz' ? this.name : undefined;
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    return this.style === 'pytz' ? (this.name ?? this.jinjaRepr()) : (this.zoneName() ?? '');
  }

  jinjaRepr(): string {
    if (this.style === 'pytz')
      return this.name === null ? `pytz.FixedOffset(${this.offset.micros / 60_000_000n})` : `<${this.name}>`;
    if (this.offset.micros === 0n && this.name === null) return 'datetime.timezone.utc';
    return `datetime.timezone(${this.offset.jinjaRepr()}${this.name === null ? '' : `, '${this.name}'`})`;
  }

  jinjaEquals(other: Value): boolean {
    return (
      other === this ||
      (other instanceof FixedZone && other.style === this.style && other.offset.micros === this.offset.micros)
    );
  }

  jinjaHash(): string {
    return `timezone:${this.style}:${this.offset.micros}`;
  }
}

/** `datetime.timezone.utc`. */
export function utcZone(): FixedZone {
  return new FixedZone(new PyTimedelta(0n));
}

/** `pytz.utc`, the zone of `run_started_at`. */
export function pytzUtc(): FixedZone {
  return new FixedZone(new PyTimedelta(0n), 'UTC', 'pytz');
}

/** Formats an offset: `+05:30`, with seconds and microseconds if they are not zero. */
function formatOffset(offset: PyTimedelta, separator: string): string {
  const negative = offset.micros < 0n;
  const micros = negative ? -offset.micros : offset.micros;
  const seconds = Number(micros / MICROS_PER_SECOND);
  const rest = Number(micros % MICROS_PER_SECOND);
  const hours = pad(Math.floor(seconds / 3600), 2);
  let text = `${negative ? '-' : '+'}${hours}${separator}${pad(Math.floor(seconds / 60) % 60, 2)}`;
  if (seconds % 60 !== 0 || rest !== 0) text += `${separator}${pad(seconds % 60, 2)}`;
  return rest === 0 ? text : `${text}.${pad(rest, 6)}`;
}

/** Formats an offset as `isoformat` does; empty without an offset. */
export function offsetText(offset: PyTimedelta | null, separator = ':'): string {
  return offset === null ? '' : formatOffset(offset, separator);
}

/** The part of a `repr` that shows the zone and the fold. */
export function zoneRepr(tzinfo: TimeZone | null, fold: number): string {
  const folded = fold === 0 ? '' : `, fold=${fold}`;
  return `${folded}${tzinfo === null ? '' : `, tzinfo=${tzinfo.jinjaRepr?.() ?? tzinfo.jinjaType}`}`;
}
