// Byte values used in JSON and in COPY's text format.
export const TAB = 9;
export const LINE_FEED = 10;
export const RETURN = 13;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const PLUS = 0x2b;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const POINT = 0x2e;
export const SLASH = 0x2f;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const CAPITAL_A = 0x41;
export const CAPITAL_E = 0x45;
const CAPITAL_F = 0x46;
export const CAPITAL_N = 0x4e;
export const OPEN_LIST = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_LIST = 0x5d;
export const SMALL_A = 0x61;
export const SMALL_B = 0x62;
export const SMALL_E = 0x65;
export const SMALL_F = 0x66;
export const SMALL_N = 0x6e;
export const SMALL_R = 0x72;
export const SMALL_T = 0x74;
export const SMALL_U = 0x75;
export const CAPITAL_Z = 0x5a;
export const OPEN = 0x7b;
export const CLOSE = 0x7d;

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** The number represented by four hexadecimal digits at `at`; -1: they are not. */
export function hexAt(bytes: Uint8Array, at: number): number {
  let code = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i]!;
    const digit =
      byte >= ZERO && byte <= NINE
        ? byte - ZERO
        : byte >= SMALL_A && byte <= SMALL_F
          ? byte - SMALL_A + 10
          : byte >= CAPITAL_A && byte <= CAPITAL_F
            ? byte - CAPITAL_A + 10
            : -1;
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}
