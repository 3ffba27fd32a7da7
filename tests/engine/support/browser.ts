// Drives a headless Chromium over its debugging pipe: opens a page, evaluates scripts, collects the page's errors.
// Assertions are left to the tests.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** @returns path of the program: TSDBT_TEST_CHROMIUM, else from PATH; null if there is none */
export function chromium(): string | null {
  const named = process.env['TSDBT_TEST_CHROMIUM'];
  if (named) return named;
  try {
    const found = 'command -v chromium || command -v chromium-browser || command -v google-chrome';
    return execFileSync('sh', ['-c', found], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Details of an exception in the page. */
interface Exception {
  readonly text: string;
  readonly exception?: { readonly description?: string };
}

export class Browser {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #to: Writable;
  readonly #waiting = new Map<number, Waiting>();
  readonly #events = new Map<string, (() => void)[]>();
  #last = 0;
  #session = '';
  /** Exceptions of scripts and failed loads since the page was opened. */
  readonly problems: string[] = [];

  private constructor(program: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'tsdbt-chromium-'));
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage'];
    this.#process = spawn(
      program,
      [...flags, `--user-data-dir=${this.#folder}`, '--remote-debugging-pipe', 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    );
    const [, , , to, from] = this.#process.stdio;
    this.#to = to as Writable;
    let text = '';
    (from as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const messages = (text + chunk).split('\0');
      text = messages.pop() ?? '';
      for (const message of messages) this.#take(JSON.parse(message) as Answer);
    });
    this.#to.on('error', () => undefined);
    this.#process.on('error', (error) => this.#fail(error));
    this.#process.on('exit', (code) => this.#fail(new Error(`Chromium ended with ${code}`)));
  }

  /** Starts the browser with one page of that size. */
  static async start(program: string, width: number, height: number): Promise<Browser> {
    const browser = new Browser(program);
    const { targetId } = await browser.#ask<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
    const attached = { targetId, flatten: true };
    const { sessionId } = await browser.#ask<{ sessionId: string }>('Target.attachToTarget', attached);
    browser.#session = sessionId;
    for (const domain of ['Page', 'Runtime', 'Log']) await browser.#ask(`${domain}.enable`);
    await browser.resize(width, height);
    return browser;
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  /** Resolves when the page and all its resources are loaded. */
  async open(url: string): Promise<void> {
    this.problems.length = 0;
    const loaded = new Promise<void>((resolve) => {
      this.#events.set('Page.loadEventFired', [...(this.#events.get('Page.loadEventFired') ?? []), resolve]);
    });
    await this.#ask('Page.navigate', { url });
    await loaded;
  }

  /** The value of an expression in the page, after promises have resolved. @throws what the expression throws */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#ask<{
      result: { value: T };
      exceptionDetails?: Exception;
    }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(problemOf(exceptionDetails));
    return result.value;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    await this.#ask('Browser.close').catch(() => undefined);
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }

  #ask<T>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#last;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    const session = this.#session === '' || method.startsWith('Browser.') ? {} : { sessionId: this.#session };
    this.#to.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return answer as Promise<T>;
  }

  #take({ id, method, params, result, error }: Answer): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error.message));
      return;
    }
    if (method === 'Runtime.exceptionThrown')
      this.problems.push(problemOf((params as { exceptionDetails: Exception }).exceptionDetails));
    if (method === 'Log.entryAdded') this.problems.push((params as { entry: { text: string } }).entry.text);
    for (const resolve of this.#events.get(method ?? '') ?? []) resolve();
    this.#events.delete(method ?? '');
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

const problemOf = ({ text, exception }: Exception): string => exception?.description ?? text;
