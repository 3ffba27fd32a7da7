// Reads options of a load config by type, with one error each. Callers define which options exist.
import type { Json } from '../../contracts/node.ts';
import { knownWords } from '../../values/close-matches.ts';

export type Options = { readonly [name: string]: Json };

/** Throws the error of a load config. */
export type Refuse = (message: string, hint?: string) => never;

/** @param place the option that contains these */
export function refuseUnknown(options: Options, known: readonly string[], refuse: Refuse, place?: string): void {
  for (const option of Object.keys(options))
    if (!known.includes(option))
      refuse(
        `unknown option '${option}'${place === undefined ? '' : ` in '${place}'`}`,
        `${knownWords('Options', option, known)}.`,
      );
}

export class OptionReader {
  readonly #options: Options;
  readonly #refuse: Refuse;

  constructor(options: Options, refuse: Refuse) {
    this.#options = options;
    this.#refuse = refuse;
  }

  text(name: string, fallback: string): string {
    const value = this.#options[name];
    if (value === undefined) return fallback;
    return typeof value === 'string' && value !== ''
      ? value
      : this.#refuse(`'${name}' must be a text, found ${JSON.stringify(value)}`);
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.#options[name];
    if (value === undefined) return fallback;
    return (
      choices.find((choice) => choice === value) ??
      this.#refuse(`'${name}' must be one of ${choices.join(', ')}, found ${JSON.stringify(value)}`)
    );
  }

  names(name: string): string[] {
    const value = this.#options[name];
    if (value === undefined) return [];
    const list = Array.isArray(value) ? value : [value];
    if (!list.every((item): item is string => typeof item === 'string' && item !== ''))
      return this.#refuse(`'${name}' must be a list of names, found ${JSON.stringify(value)}`);
    if (new Set(list).size !== list.length) return this.#refuse(`'${name}' has a name twice`);
    return list;
  }
}
