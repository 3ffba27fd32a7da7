// Types of counting-proxy.mjs, for the tests that use it.
export interface Count {
  readonly messages: number;
  readonly statements: number;
}
export interface CountingProxy {
  readonly port: number;
  counts(): Record<string, Count>;
  close(): Promise<void>;
}
export interface Counted {
  readonly run: string;
  readonly nodes: Readonly<Record<string, Count>>;
}
export function startCountingProxy(server: { readonly host: string; readonly port: number }): Promise<CountingProxy>;
export function countSteps(
  proxy: CountingProxy,
  steps: readonly string[],
  run: (step: string) => Promise<void>,
): Promise<Counted[]>;
