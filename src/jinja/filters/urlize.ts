// Turns URLs and e-mail addresses in escaped text into links.
import { escapeText } from '../markup.ts';

export interface UrlizeOptions {
  /** Maximum length of a link's text. */
  readonly limit: number | undefined;
  readonly rel: string;
  readonly target: string | undefined;
  /** Additional URI schemes, such as `tel:`, that become links. */
  readonly schemes: readonly string[];
}

const HTTP = new RegExp(
  '^(?:(?:https?://|www\\.)(?:(?:[\\w%-]+\\.)+)?(?:[a-z]{2,63}|xn--[\\w%]{2,59})' +
    '|(?:[\\w%-]{2,63}\\.)+(?:com|net|int|edu|gov|org|info|mil)' +
    '|https?://(?:\\d{1,3}(?:\\.\\d{1,3}){3}|\\[(?:[\\da-f]{0,4}:){2}(?:[\\da-f]{0,4}:?){1,6}\\]))' +
    '(?::\\d{1,5})?(?:[/?#]\\S*)?$',
  'i',
);
const EMAIL = /^\S+@\w[\w.-]*\.\w+$/;
const BRACKETS: readonly (readonly [string, string])[] = [
  ['(', ')'],
  ['<', '>'],
  ['&lt;', '&gt;'],
];

export function urlize(text: string, options: UrlizeOptions): string {
  const rel = options.rel === '' ? '' : ` rel="${escapeText(options.rel)}"`;
  const target = options.target === undefined || options.target === '' ? '' : ` target="${escapeText(options.target)}"`;
  const trimmed = (url: string) => {
    const points = Array.from(url);
    return options.limit !== undefined && points.length > options.limit
      ? `${points.slice(0, options.limit).join('')}...`
      : url;
  };
  return text
    .split(/(\s+)/)
    .map((word) => {
      const head = /^(?:[(<]|&lt;)+/.exec(word)?.[0] ?? '';
      let middle = word.slice(head.length);
      let tail = /(?<![)>.,\n]|&gt;)(?:[)>.,\n]|&gt;)+$/.exec(middle)?.[0] ?? '';
      middle = middle.slice(0, middle.length - tail.length);
      for (const [open, close] of BRACKETS) {
        const opened = count(middle, open);
        if (opened <= count(middle, close)) continue;
        for (let i = Math.min(opened, count(tail, close)); i > 0; i--) {
          const end = tail.indexOf(close) + close.length;
          middle += tail.slice(0, end);
          tail = tail.slice(end);
        }
      }
      return head + linked(middle) + tail;
    })
    .join('');

  function linked(word: string): string {
    if (HTTP.test(word)) {
      const url = /^https?:\/\//.test(word) ? word : `https://${word}`;
      return `<a href="${url}"${rel}${target}>${trimmed(word)}</a>`;
    }
    if (word.startsWith('mailto:') && EMAIL.test(word.slice(7))) return `<a href="${word}">${word.slice(7)}</a>`;
    if (
      word.includes('@') &&
      !word.startsWith('www.') &&
      !word.startsWith('@') &&
      !word.includes(':') &&
      EMAIL.test(word)
    ) {
      return `<a href="mailto:${word}">${word}</a>`;
    }
    for (const scheme of options.schemes) {
      if (word !== scheme && word.startsWith(scheme)) return `<a href="${word}"${rel}${target}>${word}</a>`;
    }
    return word;
  }
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}
