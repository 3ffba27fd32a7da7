// Types of overrides.mjs, for the tests that use it.
export interface OverriddenMacro {
  readonly name: string;
  readonly package: string;
  readonly kind: 'macro' | 'block' | 'test' | 'materialization';
  readonly arguments: readonly string[];
}
export interface Step {
  readonly run: string;
  readonly sql?: string;
  readonly save?: string;
  readonly files?: Readonly<Record<string, string>>;
}
export interface Played {
  readonly run: string;
  readonly exit: number | null;
  readonly output: string;
  readonly calls: Readonly<Record<string, readonly string[]>>;
}
export interface Play {
  readonly project: string;
  readonly macros: readonly OverriddenMacro[];
  readonly output: Readonly<Record<string, unknown>>;
  readonly sql: (text: string) => Promise<unknown>;
  readonly steps: readonly Step[];
}
export function overrides(macros: readonly OverriddenMacro[], shown?: boolean): string;
export type Run = (
  args: readonly string[],
  place: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
) => Promise<{ readonly code: number | null; readonly out: string }>;
export function processes(program: string): Run;
export function playOverridden(run: Run, play: Play): Promise<Played[]>;
